import asyncio
from typing import Any

import pytest
import stripe


async def held(client: stripe.StripeClient, **more: Any) -> stripe.PaymentIntent:
    return await client.v1.payment_intents.create_async(
        {"amount": 5000, "currency": "gbp", "automatic_payment_methods": {"enabled": True}, **more}
    )


def pay_as_browser(key: str, intent: stripe.PaymentIntent, card: str) -> dict[str, str]:
    """What Stripe.js posts: publishable key and client secret, a typed-in card."""
    return {
        "key": key.replace("sk_test_", "pk_test_"),
        "client_secret": intent.client_secret or "",
        "payment_method_data[type]": "card",
        "payment_method_data[card][number]": card,
        "payment_method_data[card][exp_month]": "12",
        "payment_method_data[card][exp_year]": "40",
        "payment_method_data[card][cvc]": "123",
    }


async def types_about(client: stripe.StripeClient) -> list[str]:
    listed = await client.v1.events.list_async({"limit": 100})
    return [event.type for event in reversed(listed.data)]


async def test_a_payment_intent_starts_without_a_payment_method(client):
    intent = await held(client, metadata={"attempt_id": "a-1"}, description="A table")

    assert intent.status == "requires_payment_method"
    assert intent.client_secret.startswith(f"{intent.id}_secret_")
    assert intent.metadata["attempt_id"] == "a-1"
    again = await client.v1.payment_intents.retrieve_async(intent.id)
    assert again.to_dict() == intent.to_dict()


async def test_the_browser_pays_with_the_publishable_key_and_the_client_secret(
    client, key, browser
):
    intent = await held(client, metadata={"secret": "not for browsers"})
    sent = pay_as_browser(key, intent, "4242 4242 4242 4242")
    answer = await browser.post(f"/v1/payment_intents/{intent.id}/confirm", data=sent)
    body = answer.json()

    assert answer.status == 200, body
    assert body["status"] == "succeeded"
    assert "metadata" not in body
    assert "latest_charge" not in body
    paid = await client.v1.payment_intents.retrieve_async(intent.id, {"expand": ["latest_charge"]})
    assert paid.amount_received == 5000
    assert paid.latest_charge.paid
    assert paid.latest_charge.payment_method_details.card.last4 == "4242"
    assert await types_about(client) == [
        "payment_intent.created",
        "payment_intent.succeeded",
        "charge.succeeded",
    ]


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"client_secret": "pi_x_secret_wrong"}, 400, "payment_intent_invalid_parameter"),
        ({"client_secret": None}, 400, "parameter_missing"),
        ({"key": None}, 401, None),
        ({"key": "pk_test_somebody_else"}, 404, "resource_missing"),
    ],
)
async def test_the_browser_needs_both_the_key_and_the_secret(
    client, key, browser, change, status, code
):
    intent = await held(client)
    sent = {**pay_as_browser(key, intent, "4242424242424242"), **change}
    answer = await browser.post(
        f"/v1/payment_intents/{intent.id}/confirm",
        data={name: value for name, value in sent.items() if value is not None},
    )
    body = answer.json()

    assert answer.status == status
    assert body["error"].get("code") == code


async def test_a_publishable_key_opens_nothing_else(browser, key):
    publishable = key.replace("sk_", "pk_")
    answer = await browser.get(
        "/v1/payment_intents", headers={"Authorization": f"Bearer {publishable}"}
    )
    body = answer.json()
    assert answer.status == 403
    assert body["error"]["code"] == "secret_key_required"


