"""Cards that are saved now and charged later: SetupIntents, customers, off-session payments."""

from typing import Any

import pytest
import stripe

PLAIN = "pm_card_visa"
ASKS_ONCE = "pm_card_authenticationRequiredOnSetup"
ASKS_ALWAYS = "pm_card_authenticationRequired"
FAILS_LATER = "pm_card_chargeCustomerFail"
DECLINED = "pm_card_visa_chargeDeclined"


async def customer(client: stripe.StripeClient) -> str:
    made = await client.v1.customers.create_async({"metadata": {"booking_id": "b-1"}})
    return made.id


async def wanted(client: stripe.StripeClient, owner: str) -> stripe.SetupIntent:
    return await client.v1.setup_intents.create_async(
        {"customer": owner, "usage": "off_session", "metadata": {"attempt_id": "a-1"}}
    )


async def saved(client: stripe.StripeClient, control: Any, owner: str, card: str) -> str:
    """The payment method that a customer saved, with whatever the bank wanted to know."""
    intent = await wanted(client, owner)
    done = await client.v1.setup_intents.confirm_async(intent.id, {"payment_method": card})
    if done.status == "requires_action":
        answer = await control.post(
            f"/_sandbox/setup_intents/{intent.id}/authenticate", json={"approve": True}
        )
        assert answer.json()["status"] == "succeeded"
    shown = await client.v1.setup_intents.retrieve_async(intent.id)
    assert shown.status == "succeeded"
    return str(shown.payment_method)


async def charge(client: stripe.StripeClient, owner: str, method: str) -> stripe.PaymentIntent:
    return await client.v1.payment_intents.create_async(
        {
            "amount": 2500,
            "currency": "gbp",
            "customer": owner,
            "payment_method": method,
            "confirm": True,
            "off_session": True,
        }
    )


async def types_about(client: stripe.StripeClient) -> set[str]:
    listed = await client.v1.events.list_async({"limit": 100})
    return {event.type for event in listed.data}


async def test_the_browser_saves_a_card_with_the_publishable_key_and_the_client_secret(
    client, key, browser
):
    owner = await customer(client)
    intent = await wanted(client, owner)
    assert (intent.status, intent.payment_method) == ("requires_payment_method", None)
    sent = {
        "key": key.replace("sk_test_", "pk_test_"),
        "client_secret": intent.client_secret,
        "payment_method_data[type]": "card",
        "payment_method_data[card][number]": "4242424242424242",
        "payment_method_data[card][exp_month]": "12",
        "payment_method_data[card][exp_year]": "40",
    }
    wrong = {**sent, "client_secret": "seti_x_secret_y"}
    refused = await browser.post(f"/v1/setup_intents/{intent.id}/confirm", data=wrong)
    assert refused.json()["error"]["code"] == "setup_intent_invalid_parameter"

    answer = await browser.post(f"/v1/setup_intents/{intent.id}/confirm", data=sent)

    assert answer.status == 200, answer.text
    assert answer.json()["status"] == "succeeded"
    assert not {"customer", "metadata"} & set(answer.json())
    [kept] = (await client.v1.payment_methods.list_async({"customer": owner})).data
    assert (kept.customer, kept.card.last4) == (owner, "4242")
    assert {"setup_intent.created", "setup_intent.succeeded", "payment_method.attached"} <= (
        await types_about(client)
    )


@pytest.mark.parametrize("card", [PLAIN, ASKS_ONCE])
async def test_a_saved_card_is_charged_while_its_owner_is_away(client, control, card):
    owner = await customer(client)
    method = await saved(client, control, owner, card)
    for _ in range(2):
        paid = await charge(client, owner, method)
        assert (paid.status, paid.amount_received) == ("succeeded", 2500)


async def test_a_card_whose_bank_always_asks_waits_for_its_owner(client, control):
    owner = await customer(client)
    method = await saved(client, control, owner, ASKS_ALWAYS)

    with pytest.raises(stripe.CardError) as asked:
        await charge(client, owner, method)

    assert asked.value.code == "authentication_required"
    assert asked.value.error.decline_code == "authentication_required"
    intent = asked.value.error.payment_intent
    assert intent.status == "requires_payment_method"
    assert intent.last_payment_error.payment_method.id == method
    waiting = await client.v1.payment_intents.confirm_async(intent.id, {"payment_method": method})
    assert waiting.status == "requires_action"
    await control.post(
        f"/_sandbox/payment_intents/{intent.id}/authenticate", json={"approve": True}
    )
    paid = await client.v1.payment_intents.retrieve_async(intent.id)
    assert (paid.status, paid.customer) == ("succeeded", owner)


