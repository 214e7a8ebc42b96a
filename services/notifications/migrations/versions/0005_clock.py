"""The clock is read without planning a query each time.

Revision ID: 0005
Revises: 0004
"""

from alembic import op

from chassis.migrations import change_messaging_schema

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    change_messaging_schema(op, "notifications", 2)
