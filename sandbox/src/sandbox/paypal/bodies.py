"""Requests, as far as they are modelled; anything else in a body is refused by name."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Amount(Body):
    currency_code: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    value: Annotated[str, Field(max_length=32)]
    breakdown: dict[str, Any] | None = None


class PurchaseUnit(Body):
    amount: Amount
    reference_id: Annotated[str | None, Field(max_length=256)] = None
    custom_id: Annotated[str | None, Field(max_length=127)] = None
    invoice_id: Annotated[str | None, Field(max_length=127)] = None
    description: Annotated[str | None, Field(max_length=127)] = None
    soft_descriptor: Annotated[str | None, Field(max_length=22)] = None


class Context(Body):
    brand_name: Annotated[str | None, Field(max_length=127)] = None
    locale: str | None = None
    landing_page: Literal["LOGIN", "GUEST_CHECKOUT", "NO_PREFERENCE", "BILLING"] | None = None
    shipping_preference: Literal["GET_FROM_FILE", "NO_SHIPPING", "SET_PROVIDED_ADDRESS"] | None = (
        None
    )
    user_action: Literal["CONTINUE", "PAY_NOW"] | None = None
    payment_method_preference: Literal["UNRESTRICTED", "IMMEDIATE_PAYMENT_REQUIRED"] | None = None
    return_url: Annotated[str | None, Field(pattern=r"^https?://")] = None
    cancel_url: Annotated[str | None, Field(pattern=r"^https?://")] = None


class Wallet(Body):
    experience_context: Context | None = None


class Source(Body):
    paypal: Wallet


class OrderRequest(Body):
    intent: Literal["CAPTURE"]
    purchase_units: Annotated[list[PurchaseUnit], Field(min_length=1, max_length=1)]
    payment_source: Source | None = None


class CaptureRequest(Body):
    payment_source: Source | None = None


class RefundRequest(Body):
    amount: Amount | None = None
    custom_id: Annotated[str | None, Field(max_length=127)] = None
    invoice_id: Annotated[str | None, Field(max_length=127)] = None
    note_to_payer: Annotated[str | None, Field(max_length=255)] = None


class EventType(BaseModel):
    name: str


class WebhookRequest(Body):
    url: Annotated[str, Field(pattern=r"^https?://[^\s/]+")]
    event_types: Annotated[list[EventType], Field(min_length=1)]


class EventsQuery(BaseModel):
    """Which events are to be listed; `index_id` comes with the link to a next page."""

    start_time: str | None = None
    end_time: str | None = None
    event_type: str | None = None
    transaction_id: str | None = None
    index_id: int | None = None


class Verification(Body):
    auth_algo: str
    cert_url: str
    transmission_id: str
    transmission_sig: str
    transmission_time: str
    webhook_id: str
    webhook_event: dict[str, Any]
