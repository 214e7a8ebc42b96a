"""The messaging schema: outbox, inbox, timers."""

from alembic import op

from chassis.migrations import create_messaging_schema

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_messaging_schema(op, "booking")
