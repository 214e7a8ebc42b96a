"""The clock is read without planning a query each time.

Revision ID: 0024
Revises: 0023
"""

from alembic import op

from chassis.migrations import change_messaging_schema

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    change_messaging_schema(op, "booking", 2)
