"""Reconciliation looks at connected accounts too.

Revision ID: 0020
Revises: 0019
"""

from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    op.execute("""
        CREATE FUNCTION connections_to_see(org uuid, beyond uuid, most int)
        RETURNS TABLE (connection_id uuid, org_id uuid) LANGUAGE sql STABLE SECURITY DEFINER
        SET search_path = pg_catalog, public
        AS $$
            SELECT c.id, c.org_id FROM public.connections c
            WHERE c.id > beyond AND (org IS NULL OR c.org_id = org)
              AND c.provider_ref IS NOT NULL AND c.left_at IS NULL
            ORDER BY 1 LIMIT most $$""")
    op.execute("REVOKE EXECUTE ON FUNCTION connections_to_see(uuid, uuid, int) FROM PUBLIC")
    op.execute("GRANT EXECUTE ON FUNCTION connections_to_see(uuid, uuid, int) TO payments")
