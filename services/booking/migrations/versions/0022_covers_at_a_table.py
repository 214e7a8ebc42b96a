"""A table's row in the ledger may have the covers of its party, so that one row is enough."""

from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    op.execute("ALTER TABLE allocations DROP CONSTRAINT allocations_kind")
    op.execute(
        "ALTER TABLE allocations ADD CONSTRAINT allocations_kind "
        "CHECK (units > 0 OR (units = 0 AND resource_id IS NOT NULL))"
    )
