"""A hold no longer locks the row of each table it takes (decision 0029)."""

from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.execute("ALTER TABLE allocations DROP CONSTRAINT allocations_resource_id_fkey")
    op.execute("REVOKE DELETE ON resources FROM booking")
