import pytest
import stripe

from sandbox import conformance


async def pay(client, card: str = "pm_card_createDispute", **more) -> stripe.PaymentIntent:
    order = {"amount": 5000, "currency": "gbp", "payment_method": card, "confirm": True}
    return await client.v1.payment_intents.create_async({**order, **more})


async def only_dispute(client, intent) -> stripe.Dispute:
    found = await client.v1.disputes.list_async({"payment_intent": intent.id})
    assert len(found.data) == 1
    return found.data[0]


async def told(client) -> list[tuple[str, str]]:
    """Types of events about disputes with the dispute's status in them, oldest first."""
    events = await client.v1.events.list_async({"type": "charge.dispute.*", "limit": 100})
    return [
        (event.type.removeprefix("charge.dispute."), event.data.object["status"])
        for event in reversed(events.data)
    ]


async def settle(control, dispute, outcome: str) -> int:
    path = f"/_sandbox/disputes/{dispute.id}/settle"
    return (await control.post(path, json={"outcome": outcome})).status


@pytest.mark.parametrize(
    ("number", "card", "reason", "status", "events"),
    [
        (
            "4000000000000259",
            "pm_card_createDispute",
            "fraudulent",
            "needs_response",
            ["created", "funds_withdrawn"],
        ),
        (
            "4000000000002685",
            "pm_card_createDisputeProductNotReceived",
            "product_not_received",
            "needs_response",
            ["created", "funds_withdrawn"],
        ),
        (
            "4000000000001976",
            "pm_card_createDisputeInquiry",
            "fraudulent",
            "warning_needs_response",
            ["created"],
        ),
    ],
)
async def test_a_card_that_disputes_pays_first(client, raw, number, card, reason, status, events):
    method = await raw.post(
        "/v1/payment_methods",
        data={
            "type": "card",
            "card[number]": number,
            "card[exp_month]": "12",
            "card[exp_year]": "2040",
        },
    )
    for paid_by in (card, method.json()["id"]):
        intent = await pay(client, paid_by)
        assert intent.status == "succeeded"
        dispute = await only_dispute(client, intent)
        assert (dispute.reason, dispute.status, dispute.amount) == (reason, status, 5000)
        assert dispute.charge == intent.latest_charge
        assert dispute.evidence_details.due_by > dispute.created
        charge = await client.v1.charges.retrieve_async(intent.latest_charge)
        assert charge.disputed
    assert [kind for kind, _ in await told(client)] == events * 2


async def test_the_payment_is_told_before_its_dispute(client):
    await pay(client)
    events = await client.v1.events.list_async()
    assert [event.type for event in reversed(events.data)] == [
        "payment_intent.created",
        "payment_intent.succeeded",
        "charge.succeeded",
        "charge.dispute.created",
        "charge.dispute.funds_withdrawn",
    ]


async def test_what_is_only_authorised_is_disputed_once_it_is_captured(client):
    intent = await pay(client, capture_method="manual")
    assert not (await client.v1.disputes.list_async({"payment_intent": intent.id})).data
    await client.v1.payment_intents.capture_async(intent.id, {"amount_to_capture": 3000})
    assert (await only_dispute(client, intent)).amount == 3000


async def test_a_won_dispute_gives_the_money_back(client, control):
    intent = await pay(client)
    dispute = await only_dispute(client, intent)
    assert await settle(control, dispute, "escalated") == 409
    assert await settle(control, dispute, "won") == 200
    assert await settle(control, dispute, "lost") == 409
    assert await told(client) == [
        ("created", "needs_response"),
        ("funds_withdrawn", "needs_response"),
        ("closed", "won"),
        ("funds_reinstated", "won"),
    ]
    charge = await client.v1.charges.retrieve_async(intent.latest_charge)
    assert charge.disputed
    refund = await client.v1.refunds.create_async({"payment_intent": intent.id})
    assert refund.status == "succeeded"


async def test_a_lost_dispute_keeps_it(client, control):
    dispute = await only_dispute(client, await pay(client))
    assert await settle(control, dispute, "lost") == 200
    assert (await told(client))[2:] == [("closed", "lost")]


async def test_what_the_bank_took_is_not_refunded_besides(client, control):
    intent = await pay(client)
    for _ in range(2):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            await client.v1.refunds.create_async({"payment_intent": intent.id})
        assert refused.value.code == "charge_disputed"
        # Open or lost.
        await settle(control, await only_dispute(client, intent), "lost")
    assert not (await client.v1.refunds.list_async({"payment_intent": intent.id})).data


async def test_an_inquiry_takes_nothing_until_it_is_escalated(client, control):
    intent = await pay(client, "pm_card_createDisputeInquiry")
    dispute = await only_dispute(client, intent)
    assert dispute.is_charge_refundable
    await client.v1.refunds.create_async({"payment_intent": intent.id, "amount": 1000})
    assert await settle(control, dispute, "escalated") == 200
    assert await told(client) == [
        ("created", "warning_needs_response"),
        ("updated", "needs_response"),
        ("funds_withdrawn", "needs_response"),
    ]
    with pytest.raises(stripe.InvalidRequestError, match="charged back"):
        await client.v1.refunds.create_async({"payment_intent": intent.id})


