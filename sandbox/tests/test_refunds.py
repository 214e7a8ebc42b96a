import asyncio

import pytest
import stripe


async def paid(client: stripe.StripeClient) -> stripe.PaymentIntent:
    return await client.v1.payment_intents.create_async(
        {"amount": 5000, "currency": "gbp", "payment_method": "pm_card_visa", "confirm": True}
    )


async def test_refunds_add_up_and_stop_at_what_was_charged(client):
    intent = await paid(client)
    first = await client.v1.refunds.create_async(
        {"payment_intent": intent.id, "amount": 2000, "reason": "requested_by_customer"}
    )
    assert (first.status, first.amount, first.charge) == ("succeeded", 2000, intent.latest_charge)

    with pytest.raises(stripe.InvalidRequestError) as refused:
        await client.v1.refunds.create_async({"payment_intent": intent.id, "amount": 3001})
    assert refused.value.param == "amount"
    assert "£30.01" in str(refused.value)
    assert "£30.00" in str(refused.value)

    rest = await client.v1.refunds.create_async({"charge": intent.latest_charge})
    assert rest.amount == 3000
    with pytest.raises(stripe.InvalidRequestError) as again:
        await client.v1.refunds.create_async({"payment_intent": intent.id})
    assert again.value.code == "charge_already_refunded"

    charge = await client.v1.charges.retrieve_async(intent.latest_charge)
    assert (charge.amount_refunded, charge.refunded) == (5000, True)
    now = await client.v1.payment_intents.retrieve_async(intent.id)
    assert now.status == "succeeded"
    listed = await client.v1.refunds.list_async({"payment_intent": intent.id})
    assert [one.id for one in listed.data] == [rest.id, first.id]
    by_charge = await client.v1.refunds.list_async({"charge": intent.latest_charge})
    assert len(by_charge.data) == 2


async def test_refund_events_carry_the_running_total(client):
    intent = await paid(client)
    for amount in (1000, 4000):
        await client.v1.refunds.create_async({"payment_intent": intent.id, "amount": amount})
    events = await client.v1.events.list_async({"type": "charge.refunded"})
    totals = [
        (event.data.object["amount_refunded"], event.data.previous_attributes.to_dict())
        for event in reversed(events.data)
    ]
    assert totals == [
        (1000, {"amount_refunded": 0}),
        (5000, {"amount_refunded": 1000, "refunded": False}),
    ]


async def test_refunds_at_once_never_exceed_the_charge(client):
    intent = await paid(client)
    results = await asyncio.gather(
        *(
            client.v1.refunds.create_async({"payment_intent": intent.id, "amount": 1500})
            for _ in range(8)
        ),
        return_exceptions=True,
    )
    assert sum(isinstance(one, stripe.Refund) for one in results) == 3
    charge = await client.v1.charges.retrieve_async(intent.latest_charge)
    assert charge.amount_refunded == 4500


async def test_what_was_never_paid_cannot_be_refunded(client):
    intent = await client.v1.payment_intents.create_async({"amount": 5000, "currency": "gbp"})
    with pytest.raises(stripe.InvalidRequestError, match="successful charge"):
        await client.v1.refunds.create_async({"payment_intent": intent.id})
    with pytest.raises(stripe.InvalidRequestError) as unknown:
        await client.v1.refunds.create_async({"payment_intent": "pi_unknown"})
    assert unknown.value.code == "resource_missing"
    with pytest.raises(stripe.InvalidRequestError) as missing:
        await client.v1.refunds.create_async({})
    assert missing.value.code == "parameter_missing"


async def test_a_failed_charge_before_the_good_one_is_not_what_is_refunded(client):
    intent = await client.v1.payment_intents.create_async({"amount": 5000, "currency": "gbp"})
    with pytest.raises(stripe.CardError):
        await client.v1.payment_intents.confirm_async(
            intent.id, {"payment_method": "pm_card_visa_chargeDeclined"}
        )
    intent = await client.v1.payment_intents.confirm_async(
        intent.id, {"payment_method": "pm_card_visa"}
    )
    refund = await client.v1.refunds.create_async({"payment_intent": intent.id})
    assert refund.charge == intent.latest_charge


async def test_metadata_of_a_refund_can_change(client):
    intent = await paid(client)
    refund = await client.v1.refunds.create_async(
        {"payment_intent": intent.id, "metadata": {"attempt_id": "r-1"}}
    )
    changed = await client.v1.refunds.update_async(refund.id, {"metadata": {"more": "yes"}})
    assert changed.metadata.to_dict() == {"attempt_id": "r-1", "more": "yes"}
