"""What producers and consumers hold themselves to."""

import pytest
from pydantic import Field, create_model

from chassis.sealing import Sealer
from contracts import Contact, Message
from contracts.booking import BookingCancelled, BookingConfirmed, BookingExpired, VenueChanged
from contracts.registry import CONTRACTS, UnknownContract
from contracts.testing import EXAMPLE_CONTACT_KEYS, example, same_shape

NOT_BOTH = {
    "booking.held.v1": {"received_by"},  # a payment by card is in nobody's hand
    "payment.ready.v1": {"transfer"},  # nor sent by the guest themselves
}
"""What an example cannot have beside the rest of it."""


@pytest.mark.parametrize("entry", CONTRACTS, ids=lambda entry: entry.name)
def test_an_example_comes_by_name_or_model_and_has_its_own_shape(entry) -> None:
    golden = example(entry.name)
    assert type(golden) is entry.model
    assert golden == example(entry.model)
    assert same_shape(golden, example(entry.name))


@pytest.mark.parametrize("entry", CONTRACTS, ids=lambda entry: entry.name)
def test_examples_show_a_value_for_every_field(entry) -> None:
    empty = {
        name for name, value in example(entry.name).model_dump().items() if value in (None, (), "")
    }
    assert empty == NOT_BOTH.get(entry.name, set())


def test_contacts_in_examples_can_be_opened() -> None:
    opened = Sealer(EXAMPLE_CONTACT_KEYS).open(example(BookingConfirmed).contact)
    assert Contact.model_validate(opened).email == "guest@example.com"


def test_there_is_no_example_of_what_is_not_in_the_registry() -> None:
    class Impostor(Message):
        TYPE = "booking.expired.v1"

    with pytest.raises(UnknownContract):
        example("booking.teleported.v1")
    with pytest.raises(UnknownContract):
        example(Impostor)


@pytest.mark.parametrize(
    ("model", "change", "said"),
    [
        (BookingCancelled, {"reason": None}, "reason: text expected, not null"),
        (BookingCancelled, {"reason": ""}, "reason: empty"),
        (BookingCancelled, {"contact": "guest@example.com"}, "contact: a sealed object expected"),
        (BookingCancelled, {"refund": None}, "refund: object expected, not null"),
        (BookingConfirmed, {"resources": ()}, "resources: empty"),
        (BookingExpired, {"expired_at": "soon"}, "expired_at: an instant in UTC expected"),
        (BookingExpired, {"booking_id": "BRL-1"}, "booking_id: a UUID expected"),
        (BookingExpired, {"booking_id": 7}, "booking_id: text expected, not whole number"),
    ],
)
@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
def test_a_message_in_another_shape_is_refused_with_the_difference(model, change, said) -> None:
    golden = example(model)
    with pytest.raises(AssertionError) as refused:
        same_shape(golden.model_copy(update=change), golden)
    assert said in str(refused.value)


def test_a_case_without_a_value_says_so() -> None:
    cancelled = example(BookingCancelled)
    assert same_shape(cancelled.model_copy(update={"reason": None}), cancelled, without=["reason"])
    confirmed = example(BookingConfirmed)
    bare = confirmed.model_copy(update={"resources": ()})
    assert same_shape(bare, confirmed, without=["resources"])
    with pytest.raises(AssertionError, match="contact"):
        same_shape(confirmed.model_copy(update={"contact": ""}), confirmed, without=["contact"])


def test_another_message_is_refused() -> None:
    with pytest.raises(AssertionError, match="BookingExpired expected, not VenueChanged"):
        same_shape(example(VenueChanged), example(BookingExpired))


def test_items_of_lists_are_compared_too() -> None:
    confirmed = example(BookingConfirmed)
    odd = create_model("Odd", number=(int, Field()))(number=7)
    with pytest.warns(UserWarning, match="serializer"), pytest.raises(AssertionError) as refused:
        same_shape(confirmed.model_copy(update={"resources": (odd,)}), confirmed)
    assert "resources[].label: missing" in str(refused.value)
    assert "resources[].number: text expected, not whole number" in str(refused.value)
