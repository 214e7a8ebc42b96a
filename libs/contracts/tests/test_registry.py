"""The registry says who speaks and who listens, without contradiction."""

import re

import pytest

from contracts import booking, changes, customers, notifications, offerings, payments, visits
from contracts.message import Message
from contracts.registry import (
    CONTRACTS,
    Contract,
    UnknownContract,
    consumed_by,
    contract,
    published_by,
)
from contracts.testing import example

CONTRACT = pytest.mark.parametrize("entry", CONTRACTS, ids=lambda entry: entry.name)
PRODUCERS = {"booking", "payments", "customers", "notifications"}


@CONTRACT
def test_a_contract_is_found_by_its_name(entry: Contract) -> None:
    assert contract(entry.name) is entry
    assert entry.name == entry.model.TYPE
    assert entry.name in published_by(entry.producer)
    assert all(entry.name in consumed_by(service) for service in entry.consumers)


@CONTRACT
def test_names_are_subject_fact_and_version(entry: Contract) -> None:
    assert re.fullmatch(r"[a-z]+\.[a-z_]+\.v[1-9][0-9]*", entry.name)


@CONTRACT
def test_a_producer_is_known_and_does_not_listen_to_itself(entry: Contract) -> None:
    assert entry.producer in PRODUCERS
    assert set(entry.consumers) <= PRODUCERS | {"gateway"}
    assert entry.producer not in entry.consumers
    assert len(set(entry.consumers)) == len(entry.consumers)


@CONTRACT
def test_every_message_says_what_it_is_about(entry: Contract) -> None:
    message = example(entry.name)
    assert entry.key_of(message) == str(message.model_dump()[entry.key])
    assert "org_id" in entry.model.model_fields


def test_every_message_class_that_has_a_name_is_registered() -> None:
    modules = (booking, offerings, visits, changes, payments, customers, notifications)
    named = {
        found
        for module in modules
        for found in vars(module).values()
        if isinstance(found, type) and issubclass(found, Message) and hasattr(found, "TYPE")
    }
    assert named == {entry.model for entry in CONTRACTS}
    assert len({entry.name for entry in CONTRACTS}) == len(CONTRACTS)


def test_an_unknown_name_is_refused_by_name() -> None:
    with pytest.raises(UnknownContract, match=r"booking\.teleported\.v1") as unknown:
        contract("booking.teleported.v1")
    assert unknown.value.message_type == "booking.teleported.v1"


def test_a_stranger_listens_to_nothing_and_publishes_nothing() -> None:
    assert consumed_by("stranger") == published_by("stranger") == ()


def test_only_messages_with_a_durable_listener_must_be_routable() -> None:
    assert contract("booking.held.v1").mandatory
    assert contract("payment.ready.v1").mandatory
    assert not contract("notification.sent.v1").mandatory
    just_the_gateway = Contract(booking.BookingHeld, "booking", ("gateway",), "live streams")
    assert not just_the_gateway.mandatory