@pytest.mark.parametrize(
    ("number", "name", "code", "decline_code"),
    [
        ("4000000000000002", "pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
        (
            "4000000000009995",
            "pm_card_visa_chargeDeclinedInsufficientFunds",
            "card_declined",
            "insufficient_funds",
        ),
        ("4000000000009987", "pm_card_visa_chargeDeclinedLostCard", "card_declined", "lost_card"),
        ("4000000000000069", "pm_card_chargeDeclinedExpiredCard", "expired_card", None),
        ("4000000000000127", "pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", None),
        ("4000000000000119", "pm_card_chargeDeclinedProcessingError", "processing_error", None),
        ("4100000000000019", "pm_card_radarBlock", "card_declined", "fraudulent"),
        ("4000000000000341", "pm_card_chargeCustomerFail", "card_declined", "generic_decline"),
    ],
)
async def test_a_declined_card_leaves_the_intent_open_for_another(
    client, key, browser, number, name, code, decline_code
):
    intent = await held(client)

    answer = await browser.post(
        f"/v1/payment_intents/{intent.id}/confirm", data=pay_as_browser(key, intent, number)
    )
    error = answer.json()["error"]
    assert answer.status == 402
    assert (error["type"], error["code"]) == ("card_error", code)
    assert error.get("decline_code") == decline_code
    assert error["payment_intent"]["status"] == "requires_payment_method"

    with pytest.raises(stripe.CardError) as declined:
        await client.v1.payment_intents.confirm_async(intent.id, {"payment_method": name})
    assert declined.value.code == code

    now = await client.v1.payment_intents.retrieve_async(intent.id)
    assert now.status == "requires_payment_method"
    assert now.payment_method is None
    assert now.last_payment_error.code == code
    assert now.last_payment_error.charge == now.latest_charge
    charge = await client.v1.charges.retrieve_async(now.latest_charge)
    assert (charge.status, charge.failure_code, charge.paid) == ("failed", code, False)

    paid = await client.v1.payment_intents.confirm_async(
        intent.id, {"payment_method": "pm_card_visa"}
    )
    assert paid.status == "succeeded"
    assert paid.last_payment_error is None
    assert (await types_about(client)).count("payment_intent.payment_failed") == 2
    assert (await types_about(client)).count("charge.failed") == 2


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("4242424242424241", "incorrect_number"),
        ("12", "incorrect_number"),
        ("4111111111111111", "card_declined"),
    ],
)
async def test_a_number_that_is_no_test_card_never_becomes_a_charge(
    client, key, browser, number, code
):
    intent = await held(client)
    answer = await browser.post(
        f"/v1/payment_intents/{intent.id}/confirm", data=pay_as_browser(key, intent, number)
    )
    error = answer.json()["error"]
    assert (answer.status, error["code"]) == (402, code)
    now = await client.v1.payment_intents.retrieve_async(intent.id)
    assert now.latest_charge is None


async def test_authentication_is_asked_for_and_approved_on_the_page(client, sandbox, browser):
    intent = await held(client)
    asked = await client.v1.payment_intents.confirm_async(
        intent.id,
        {
            "payment_method": "pm_card_authenticationRequiredOnSetup",
            "return_url": "http://127.0.0.1:9/after?booking=7",
        },
    )
    assert asked.status == "requires_action"
    assert asked.next_action.type == "redirect_to_url"
    page = asked.next_action.redirect_to_url.url
    assert page.startswith(sandbox.url)

    shown = (await browser.get(page)).text
    assert "£50.00" in shown
    assert "Approve" in shown
    back = await browser.post(page, data={"verdict": "approve"}, allow_redirects=False)
    assert back.status == 303
    target = back.headers["Location"]
    gone = await browser.get(page)
    assert gone.status == 410
    assert target.startswith("http://127.0.0.1:9/after?booking=7&payment_intent=" + intent.id)
    assert target.endswith("redirect_status=succeeded")
    now = await client.v1.payment_intents.retrieve_async(intent.id)
    assert now.status == "succeeded"
    assert now.next_action is None
    assert await types_about(client) == [
        "payment_intent.created",
        "payment_intent.requires_action",
        "payment_intent.succeeded",
        "charge.succeeded",
    ]


