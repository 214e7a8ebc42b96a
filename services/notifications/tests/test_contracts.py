"""Bound to the golden examples, as a listener and as a producer."""

from uuid import uuid4

import pytest

from chassis.testing import eventually
from contracts.booking import BookingConfirmed, VenueChanged
from contracts.notifications import NotificationFailed, NotificationSent
from contracts.registry import consumed_by, published_by
from contracts.testing import example, same_shape

from .conftest import Desk, MailHost


@pytest.mark.parametrize("message_type", consumed_by("notifications"))
async def test_every_example_sent_here_is_handled(desk: Desk, message_type: str) -> None:
    """Of a booking and a venue that are known."""
    message = example(message_type)
    fresh = {
        "org_id": desk.org_id, "booking_id": uuid4(), "venue_id": uuid4(), "entry_id": uuid4(),
    }  # fmt: skip
    update = {name: value for name, value in fresh.items() if hasattr(message, name)}
    for known in (example(VenueChanged), example(BookingConfirmed)):
        told = {name: value for name, value in fresh.items() if hasattr(known, name)}
        await desk.hear(known.model_copy(update=told), sequence=1)
    await desk.hear(message.model_copy(update=update))


def test_every_handler_has_a_contract(desk: Desk) -> None:
    assert desk.table.types == set(consumed_by("notifications"))


async def test_what_is_published_has_the_shape_of_its_contract(
    sending: Desk, mail_host: MailHost
) -> None:
    models = {NotificationSent.TYPE: NotificationSent, NotificationFailed.TYPE: NotificationFailed}
    assert set(published_by("notifications")) == set(models)
    await sending.hear(sending.confirmed())
    await eventually(lambda: mail_host.taken)
    mail_host.rcpt_answers.append("550 gone")
    await sending.hear(sending.cancelled())

    async def both() -> bool:
        return len(await sending.told()) == 2

    await eventually(both)
    for row in await sending.told():
        model = models[row["type"]]
        assert same_shape(model.from_json(row["payload"]), example(model))
