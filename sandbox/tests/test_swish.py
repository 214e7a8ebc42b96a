"""Swish by hand: what a phone sends is what the business sees, and nobody is told."""

import contextlib
import signal
from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest

from sandbox import processes

from .conftest import Http

GUEST, STUDIO = "070-174 06 05", "123 123 45 67"
PAID = {"payer": GUEST, "payee": STUDIO, "amount": "180", "message": "BK-7K2M9Q-4TXZ"}


@pytest.fixture(scope="module")
def swish(tmp_path_factory: pytest.TempPathFactory) -> Iterator[processes.Sandbox]:
    with processes.swish(tmp_path_factory.mktemp("swish")) as running:
        yield running


@contextlib.asynccontextmanager
async def at(running: processes.Sandbox) -> AsyncIterator[Http]:
    async with aiohttp.ClientSession(running.url) as session:
        yield Http(session)


@pytest.fixture
async def phone(swish: processes.Sandbox) -> AsyncIterator[Http]:
    async with at(swish) as http:
        yield http


async def came_to(http: Http, number: str) -> list[dict[str, str]]:
    answer = await http.get("/payments", params={"payee": number})
    assert answer.status == 200, answer.text
    return list(answer.json())


async def test_what_a_phone_sends_is_in_the_list_of_the_business(phone: Http) -> None:
    payee = "1230000001"
    before = (await phone.get("/_sandbox/clock")).json()["now"]
    sent = await phone.post("/payments", json={**PAID, "payee": "123 000 00 01", "amount": "180,5"})
    assert sent.status == 201, sent.text
    [came] = await came_to(phone, payee)
    assert came == sent.json()
    assert (came["payer"], came["payee"]) == ("+46701740605", payee)
    assert (came["amount"], came["currency"]) == ("180.50", "SEK")
    assert (came["message"], came["returned"]) == ("BK-7K2M9Q-4TXZ", "0.00")
    assert len(came["id"]) == 32
    assert came["at"] >= before
    await phone.post("/payments", json={**PAID, "payee": payee, "message": "wrong"})
    newest = await came_to(phone, payee)
    assert [one["message"] for one in newest] == ["wrong", "BK-7K2M9Q-4TXZ"]
    later = await phone.get("/payments", params={"payee": payee, "after": came["id"]})
    assert later.json() == newest[:1]
    assert await came_to(phone, "1239999999") == []


async def test_the_pages_do_the_same(phone: Http) -> None:
    """The link of a QR code fills in the phone; the business sends back a part, and the rest."""
    payee = "1230000002"
    query = {"sw": payee, "amt": "180", "cur": "SEK", "msg": "BK-<i>1", "src": "qr"}
    opened = await phone.get("/1/p/sw/", params=query)
    for shown in (f'value="{payee}"', 'value="180"', 'value="BK-&lt;i&gt;1"'):
        assert shown in opened.text
    refused = await phone.post("/1/p/sw/", data={**PAID, "payee": payee, "message": "<i>"})
    assert refused.status == 422
    assert "message has at most 50" in refused.text
    sent = await phone.post("/1/p/sw/", data={**PAID, "payee": payee})
    assert "Sent. Reference" in sent.text
    [came] = await came_to(phone, payee)
    assert came["id"] in sent.text
    seen = await phone.get("/business", params={"number": "123 000 00 02"})
    assert all(part in seen.text for part in (came["id"], "180.00 kr", "+46701740605"))
    for amount, said in (
        ("200", "180.00 kronor are left"),
        ("80", "80.00 kr sent back"),
        ("much", "must be an amount"),
        ("", "100.00 kr sent back"),
    ):
        back = await phone.post(f"/business/{came['id']}/return", data={"amount": amount})
        assert said in back.text
    [came] = await came_to(phone, payee)
    assert came["returned"] == "180.00"
    mine = await phone.get("/1/p/sw/", params={"payer": GUEST})
    assert mine.text.count(f"back from {payee}") == 2
    assert f'number={payee}"' in (await phone.get("/")).text


async def test_no_more_goes_back_than_came(phone: Http) -> None:
    payee = "1230000003"
    paid = (await phone.post("/payments", json={**PAID, "payee": payee})).json()
    path = f"/payments/{paid['id']}/returns"
    part = await phone.post(path, json={"amount": "30.00"})
    assert part.status == 201
    assert (part.json()["payee"], part.json()["returns"]) == ("+46701740605", paid["id"])
    assert (await phone.post(path, json={"amount": "150.01"})).status == 422
    assert (await phone.post(path, json={})).json()["amount"] == "150.00"
    assert (await phone.post(path, json={})).status == 422
    again = f"/payments/{part.json()['id']}/returns"
    assert (await phone.post(again, json={})).status == 422
    assert (await phone.post("/payments/ABC/returns", json={})).status == 404
    [came] = await came_to(phone, payee)
    assert came["returned"] == "180.00"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("payer", "12345"),
        ("payer", "08-123 456 78"),
        ("payer", ""),
        ("payer", "٠٧٠١٧٤٠٦٠٥"),
        ("payee", "124 123 45 67"),
        ("payee", "123 123 45 6"),
        ("payee", GUEST),
        ("amount", "0.99"),
        ("amount", "150000.01"),
        ("amount", "-5"),
        ("amount", "1.005"),
        ("amount", "NaN"),
        ("amount", "1e9999999"),
        ("amount", "twenty"),
        ("message", "x" * 51),
        ("message", "a\nb"),
        ("message", "a\x00b"),
        ("message", "☕"),
    ],
)
async def test_what_the_app_would_not_take_is_refused_by_its_field(
    phone: Http, field: str, value: str
) -> None:
    payee = "1230000004"
    refused = await phone.post("/payments", json={**PAID, "payee": payee, field: value})
    assert (refused.status, refused.json()["field"]) == (422, field)
    assert await came_to(phone, payee) == []


@pytest.mark.parametrize("body", [None, [], {}, {**PAID, "paid": True}, {**PAID, "amount": 180}])
async def test_what_is_no_payment_is_refused(phone: Http, body: object) -> None:
    assert (await phone.post("/payments", json=body)).status == 422


async def test_lists_are_asked_for_by_a_number(phone: Http) -> None:
    for query in ({}, {"payee": "x"}, {"payee": "1230000001", "after": ""}):
        assert (await phone.get("/payments", params=query)).status in {404, 422}
    assert (await phone.get("/business", params={"number": "x"})).status == 422


async def test_another_sites_page_cannot_pay(phone: Http) -> None:
    refused = await phone.post("/payments", json=PAID, headers={"Origin": "http://evil.example"})
    assert refused.status == 403


async def test_payments_stay_over_a_crash(tmp_path) -> None:
    with processes.swish(tmp_path) as running, contextlib.suppress(processes.NotStarted):
        async with at(running) as http:
            paid = (await http.post("/payments", json=PAID)).json()
            moved = await http.post("/_sandbox/clock", json={"advance": "P1D"})
            assert moved.status == 200
        running.stop(signal.SIGKILL)
    with processes.swish(tmp_path) as running:
        async with at(running) as http:
            late = (await http.post("/payments", json=PAID)).json()
            assert await came_to(http, "1231234567") == [late, paid]
            assert late["at"][:10] > paid["at"][:10]
        with pytest.raises(processes.NotStarted, match="another sandbox runs on"):
            processes.Sandbox(["swish", "--port", "0", "--state", str(tmp_path)])
