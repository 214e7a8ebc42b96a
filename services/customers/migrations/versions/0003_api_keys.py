"""API keys. They are looked up before the organisation is known, so they sit in the messaging
schema, which belongs to the service role and has no row-level security.

Revision ID: 0003
Revises: 0002
"""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("SET LOCAL ROLE customers")
    op.execute("""
        CREATE TABLE messaging.api_keys (
            id uuid PRIMARY KEY,
            org_id uuid,
            kind text NOT NULL CHECK (kind IN ('key', 'operator')),
            name text NOT NULL,
            prefix text NOT NULL UNIQUE,
            digest bytea NOT NULL,
            scopes text[] NOT NULL,
            created_at timestamptz NOT NULL,
            created_by text NOT NULL,
            expires_at timestamptz NOT NULL,
            revoked_at timestamptz,
            CHECK ((kind = 'operator') = (org_id IS NULL))
        )""")
    op.execute("RESET ROLE")