async def test_an_inquiry_that_is_over_was_neither_won_nor_lost(client, control):
    dispute = await only_dispute(client, await pay(client, "pm_card_createDisputeInquiry"))
    closed = await client.v1.disputes.close_async(dispute.id)
    assert closed.status == "warning_closed"
    assert (await told(client))[1:] == [("closed", "warning_closed")]


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("The guest was here.", "under_review"),
        ("winning_evidence", "won"),
        ("losing_evidence", "lost"),
    ],
)
async def test_evidence_is_sent_once(client, text, status):
    dispute = await only_dispute(client, await pay(client))
    staged = await client.v1.disputes.update_async(
        dispute.id, {"evidence": {"customer_name": "Ada"}, "submit": False}
    )
    assert (staged.status, staged.evidence_details.submission_count) == ("needs_response", 0)
    assert staged.evidence_details.has_evidence
    sent = await client.v1.disputes.update_async(
        dispute.id, {"evidence": {"uncategorized_text": text}}
    )
    assert (sent.status, sent.evidence_details.submission_count) == (status, 1)
    assert (sent.evidence.customer_name, sent.evidence.uncategorized_text) == ("Ada", text)
    with pytest.raises(stripe.InvalidRequestError):
        await client.v1.disputes.update_async(dispute.id, {"evidence": {"customer_name": "Bo"}})
    noted = await client.v1.disputes.update_async(dispute.id, {"metadata": {"by": "staff"}})
    assert noted.metadata.to_dict() == {"by": "staff"}


async def test_evidence_can_escalate_an_inquiry(client):
    dispute = await only_dispute(client, await pay(client, "pm_card_createDisputeInquiry"))
    sent = await client.v1.disputes.update_async(
        dispute.id, {"evidence": {"uncategorized_text": "escalate_inquiry_evidence"}}
    )
    assert sent.status == "needs_response"


async def test_there_is_a_limit_to_what_the_bank_reads(client):
    dispute = await only_dispute(client, await pay(client))
    names = ("access_activity_log", "cancellation_rebuttal", "product_description")
    more = ("refund_policy_disclosure", "refund_refusal_explanation", "billing_address")
    much = dict.fromkeys([*names, *more, "shipping_address", "uncategorized_text"], "x" * 19_000)
    with pytest.raises(stripe.InvalidRequestError, match="150,000"):
        await client.v1.disputes.update_async(dispute.id, {"evidence": much})
    assert (await only_dispute(client, await pay(client))).status == "needs_response"


async def test_giving_in_loses_and_can_not_be_taken_back(client):
    dispute = await only_dispute(client, await pay(client))
    assert (await client.v1.disputes.close_async(dispute.id)).status == "lost"
    with pytest.raises(stripe.InvalidRequestError, match="already closed"):
        await client.v1.disputes.close_async(dispute.id)


async def test_any_payment_can_be_disputed_by_hand(client, control):
    intent = await pay(client, "pm_card_visa")
    await client.v1.refunds.create_async({"payment_intent": intent.id, "amount": 1000})
    path = f"/_sandbox/payment_intents/{intent.id}/dispute"
    made = await control.post(path, json={"reason": "duplicate"})
    assert (made.json()["amount"], made.json()["reason"]) == (4000, "duplicate")
    assert (await control.post(path)).status == 409
    assert (await control.post(path, json={"reason": "boredom"})).status == 422
    assert (await control.post("/_sandbox/payment_intents/pi_none/dispute")).status == 404
    unpaid = await client.v1.payment_intents.create_async({"amount": 500, "currency": "gbp"})
    assert (await control.post(f"/_sandbox/payment_intents/{unpaid.id}/dispute")).status == 400


async def test_the_page_opens_and_settles_disputes(client, browser):
    intent = await pay(client, "pm_card_visa")
    after = await browser.post(f"/_sandbox/act/dispute/{intent.id}")
    assert "needs_response" in after.text
    dispute = await only_dispute(client, intent)
    assert f'action="/_sandbox/act/won/{dispute.id}"' in after.text
    assert f"{dispute.id}: won" in (await browser.post(f"/_sandbox/act/won/{dispute.id}")).text
    again = await browser.post(f"/_sandbox/act/lost/{dispute.id}")
    assert "is won already" in again.text
    assert f'action="/_sandbox/act/lost/{dispute.id}"' not in again.text


async def test_answers_have_the_shape_the_sdk_is_typed_for(client, raw, control):
    for card in ("pm_card_createDispute", "pm_card_createDisputeInquiry"):
        dispute = await only_dispute(client, await pay(client, card))
        for method, path, data in (
            ("GET", f"/v1/disputes/{dispute.id}?expand[]=charge&expand[]=payment_intent", {}),
            ("POST", f"/v1/disputes/{dispute.id}", {"evidence[customer_name]": "Ada"}),
            ("POST", f"/v1/disputes/{dispute.id}/close", {}),
            ("POST", f"/v1/disputes/{dispute.id}/close", {}),
            ("GET", f"/v1/disputes?charge={dispute.charge}", {}),
            ("GET", "/v1/events?type=charge.dispute.*", {}),
        ):
            answer = await raw.request(method, path, **({"data": data} if data else {}))
            assert conformance.check_answer(answer.json()) == [], path
