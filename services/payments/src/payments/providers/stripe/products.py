"""Products and Prices: what they are called at Stripe, and the requests that make them (PRC-05)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from payments.domain.products import Product, Tier


def product_id(product: Product) -> str:
    """Ours to choose, so that an offering can have one only."""
    return f"activity_{product.offering_id}"


def lookup_key(product: Product, tier: Tier) -> str:
    """`activity_{id}_adult`, `activity_{id}_child`, `activity_{id}_custom_{name}`."""
    name = tier.key if tier.kind != "custom" else f"custom_{tier.key}"
    return f"activity_{product.offering_id}_{name}"


def product(product: Product) -> dict[str, Any]:
    """Parameters of `POST /v1/products/{id}`; also of making one, with `id`."""
    return {
        "name": product.title,
        "active": product.active,
        "metadata": {
            "activity_id": str(product.offering_id),
            "venue_id": str(product.venue_id),
            "organization_id": str(product.org_id),
        },
        **({"description": product.description} if product.description else {}),
    }


def price(product: Product, tier: Tier) -> dict[str, Any]:
    """Parameters of `POST /v1/prices`: the key goes over from the price that had it (F-37)."""
    return {
        "product": product_id(product),
        "currency": product.currency.lower(),
        "unit_amount": tier.amount_minor,
        "lookup_key": lookup_key(product, tier),
        "transfer_lookup_key": True,
        "metadata": described(product, tier),
    }


def described(product: Product, tier: Tier) -> dict[str, str]:
    """A price's metadata."""
    return {
        "tier_type": tier.kind,
        "display_name": tier.label or product.title,
        "activity_id": str(product.offering_id),
    }


def is_price_of(found: dict[str, Any], product: Product, tier: Tier) -> bool:
    """Whether a price that Stripe shows has the tier's amount."""
    return bool(
        found["unit_amount"] == tier.amount_minor and found["currency"] == product.currency.lower()
    )