async def test_failed_authentication_leaves_the_intent_open(client, browser):
    intent = await held(client)
    asked = await client.v1.payment_intents.confirm_async(
        intent.id, {"payment_method": "pm_card_authenticationRequiredOnSetup"}
    )
    done = await browser.post(asked.next_action.redirect_to_url.url, data={"verdict": "fail"})
    assert "not completed" in done.text
    now = await client.v1.payment_intents.retrieve_async(intent.id)
    assert now.status == "requires_payment_method"
    assert now.last_payment_error.code == "payment_intent_authentication_failure"
    assert now.latest_charge is None
    assert (await types_about(client))[-1] == "payment_intent.payment_failed"


@pytest.mark.parametrize(
    ("name", "approve", "status", "code"),
    [
        ("pm_card_authenticationRequired", True, "succeeded", None),
        ("pm_card_threeDSecure2Required", True, "succeeded", None),
        (
            "pm_card_threeDSecureRequiredChargeDeclined",
            True,
            "requires_payment_method",
            "card_declined",
        ),
        (
            "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds",
            True,
            "requires_payment_method",
            "card_declined",
        ),
        (
            "pm_card_authenticationRequired",
            False,
            "requires_payment_method",
            "payment_intent_authentication_failure",
        ),
    ],
)
async def test_every_authenticating_card_can_be_answered_by_the_control_api(
    client, control, name, approve, status, code
):
    intent = await held(client)
    await client.v1.payment_intents.confirm_async(intent.id, {"payment_method": name})
    answer = await control.post(
        f"/_sandbox/payment_intents/{intent.id}/authenticate", json={"approve": approve}
    )
    assert answer.status == 200
    now = await client.v1.payment_intents.retrieve_async(intent.id)
    assert now.status == status
    assert (now.last_payment_error.code if now.last_payment_error else None) == code
    again = await control.post(
        f"/_sandbox/payment_intents/{intent.id}/authenticate", json={"approve": True}
    )
    assert again.status == 409


async def test_without_the_customer_authentication_is_a_decline(client):
    with pytest.raises(stripe.CardError) as declined:
        await held(
            client,
            payment_method="pm_card_authenticationRequired",
            confirm=True,
            off_session=True,
        )
    assert declined.value.code == "authentication_required"


async def test_another_card_replaces_a_pending_authentication(client, browser):
    intent = await held(client)
    asked = await client.v1.payment_intents.confirm_async(
        intent.id, {"payment_method": "pm_card_authenticationRequired"}
    )
    paid = await client.v1.payment_intents.confirm_async(
        intent.id, {"payment_method": "pm_card_visa"}
    )
    assert paid.status == "succeeded"
    late = await browser.post(asked.next_action.redirect_to_url.url, data={"verdict": "approve"})
    assert late.status == 410
    charges = await client.v1.charges.list_async({"payment_intent": intent.id})
    assert len(charges.data) == 1


async def test_cancelling_is_final(client):
    intent = await held(client)
    cancelled = await client.v1.payment_intents.cancel_async(
        intent.id, {"cancellation_reason": "abandoned"}
    )
    assert (cancelled.status, cancelled.cancellation_reason) == ("canceled", "abandoned")
    assert cancelled.canceled_at is not None

    for attempt in (
        client.v1.payment_intents.cancel_async(intent.id),
        client.v1.payment_intents.confirm_async(intent.id, {"payment_method": "pm_card_visa"}),
        client.v1.payment_intents.update_async(intent.id, {"amount": 6000}),
    ):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            await attempt
        assert refused.value.http_status == 400
        assert refused.value.code == "payment_intent_unexpected_state"
        assert refused.value.error.payment_intent.status == "canceled"


async def test_cancelling_a_paid_intent_says_it_has_succeeded(client):
    intent = await held(client, payment_method="pm_card_visa", confirm=True)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await client.v1.payment_intents.cancel_async(intent.id)
    assert refused.value.code == "payment_intent_unexpected_state"
    assert refused.value.error.payment_intent.status == "succeeded"
    with pytest.raises(stripe.InvalidRequestError, match="already succeeded"):
        await client.v1.payment_intents.confirm_async(intent.id)


