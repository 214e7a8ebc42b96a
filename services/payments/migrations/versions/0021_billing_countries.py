"""Whose cards a venue asks for.

Revision ID: 0021
Revises: 0020
"""

from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.execute("ALTER TABLE venues ADD COLUMN billing_countries text[] NOT NULL DEFAULT '{}'")