async def test_a_card_may_be_saved_and_fail_when_it_is_charged(client, control):
    owner = await customer(client)
    method = await saved(client, control, owner, FAILS_LATER)
    with pytest.raises(stripe.CardError) as no:
        await charge(client, owner, method)
    assert no.value.code == "card_declined"
    again = no.value.error.payment_intent.id
    with pytest.raises(stripe.CardError):
        await client.v1.payment_intents.confirm_async(
            again, {"payment_method": method, "off_session": True}
        )


async def test_a_declined_card_is_not_saved_and_another_may_be(client):
    owner = await customer(client)
    intent = await wanted(client, owner)
    with pytest.raises(stripe.CardError) as no:
        await client.v1.setup_intents.confirm_async(intent.id, {"payment_method": DECLINED})
    assert no.value.error.setup_intent.last_setup_error.code == "card_declined"
    assert "setup_intent.setup_failed" in await types_about(client)
    done = await client.v1.setup_intents.confirm_async(intent.id, {"payment_method": PLAIN})
    assert done.status == "succeeded"
    with pytest.raises(stripe.InvalidRequestError) as over:
        await client.v1.setup_intents.cancel_async(intent.id)
    assert over.value.error.code == "setup_intent_unexpected_state"


async def test_who_fails_the_banks_question_may_try_again_or_be_given_up(client, control):
    owner = await customer(client)
    intent = await wanted(client, owner)
    await client.v1.setup_intents.confirm_async(intent.id, {"payment_method": ASKS_ALWAYS})
    page = (await client.v1.setup_intents.retrieve_async(intent.id)).next_action
    path = page.redirect_to_url.url.partition("/_sandbox")[2]
    assert "Saving your card" in (await control.get(f"/_sandbox{path}")).text
    failed = await control.post(f"/_sandbox{path}", data={"verdict": "fail"})
    assert "Card not completed" in failed.text
    shown = await client.v1.setup_intents.retrieve_async(intent.id)
    assert shown.status == "requires_payment_method"
    assert shown.last_setup_error.code == "setup_intent_authentication_failure"

    gone = await client.v1.setup_intents.cancel_async(
        intent.id, {"cancellation_reason": "abandoned"}
    )

    assert gone.status == "canceled"
    with pytest.raises(stripe.InvalidRequestError):
        await client.v1.setup_intents.confirm_async(intent.id, {"payment_method": PLAIN})
    listed = await client.v1.setup_intents.list_async({"customer": owner})
    assert [one.id for one in listed.data] == [intent.id]


async def test_a_payment_can_save_its_card_for_later(client):
    owner = await customer(client)
    paid = await client.v1.payment_intents.create_async(
        {
            "amount": 5000,
            "currency": "gbp",
            "customer": owner,
            "setup_future_usage": "off_session",
            "payment_method": PLAIN,
            "confirm": True,
        }
    )
    method = str(paid.payment_method)
    assert (await client.v1.payment_methods.retrieve_async(method)).customer == owner
    assert (await charge(client, owner, method)).status == "succeeded"


async def test_a_detached_card_is_charged_no_more(client, control):
    owner = await customer(client)
    method = await saved(client, control, owner, PLAIN)
    with pytest.raises(stripe.InvalidRequestError):
        await charge(client, await customer(client), method)
    detached = await client.v1.payment_methods.detach_async(method)
    assert detached.customer is None
    for refused in (
        client.v1.payment_methods.detach_async(method),
        client.v1.payment_methods.attach_async(method, {"customer": owner}),
        charge(client, owner, method),
    ):
        with pytest.raises(stripe.InvalidRequestError):
            await refused
    assert (await client.v1.payment_methods.list_async({"customer": owner})).data == []


async def test_a_deleted_customer_takes_the_saved_cards_along(client, control):
    owner = await customer(client)
    method = await saved(client, control, owner, PLAIN)
    gone = await client.v1.customers.delete_async(owner)
    assert gone.deleted
    assert (await client.v1.customers.retrieve_async(owner)).deleted
    with pytest.raises(stripe.InvalidRequestError) as missing:
        await charge(client, owner, method)
    assert missing.value.code == "resource_missing"
    with pytest.raises(stripe.InvalidRequestError):
        await client.v1.customers.delete_async(owner)


@pytest.mark.parametrize(("card", "takes"), [(PLAIN, True), (FAILS_LATER, True), (DECLINED, False)])
async def test_attaching_asks_the_card_without_charging_it(client, raw, card, takes):
    owner = await customer(client)
    numbers = {
        PLAIN: "4242424242424242",
        FAILS_LATER: "4000000000000341",
        DECLINED: "4000000000000002",
    }
    data = {
        "type": "card",
        "card[number]": numbers[card],
        "card[exp_month]": "12",
        "card[exp_year]": "40",
    }
    method = (await raw.post("/v1/payment_methods", data=data)).json()["id"]
    answer = await raw.post(f"/v1/payment_methods/{method}/attach", data={"customer": owner})
    assert answer.status == (200 if takes else 402)
