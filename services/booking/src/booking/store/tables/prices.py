"""Menus and orders from them, promo codes, gift cards."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from booking.store.tables.columns import INSTANT, metadata

menu_sections = Table(
    "menu_sections",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("org_id", Uuid, nullable=False),
    Column("venue_id", Uuid, ForeignKey("venues.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("description", Text),
    Column("sort_order", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", INSTANT, nullable=False),
    Index("menu_sections_venue", "venue_id", "sort_order", "id"),
)

menu_items = Table(
    "menu_items",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("org_id", Uuid, nullable=False),
    Column("venue_id", Uuid, ForeignKey("venues.id"), nullable=False),
    Column("section_id", Uuid, ForeignKey("menu_sections.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("description", Text),
    Column("price_minor", BigInteger, nullable=False),
    Column("is_available", Boolean, nullable=False),
    Column("sort_order", Integer, nullable=False),
    Column("dietary", ARRAY(Text), nullable=False),
    Column("allergens", ARRAY(Text), nullable=False),
    Column("available_from", Date),
    Column("available_until", Date),
    Column("status", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", INSTANT, nullable=False),
    Index("menu_items_section", "section_id", "sort_order", "id"),
)

booking_items = Table(
    "booking_items",
    metadata,
    Column("booking_id", Uuid, ForeignKey("bookings.id"), primary_key=True),
    Column("position", SmallInteger, primary_key=True),
    Column("org_id", Uuid, nullable=False),
    Column("menu_item_id", Uuid, ForeignKey("menu_items.id"), nullable=False),
    Column("label", Text, nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("unit_minor", BigInteger, nullable=False),
    Column("note", Text),
    Column("whom", Text),
)

promo_codes = Table(
    "promo_codes",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("org_id", Uuid, nullable=False),
    Column("code", Text, nullable=False),
    Column("code_key", Text, nullable=False),
    Column("percent", Integer),
    Column("amount_minor", BigInteger),
    Column("currency", Text),
    Column("minimum_minor", BigInteger, nullable=False),
    Column("valid_from", INSTANT),
    Column("valid_until", INSTANT),
    Column("max_uses", Integer),
    Column("max_per_customer", Integer),
    Column("offering_ids", ARRAY(Uuid), nullable=False),
    Column("used", Integer, nullable=False, server_default=text("0")),
    Column("status", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", INSTANT, nullable=False),
    UniqueConstraint("org_id", "code_key", name="promo_codes_code"),
)

promo_guests = Table(
    "promo_guests",
    metadata,
    Column("promo_id", Uuid, ForeignKey("promo_codes.id"), primary_key=True),
    Column("hash", LargeBinary, primary_key=True),
    Column("org_id", Uuid, nullable=False),
    Column("used", Integer, nullable=False),
)

promo_uses = Table(
    "promo_uses",
    metadata,
    Column("booking_id", Uuid, ForeignKey("bookings.id"), primary_key=True),
    Column("org_id", Uuid, nullable=False),
    Column("promo_id", Uuid, ForeignKey("promo_codes.id"), nullable=False),
    Column("email_hash", LargeBinary, nullable=False),
    Column("phone_hash", LargeBinary),
    Column("returned_at", INSTANT),
    Index("promo_uses_promo", "promo_id", postgresql_where=text("returned_at IS NULL")),
)

gift_cards = Table(
    "gift_cards",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("org_id", Uuid, nullable=False),
    Column("code_hash", LargeBinary, nullable=False),
    Column("last4", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("issued_minor", BigInteger, nullable=False),
    Column("balance_minor", BigInteger, nullable=False),
    Column("expires_at", INSTANT),
    Column("status", Text, nullable=False),
    Column("note", Text),
    Column("version", Integer, nullable=False),
    Column("created_at", INSTANT, nullable=False),
    UniqueConstraint("org_id", "code_hash", name="gift_cards_code"),
    Index("gift_cards_org", "org_id", "id"),
)

gift_entries = Table(
    "gift_entries",
    metadata,
    Column("card_id", Uuid, ForeignKey("gift_cards.id"), primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("org_id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("balance_minor", BigInteger, nullable=False),
    Column("booking_id", Uuid, ForeignKey("bookings.id")),
    Column("booking_version", Integer),
    Column("at", INSTANT, nullable=False),
    Column("actor", Text, nullable=False),
    Column("reason", Text),
    UniqueConstraint("booking_id", "booking_version", "kind", name="gift_entries_once"),
)
