"""The clock is read without planning a query each time.

Revision ID: 0023
Revises: 0022
"""

from alembic import op

from chassis.migrations import change_messaging_schema

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    change_messaging_schema(op, "payments", 2)