async def test_cancelling_kills_a_pending_authentication(client, browser):
    intent = await held(client)
    asked = await client.v1.payment_intents.confirm_async(
        intent.id, {"payment_method": "pm_card_authenticationRequired"}
    )
    await client.v1.payment_intents.cancel_async(intent.id)
    late = await browser.post(asked.next_action.redirect_to_url.url, data={"verdict": "approve"})
    assert late.status == 410
    assert (await client.v1.payment_intents.retrieve_async(intent.id)).status == "canceled"


async def test_pay_and_cancel_at_once_has_one_winner(client):
    for _ in range(5):
        intent = await held(client)
        results = await asyncio.gather(
            client.v1.payment_intents.confirm_async(intent.id, {"payment_method": "pm_card_visa"}),
            client.v1.payment_intents.cancel_async(intent.id),
            return_exceptions=True,
        )
        assert sum(isinstance(one, stripe.InvalidRequestError) for one in results) == 1
        now = await client.v1.payment_intents.retrieve_async(intent.id)
        assert (now.status == "succeeded") == (now.amount_received == 5000)


async def test_an_update_changes_what_may_change(client):
    intent = await held(client, metadata={"a": "1", "b": "2"}, description="Old")
    changed = await client.v1.payment_intents.update_async(
        intent.id,
        {"amount": 7000, "description": "", "metadata": {"a": "", "c": "3"}},
    )
    assert changed.amount == 7000
    assert changed.description is None
    assert changed.metadata.to_dict() == {"b": "2", "c": "3"}
    emptied = await client.v1.payment_intents.update_async(intent.id, {"metadata": ""})
    assert emptied.metadata.to_dict() == {}

    await client.v1.payment_intents.confirm_async(intent.id, {"payment_method": "pm_card_visa"})
    after = await client.v1.payment_intents.update_async(intent.id, {"metadata": {"late": "yes"}})
    assert after.metadata["late"] == "yes"


async def test_an_intent_can_be_made_and_paid_in_one_request(client):
    paid = await held(client, payment_method="pm_card_mastercard", confirm=True)
    assert paid.status == "succeeded"
    waiting = await held(client, payment_method="pm_card_visa")
    assert waiting.status == "requires_confirmation"
    assert (await client.v1.payment_intents.confirm_async(waiting.id)).status == "succeeded"


async def test_confirming_without_a_payment_method_is_refused(client):
    intent = await held(client)
    with pytest.raises(stripe.InvalidRequestError, match="missing a payment method"):
        await client.v1.payment_intents.confirm_async(intent.id)


async def test_a_payment_method_without_a_customer_is_good_for_one_attempt(client, key, browser):
    made = await browser.post(
        "/v1/payment_methods",
        data={
            "key": key.replace("sk_", "pk_"),
            "type": "card",
            "card[number]": "4242424242424242",
            "card[exp_month]": "1",
            "card[exp_year]": "2040",
            "billing_details[email]": "guest@example.test",
        },
    )
    method = made.json()["id"]
    first = await held(client, payment_method=method, confirm=True)
    assert first.payment_method == method
    with pytest.raises(stripe.InvalidRequestError, match="previously used"):
        await held(client, payment_method=method, confirm=True)
    found = await client.v1.payment_methods.retrieve_async(method)
    assert found.billing_details.email == "guest@example.test"


