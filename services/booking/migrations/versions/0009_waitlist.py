"""The waitlist: groups that wait for a place."""

from alembic import op

from chassis.migrations import tenant_table

revision = "0009"
down_revision = "0008"

# earliest, latest: between which starts the group would come, where guests choose; until: when
# waiting is over.
# waiting: groups in line for a session, so that freeing a place costs nothing where nobody waits.
# The check bounds the line.
WAITLIST = """
ALTER TABLE sessions
    ADD COLUMN waiting integer NOT NULL DEFAULT 0,
    ADD CONSTRAINT sessions_waiting CHECK (waiting BETWEEN 0 AND 200);
CREATE INDEX sessions_waited_for ON sessions (starts_at) WHERE waiting > 0;

CREATE TABLE waitlist_entries (
    id uuid PRIMARY KEY,
    org_id uuid NOT NULL,
    venue_id uuid NOT NULL,
    offering_id uuid NOT NULL,
    session_id uuid NOT NULL REFERENCES sessions,
    state text NOT NULL CHECK (state IN
        ('waiting', 'offered', 'accepted', 'lapsed', 'left', 'removed', 'ended')),
    version integer NOT NULL,
    party_size integer NOT NULL CHECK (party_size > 0),
    quantities jsonb NOT NULL,
    units integer NOT NULL CHECK (units >= 0),
    given_name text NOT NULL,
    family_name text NOT NULL,
    display_name text NOT NULL,
    sealed_contact text NOT NULL,
    email_hash bytea NOT NULL,
    phone_hash bytea,
    locale text NOT NULL,
    earliest timestamptz,
    latest timestamptz,
    until timestamptz NOT NULL,
    booking_id uuid REFERENCES bookings,
    joined_at timestamptz NOT NULL,
    settled_at timestamptz,
    CONSTRAINT waitlist_live CHECK ((state IN ('waiting', 'offered')) = (settled_at IS NULL)),
    CONSTRAINT waitlist_offer CHECK (
        state NOT IN ('offered', 'accepted', 'lapsed') OR booking_id IS NOT NULL)
);
-- A guest is in line for a session once.
CREATE UNIQUE INDEX waitlist_one_per_email ON waitlist_entries (session_id, email_hash)
    WHERE state IN ('waiting', 'offered');
CREATE UNIQUE INDEX waitlist_one_per_phone ON waitlist_entries (session_id, phone_hash)
    WHERE state IN ('waiting', 'offered');
CREATE INDEX waitlist_line ON waitlist_entries (session_id, joined_at, id);
CREATE INDEX waitlist_offers ON waitlist_entries (booking_id) WHERE state = 'offered'
"""


def upgrade() -> None:
    for statement in filter(str.strip, WAITLIST.split(";\n")):
        op.execute(statement)
    tenant_table(op, "waitlist_entries", "booking")
    op.execute("REVOKE DELETE ON waitlist_entries FROM booking")
