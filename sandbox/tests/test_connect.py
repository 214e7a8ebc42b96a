"""Connected accounts, and charges that are passed on to them less a fee."""

import secrets

import pytest
import stripe

ORDER = {"amount": 9500, "currency": "usd"}
RETURN = {"refresh_url": "https://venue.example/again", "return_url": "https://venue.example/done"}


async def opened(client, **more):
    wanted = {"card_payments": {"requested": True}, "transfers": {"requested": True}}
    return await client.v1.accounts.create_async({"country": "US", "capabilities": wanted, **more})


async def ready(client, control):
    account = await opened(client)
    await control.post(f"/_sandbox/accounts/{account.id}/onboard")
    return account


async def charged(client, account, fee=475):
    return await client.v1.payment_intents.create_async(
        {
            **ORDER,
            "application_fee_amount": fee,
            "on_behalf_of": account.id,
            "transfer_data": {"destination": account.id},
            "payment_method": "pm_card_visa",
            "confirm": True,
            "return_url": "https://venue.example/",
            "expand": ["latest_charge.transfer", "latest_charge.application_fee"],
        }
    )


async def test_a_business_tells_who_it_is_on_a_page_that_opens_once(client, browser):
    account = await opened(client)
    assert (account.charges_enabled, account.payouts_enabled) == (False, False)
    assert account.requirements.currently_due
    link = await client.v1.account_links.create_async(
        {"account": account.id, "type": "account_onboarding", **RETURN}
    )
    page = await browser.get(link.url)
    assert page.status == 200
    again = await browser.get(link.url, allow_redirects=False)
    assert (again.status, again.headers["location"]) == (303, RETURN["refresh_url"])
    action = page.text.partition('action="')[2].partition('"')[0]
    told = await browser.post(action, data={"answer": "all"}, allow_redirects=False)
    assert (told.status, told.headers["location"]) == (303, RETURN["return_url"])
    now = await client.v1.accounts.retrieve_async(account.id)
    assert (now.charges_enabled, now.payouts_enabled) == (True, True)
    assert now.capabilities.transfers == "active"
    assert now.requirements.currently_due == []


async def test_a_charge_is_passed_on_less_the_fee(client, control):
    account = await ready(client, control)
    charge = (await charged(client, account)).latest_charge
    assert (charge.transfer.amount, charge.transfer.destination) == (9500, account.id)
    assert (charge.application_fee.amount, charge.application_fee.account) == (475, account.id)
    assert charge.application_fee.originating_transaction == charge.id


async def test_refunds_take_back_their_part_and_all_of_it_in_the_end(client, control):
    account = await ready(client, control)
    intent = await charged(client, account)
    seen = []
    for amount in (3333, 3333, 2834):
        await client.v1.refunds.create_async(
            {
                "payment_intent": intent.id,
                "amount": amount,
                "reverse_transfer": True,
                "refund_application_fee": True,
            }
        )
        [fee] = (await client.v1.application_fees.list_async()).data
        [transfer] = (await client.v1.transfers.list_async()).data
        seen.append((transfer.amount_reversed, fee.amount_refunded))
    assert seen == [(3333, 167), (6666, 333), (9500, 475)]
    assert (fee.refunded, transfer.reversed) == (True, True)


async def test_what_is_not_asked_back_stays_where_it_is(client, control):
    account = await ready(client, control)
    intent = await charged(client, account)
    await client.v1.refunds.create_async({"payment_intent": intent.id, "reverse_transfer": True})
    [fee] = (await client.v1.application_fees.list_async()).data
    assert fee.amount_refunded == 0


async def test_a_refund_that_fails_gives_its_money_to_the_platform(client, control):
    """What was taken back of transfer and fee stays so; only what is left can be taken back."""
    account = await ready(client, control)
    intent = await charged(client, account)
    back = {"payment_intent": intent.id, "reverse_transfer": True, "refund_application_fee": True}
    refund = await client.v1.refunds.create_async({**back, "amount": 9000})
    await control.post(f"/_sandbox/refunds/{refund.id}/settle", json={"succeeds": False})
    moved = await client.v1.balance_transactions.list_async({"source": refund.id})
    assert [(one.type, one.amount) for one in moved.data] == [
        ("refund_failure", 9000),
        ("refund", -9000),
    ]
    with pytest.raises(stripe.InvalidRequestError, match="500 left to reverse"):
        await client.v1.refunds.create_async({**back, "amount": 501})
    await client.v1.refunds.create_async({"payment_intent": intent.id, "amount": 9000})
    await client.v1.refunds.create_async({**back, "amount": 500})
    [fee] = (await client.v1.application_fees.list_async()).data
    [transfer] = (await client.v1.transfers.list_async()).data
    assert (transfer.amount_reversed, fee.amount_refunded) == (9500, 475)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"transfer_data[destination]": "acct_nobody"}, "resource_missing"),
        ({"on_behalf_of": "acct_nobody"}, "resource_missing"),
        ({"application_fee_amount": "100"}, None),
        ({"transfer_data[destination]": "NEW"}, "insufficient_capabilities_for_transfer"),
        ({"transfer_data[destination]": "READY", "application_fee_amount": "9501"}, None),
    ],
)
async def test_what_cannot_be_passed_on_is_refused(raw, client, control, changes, code):
    known = {"NEW": (await opened(client)).id, "READY": (await ready(client, control)).id}
    sent = {name: known.get(value, value) for name, value in changes.items()}
    answer = await raw.post("/v1/payment_intents", data={**ORDER, **sent})
    assert answer.status == 400
    assert answer.json()["error"].get("code") == code


async def test_only_connect_endpoints_hear_of_connected_accounts(
    client, control, key, receiver, until
):
    secret = f"whsec_{secrets.token_hex(8)}"
    for connect in (False, True):
        url = f"{receiver.url}?connect={connect}"
        await control.request(
            "PUT",
            "/_sandbox/webhook_endpoints",
            json={"key": key, "url": url, "secret": secret, "connect": connect},
        )
    account = await ready(client, control)
    await control.post(f"/_sandbox/accounts/{account.id}/restrict")
    await control.post(f"/_sandbox/accounts/{account.id}/leave")
    await until(lambda: len(receiver.got) >= 3)
    told = receiver.events(secret)
    assert sorted(event.type for event in told) == [
        "account.application.deauthorized",
        "account.updated",
        "account.updated",
    ]
    assert {event.account for event in told} == {account.id}
    page = await client.v1.events.list_async()
    assert page.data == []


async def test_an_account_that_left_can_be_neither_read_nor_paid(raw, client, control):
    account = await ready(client, control)
    await control.post(f"/_sandbox/accounts/{account.id}/leave")
    gone = await raw.get(f"/v1/accounts/{account.id}")
    assert (gone.status, gone.json()["error"]["code"]) == (403, "account_invalid")
    sent = {**ORDER, "transfer_data[destination]": account.id}
    refused = await raw.post("/v1/payment_intents", data=sent)
    assert (refused.status, refused.json()["error"]["code"]) == (400, "resource_missing")
