"""Messaging schema, and one table to count effects in."""

from alembic import op

from chassis.migrations import change_messaging_schema, create_messaging_schema, tenant_table

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_messaging_schema(op, "probe")
    change_messaging_schema(op, "probe", 2)
    op.execute(
        "CREATE TABLE effects (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, org_id uuid NOT NULL,"
        " key text NOT NULL, sequence bigint NOT NULL, note text NOT NULL)"
    )
    tenant_table(op, "effects", "probe")
