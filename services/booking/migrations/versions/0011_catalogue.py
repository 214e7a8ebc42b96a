"""The catalogue beyond what a hold needs: how venues, events and tables present themselves."""

from alembic import op

revision = "0011"
down_revision = "0010"

VENUES = """
ALTER TABLE venues
    ADD COLUMN embed_key text,
    ADD COLUMN theme jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN address text,
    ADD COLUMN manager_email text,
    ADD COLUMN kitchen_email text,
    ADD COLUMN review_url text;
UPDATE venues SET embed_key = left(replace(gen_random_uuid()::text, '-', ''), 24);
ALTER TABLE venues
    ALTER COLUMN embed_key SET NOT NULL,
    ADD CONSTRAINT venues_embed_key UNIQUE (embed_key)
"""

# offerings_org: the order in which an organisation wants to show what it offers.
OFFERINGS = """
ALTER TABLE offerings
    ADD COLUMN image_url text,
    ADD COLUMN sort_order integer NOT NULL DEFAULT 100;
DROP INDEX offerings_org;
CREATE INDEX offerings_org ON offerings (org_id, sort_order, id)
"""

# priority: of tables that fit equally well, the lower is given out first.
RESOURCES = """
ALTER TABLE resources
    ADD COLUMN join_group text,
    ADD COLUMN priority integer NOT NULL DEFAULT 100,
    ADD COLUMN version integer NOT NULL DEFAULT 1
"""

SESSIONS = """
ALTER TABLE sessions
    ADD COLUMN description text,
    ADD COLUMN image_url text,
    ADD COLUMN ticket_url text,
    DROP CONSTRAINT sessions_status_check,
    ADD CONSTRAINT sessions_status_check CHECK (status IN ('open', 'closed', 'archived'))
"""

FUNCTIONS = """
CREATE FUNCTION org_of_embed_key(wanted text) RETURNS uuid LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public
AS $$ SELECT org_id FROM venues WHERE embed_key = wanted $$;
REVOKE EXECUTE ON FUNCTION org_of_embed_key(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION org_of_embed_key(text) TO booking
"""


def upgrade() -> None:
    for script in (VENUES, OFFERINGS, RESOURCES, SESSIONS, FUNCTIONS):
        for statement in filter(str.strip, script.split(";\n")):
            op.execute(statement)
