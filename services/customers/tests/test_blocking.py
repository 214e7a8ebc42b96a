"""A customer who may not book, and who gets to know of it."""

import asyncio
from collections.abc import Sequence
from uuid import UUID, uuid4

import orjson
import pytest

from chassis.ids import uuid7
from contracts.customers import CustomerBlocked, CustomerUnblocked
from contracts.testing import example, same_shape
from customers.domain.customer import Customer, Status
from customers.identity import IdentityKeys
from customers.problems import NoSuchCustomer, StaleVersion
from customers.usecases.edit_customer import Edit, edit_customer

from .conftest import Inbox, Story

PHONE, EMAIL = "+447700900123", "guest@example.com"


class Desk:
    """Staff of one organisation, at work on one customer."""

    def __init__(self, inbox: Inbox, customer_id: UUID) -> None:
        self.inbox = inbox
        self.customer_id = customer_id

    async def edit(self, **changes: object) -> Customer:
        order = Edit(self.customer_id, actor="key:desk", **changes)  # type: ignore[arg-type]
        return await self.inbox.db.run(self.inbox.org_id, lambda tx: edit_customer(tx, order))

    async def told(self) -> list[tuple[str, int, Sequence[str]]]:
        rows = await self.inbox.rows(
            """SELECT type, sequence, payload FROM messaging.outbox
               WHERE ordering_key = $1 ORDER BY sequence""",
            str(self.customer_id),
        )
        return [
            (
                str(row["type"]),
                int(str(row["sequence"])),
                orjson.loads(str(row["payload"]))["hashes"],
            )
            for row in rows
        ]


@pytest.fixture
def hashes(keys: IdentityKeys) -> list[str]:
    """As booking computes them from the same key and the same normal form."""
    return [keys.hash(PHONE).hex(), keys.hash(EMAIL).hex()]


async def desk_of(inbox: Inbox) -> Desk:
    await inbox.hand(Story(inbox.org_id, phone=PHONE, email=EMAIL).confirmed())
    [customer] = await inbox.customers()
    return Desk(inbox, UUID(str(customer["id"])))


async def test_blocking_tells_all_that_the_customer_is_known_by(
    inbox: Inbox, hashes: list[str]
) -> None:
    """CUS-17."""
    desk = await desk_of(inbox)
    blocked = await desk.edit(status=Status.BLOCKED, reason="three no-shows")
    assert (blocked.status, blocked.version) == (Status.BLOCKED, 2)
    [(kind, sequence, told)] = await desk.told()
    assert (kind, sequence, sorted(told)) == ("customer.blocked.v1", 2, sorted(hashes))
    await desk.edit(status=Status.ACTIVE)
    assert [(kind, sequence) for kind, sequence, _ in await desk.told()] == [
        ("customer.blocked.v1", 2),
        ("customer.unblocked.v1", 3),
    ]


async def test_what_is_told_has_the_shape_of_its_contract(inbox: Inbox) -> None:
    desk = await desk_of(inbox)
    await desk.edit(status=Status.BLOCKED)
    await desk.edit(status=Status.INACTIVE)
    rows = await inbox.rows(
        "SELECT payload FROM messaging.outbox WHERE ordering_key = $1 ORDER BY sequence",
        str(desk.customer_id),
    )
    for row, model in zip(rows, (CustomerBlocked, CustomerUnblocked), strict=True):
        assert same_shape(model.from_json(str(row["payload"])), example(model))


async def test_asking_for_what_is_so_already_changes_and_tells_nothing(inbox: Inbox) -> None:
    desk = await desk_of(inbox)
    for _ in range(2):
        assert (await desk.edit(status=Status.BLOCKED)).version == 2
    assert len(await desk.told()) == 1
    assert len(await inbox.rows("SELECT 1 FROM audit")) == 1


async def test_notes_and_putting_aside_are_nobody_elses_business(inbox: Inbox) -> None:
    desk = await desk_of(inbox)
    edited = await desk.edit(status=Status.INACTIVE, notes="Prefers the window")
    assert (edited.notes, edited.status) == ("Prefers the window", Status.INACTIVE)
    assert await desk.told() == []


