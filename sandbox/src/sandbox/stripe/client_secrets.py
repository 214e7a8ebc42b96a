"""A publishable key opens an intent only together with the intent's client secret."""

import hmac

from sandbox.stripe.call import Call
from sandbox.stripe.refusal import Refusal, bad_parameter
from sandbox.stripe.store import Stored


def check(call: Call, stored: Stored, name: str) -> None:
    """Raises Refusal(400) when the secret is missing or another intent's."""
    sent = call.params.get("client_secret")
    if sent is None:
        if call.publishable:
            raise bad_parameter(
                "Missing required param: client_secret.",
                param="client_secret",
                code="parameter_missing",
            )
        return
    if not hmac.compare_digest(sent.encode(), stored.body["client_secret"].encode()):
        raise Refusal(
            400,
            f"The client_secret provided does not match any associated {name} on this account. "
            f"Ensure the client_secret and corresponding {name} are correct.",
            code=f"{stored.body['object']}_invalid_parameter",
            param="client_secret",
        )
