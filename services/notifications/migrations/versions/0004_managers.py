"""Whom at a venue mail is for, and in which language.

Revision ID: 0004
Revises: 0003
"""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    # Of a venue that is known already, booking tells both again an hour after it is upgraded.
    op.execute("""
        ALTER TABLE venues
            ADD COLUMN manager_email text,
            ADD COLUMN locale text NOT NULL DEFAULT 'en'""")