async def test_every_change_is_on_record_without_what_the_notes_say(inbox: Inbox) -> None:
    """AUD-01."""
    desk = await desk_of(inbox)
    await desk.edit(status=Status.BLOCKED, notes="Shouted", reason="three no-shows")
    [row] = await inbox.rows("SELECT * FROM audit")
    assert (row["entity_id"], row["actor"], row["reason"]) == (
        desk.customer_id,
        "key:desk",
        "three no-shows",
    )
    assert row["before"] == {"status": "active", "notes_length": 0}
    assert row["after"] == {"status": "blocked", "notes_length": 7}


async def test_a_further_address_of_a_blocked_customer_is_told(
    inbox: Inbox, keys: IdentityKeys, hashes: list[str]
) -> None:
    desk = await desk_of(inbox)
    await desk.edit(status=Status.BLOCKED)
    await inbox.hand(Story(inbox.org_id, phone=PHONE, email="other@example.com").confirmed())
    _, (kind, sequence, told) = await desk.told()
    assert (kind, sequence) == ("customer.blocked.v1", 3)
    assert sorted(told) == sorted([*hashes, keys.hash("other@example.com").hex()])
    await inbox.hand(Story(inbox.org_id, phone=PHONE, email="other@example.com").confirmed())
    assert len(await desk.told()) == 2  # nothing new was learnt


async def test_blocking_while_bookings_come_in_leaves_no_address_untold(
    inbox: Inbox, keys: IdentityKeys, hashes: list[str]
) -> None:
    desk = await desk_of(inbox)
    addresses = [f"guest{n}@example.com" for n in range(6)]
    stories = [Story(inbox.org_id, phone=PHONE, email=address) for address in addresses]
    await asyncio.gather(
        *(inbox.hand(story.confirmed()) for story in stories[:3]),
        desk.edit(status=Status.BLOCKED),
        *(inbox.hand(story.confirmed()) for story in stories[3:]),
    )
    *_, (_, _, told) = await desk.told()
    assert set(told) == {*hashes, *(keys.hash(address).hex() for address in addresses)}


async def test_an_edit_of_an_older_version_is_refused(inbox: Inbox) -> None:
    desk = await desk_of(inbox)
    await desk.edit(notes="first", version=1)
    with pytest.raises(StaleVersion):
        await desk.edit(notes="second", version=1)
    assert (await desk.edit(notes="second", version=2)).notes == "second"


async def test_bookings_do_not_make_an_edit_stale(inbox: Inbox) -> None:
    desk = await desk_of(inbox)
    await inbox.hand(Story(inbox.org_id).confirmed())
    assert (await desk.edit(notes="still fits", version=1)).total_bookings == 2


async def test_nobody_blocks_another_organisations_customer(inbox: Inbox) -> None:
    desk = await desk_of(inbox)
    stranger = Desk(Inbox(inbox.db, inbox.table, uuid4()), desk.customer_id)
    with pytest.raises(NoSuchCustomer):
        await stranger.edit(status=Status.BLOCKED)
    with pytest.raises(NoSuchCustomer):
        await Desk(inbox, uuid7()).edit(status=Status.BLOCKED)


async def test_a_corrected_address_of_a_blocked_customer_is_told(
    inbox: Inbox, keys: IdentityKeys, hashes: list[str]
) -> None:
    story = Story(inbox.org_id, phone=PHONE, email=EMAIL)
    await inbox.hand(story.confirmed())
    [row] = await inbox.customers()
    desk = Desk(inbox, UUID(str(row["id"])))
    await desk.edit(status=Status.BLOCKED)
    for _ in range(2):
        await inbox.hand(story.corrected(phone=PHONE, email="other@example.com"))
    _, (kind, _, told) = await desk.told()
    assert kind == "customer.blocked.v1"
    assert sorted(told) == sorted([*hashes, keys.hash("other@example.com").hex()])
