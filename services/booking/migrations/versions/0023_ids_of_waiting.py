"""Entries of the audit log about the waitlist are found at their time."""

from alembic import op

revision = "0023"
down_revision = "0022"

# The log is read by ids, which are made of the instant (version 7). What ended or settled a group's
# waiting had random ones (version 4), which all sort behind: it stood at the log's top for ever.
MADE_OF_THE_INSTANT = """
UPDATE audit SET id = (
    substr(milliseconds, 1, 8) || '-' || substr(milliseconds, 9) || '-7' || substr(id::text, 16)
)::uuid
FROM (
    SELECT entity_id AS of, id AS random,
        lpad(to_hex(floor(extract(epoch FROM at) * 1000)::bigint), 12, '0') AS milliseconds
    FROM audit WHERE entity = 'waitlist_entry' AND substr(id::text, 15, 1) = '4'
) found
WHERE audit.entity_id = found.of AND audit.id = found.random
"""


def upgrade() -> None:
    op.execute(MADE_OF_THE_INSTANT)
