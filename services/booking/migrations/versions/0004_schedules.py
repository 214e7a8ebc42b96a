"""Schedules: sessions that rules make, each for one slot of the rule."""

from alembic import op

revision = "0004"
down_revision = "0003"

# slot_at: the start at which the rule wants this session. It stays when staff change the session by
# hand, which makes them its keepers (origin 'manual'): the rule leaves it alone and makes no other.
SLOTS = """
ALTER TABLE sessions
    ADD COLUMN origin text NOT NULL DEFAULT 'manual',
    ADD COLUMN slot_at timestamptz,
    ADD CONSTRAINT sessions_origin CHECK (
        origin = 'manual' OR (origin = 'rule' AND slot_at IS NOT NULL AND slot_at = starts_at));
CREATE UNIQUE INDEX sessions_slot ON sessions (offering_id, slot_at) WHERE slot_at IS NOT NULL;
"""


def upgrade() -> None:
    for statement in filter(str.strip, SLOTS.split(";\n")):
        op.execute(statement)
