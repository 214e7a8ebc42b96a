"""The changes of one thing are read in the order in which they were made."""

from alembic import op

revision = "0021"
down_revision = "0020"

# Ids follow the instant at which a transaction began, and one that had to wait for a row began
# before the change that it follows. A position is drawn while the row is locked (as the outbox's).
# Rows written so far are numbered as they were written.
POSITION = "ALTER TABLE audit ADD COLUMN position bigint GENERATED ALWAYS AS IDENTITY"


def upgrade() -> None:
    op.execute(POSITION)
