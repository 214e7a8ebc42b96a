"""What is on offer."""

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from booking.store.tables.columns import INSTANT, metadata

organisations = Table(
    "organisations",
    metadata,
    Column("org_id", Uuid, primary_key=True),
    Column("slug", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("default_country", Text, nullable=False),
    Column("locale", Text, nullable=False),
    Column("reference_template", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", INSTANT, nullable=False),
    UniqueConstraint("slug", name="organisations_slug"),
)

venues = Table(
    "venues",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("org_id", Uuid, ForeignKey("organisations.org_id"), nullable=False),
    Column("slug", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("timezone", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("locale", Text, nullable=False),
    Column("contact_email", Text),
    Column("contact_phone", Text),
    Column("statement_descriptor", Text),
    Column("status", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", INSTANT, nullable=False),
    UniqueConstraint("org_id", "slug", name="venues_slug"),
)

offerings = Table(
    "offerings",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("org_id", Uuid, ForeignKey("organisations.org_id"), nullable=False),
    Column("venue_id", Uuid, ForeignKey("venues.id"), nullable=False),
    Column("preset", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("description", Text),
    Column("schedule", JSONB, nullable=False),
    Column("inventory", JSONB, nullable=False),
    Column("pricing", JSONB, nullable=False),
    Column("policy", JSONB, nullable=False),
    Column("status", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", INSTANT, nullable=False),
    Index("offerings_org", "org_id", "id"),
    Index("offerings_venue", "venue_id"),
)

resources = Table(
    "resources",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("org_id", Uuid, ForeignKey("organisations.org_id"), nullable=False),
    Column("venue_id", Uuid, ForeignKey("venues.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("label", Text, nullable=False),
    Column("floor", Text),
    Column("seats_min", Integer, nullable=False),
    Column("seats_max", Integer, nullable=False),
    Column("features", ARRAY(Text), nullable=False),
    Column("vip", Boolean, nullable=False),
    Column("description", Text),
    Column("status", Text, nullable=False),
    Column("created_at", INSTANT, nullable=False),
    UniqueConstraint("venue_id", "number", name="resources_number"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("org_id", Uuid, ForeignKey("organisations.org_id"), nullable=False),
    Column("offering_id", Uuid, ForeignKey("offerings.id"), nullable=False),
    Column("venue_id", Uuid, ForeignKey("venues.id"), nullable=False),
    Column("title", Text, nullable=False),
    Column("starts_at", INSTANT, nullable=False),
    Column("ends_at", INSTANT, nullable=False),
    Column("capacity", Integer),
    Column("taken", Integer, nullable=False, server_default=text("0")),
    Column("status", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", INSTANT, nullable=False),
    Index("sessions_offering", "offering_id", "starts_at", "id"),
)

session_resources = Table(
    "session_resources",
    metadata,
    Column("session_id", Uuid, ForeignKey("sessions.id"), primary_key=True),
    Column("resource_id", Uuid, ForeignKey("resources.id"), primary_key=True),
    Column("org_id", Uuid, nullable=False),
)