async def test_manual_capture_takes_the_money_later(client):
    intent = await held(
        client, capture_method="manual", payment_method="pm_card_visa", confirm=True
    )
    assert (intent.status, intent.amount_capturable) == ("requires_capture", 5000)
    with pytest.raises(stripe.InvalidRequestError):
        await client.v1.refunds.create_async({"payment_intent": intent.id})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await client.v1.payment_intents.capture_async(intent.id, {"amount_to_capture": 5001})
    assert refused.value.param == "amount_to_capture"
    taken = await client.v1.payment_intents.capture_async(intent.id, {"amount_to_capture": 3000})
    assert (taken.status, taken.amount_received, taken.amount_capturable) == ("succeeded", 3000, 0)
    refund = await client.v1.refunds.create_async({"payment_intent": intent.id})
    assert refund.amount == 3000

    released = await held(
        client, capture_method="manual", payment_method="pm_card_visa", confirm=True
    )
    await client.v1.payment_intents.cancel_async(released.id)
    charge = await client.v1.charges.retrieve_async(released.latest_charge)
    assert charge.refunded
    assert (await types_about(client))[-1] == "charge.refunded"


async def test_intents_are_listed_newest_first_in_pages(client):
    made = [(await held(client)).id for _ in range(5)]
    first = await client.v1.payment_intents.list_async({"limit": 2})
    assert [one.id for one in first.data] == [made[4], made[3]]
    assert first.has_more
    rest = await client.v1.payment_intents.list_async({"limit": 3, "starting_after": made[3]})
    assert [one.id for one in rest.data] == [made[2], made[1], made[0]]
    assert not rest.has_more
    newer = await client.v1.payment_intents.list_async({"limit": 2, "ending_before": made[1]})
    assert [one.id for one in newer.data] == [made[3], made[2]]
    assert newer.has_more
    walked = [
        one.id
        async for one in (
            await client.v1.payment_intents.list_async({"limit": 2})
        ).auto_paging_iter()
    ]
    assert walked == made[::-1]
    created = (await client.v1.payment_intents.retrieve_async(made[0])).created
    since = await client.v1.payment_intents.list_async({"created": {"gte": created}, "limit": 100})
    assert len(since.data) == 5
    before = await client.v1.payment_intents.list_async({"created": {"lt": created - 5}})
    assert before.data == []


async def test_an_intent_is_found_by_its_metadata(client, connected, sandbox):
    wanted = await held(client, metadata={"attempt_id": "it's \\ here", "booking": "7"})
    await held(client, metadata={"attempt_id": "other", "booking": "7"})

    async def found(query: str) -> list[str]:
        answer = await client.v1.payment_intents.search_async({"query": query})
        return [one.id for one in answer.data]

    assert await found(r"metadata['attempt_id']:'it\'s \\ here'") == [wanted.id]
    assert await found("metadata['attempt_id']~'HERE' AND amount=5000".replace("=", ":")) == [
        wanted.id
    ]
    assert len(await found('metadata["booking"]:"7" AND status:"requires_payment_method"')) == 2
    assert await found("metadata['booking']:'7' AND -metadata['attempt_id']:'other'") == [wanted.id]
    assert await found("metadata['missing']:null AND amount>5000") == []
    assert len(await found("amount>=5000 OR currency:'sek'")) == 2
    async with connected(sandbox.url, "sk_test_other_account") as other:
        elsewhere = await other.v1.payment_intents.search_async(
            {"query": "metadata['booking']:'7'"}
        )
        assert elsewhere.data == []


@pytest.mark.parametrize(
    "query",
    [
        "",
        "metadata['a']",
        "nonsense",
        "amount:'x'",
        "amount>1 AND",
        "amount>1 OR amount<2 AND amount>0",
        "';--",
    ],
)
async def test_a_search_that_makes_no_sense_is_refused(client, query):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await client.v1.payment_intents.search_async({"query": query})
    assert refused.value.http_status == 400
    assert refused.value.param == "query"


async def test_accounts_do_not_see_each_other(client, connected, sandbox):
    intent = await held(client)
    async with connected(sandbox.url, "sk_test_a_stranger") as stranger:
        with pytest.raises(stripe.InvalidRequestError) as refused:
            await stranger.v1.payment_intents.retrieve_async(intent.id)
        assert refused.value.http_status == 404
        assert refused.value.code == "resource_missing"
