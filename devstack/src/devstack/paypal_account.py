"""An account at the local PayPal for a demo organisation; safe to run again."""

from collections.abc import Callable, Mapping
from typing import Any

from devstack import web
from devstack.client import Client
from devstack.errors import StackError
from devstack.keys import word


def connect(
    endpoints: Mapping[str, Any], noted: dict[str, Any], staff: Client, save: Callable[[], None]
) -> None:
    """Connect the account and tell the sandbox where its events go.

    `noted` is what is remembered of the organisation; `save` keeps it.

    Raises:
        StackError: the sandbox refused the webhook.
    """
    mine = noted.setdefault(
        "paypal",
        {"client_id": f"demo-{word(20)}", "secret": word(32), "webhook_id": word(17).upper()},
    )
    if "account" not in mine:
        save()
        made = staff.post(
            "/v1/payment-accounts",
            {
                "provider": "paypal",
                "publishable_key": mine["client_id"],
                "secret_key": mine["secret"],
                "webhook_secret": mine["webhook_id"],
            },
        )
        mine |= {"account": made["id"], "webhook_path": made["webhook_path"]}
        save()
    url = str(endpoints["webhooks"]) + mine["webhook_path"]
    if mine.get("webhook_url") == url:
        return
    reply = web.call(
        "PUT",
        f"{endpoints['sandbox']['paypal']}/_sandbox/webhooks",
        body={"client_id": mine["client_id"], "url": url, "webhook_id": mine["webhook_id"]},
    )
    if reply.status != 200:
        raise StackError(f"the sandbox refused a PayPal webhook: {reply.body}")
    mine["webhook_url"] = url
    save()
