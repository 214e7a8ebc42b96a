"""The clock is read without planning a query each time.

Revision ID: 0006
Revises: 0005
"""

from alembic import op

from chassis.migrations import change_messaging_schema

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    change_messaging_schema(op, "customers", 2)
