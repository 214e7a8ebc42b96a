"""Venues are told to the other services once more, which keep more of them than when they heard.

Revision ID: 0016
Revises: 0015
"""

import json
from datetime import timedelta

from alembic import op
from sqlalchemy import text

from chassis.ids import uuid7
from chassis.messaging.outbox import bucket_of

revision = "0016"
down_revision = "0015"

# By then every service runs what came with this: who keeps less would hear it for nothing.
AFTER = timedelta(hours=1)

TIMER = """
INSERT INTO messaging.outbox
    (message_id, type, ordering_key, bucket, sequence, org_id, payload, due_at, timer_key)
VALUES (:id, 'booking.venues_due', :key, :bucket, 0, :org, :payload, :due, :key)
ON CONFLICT (timer_key) WHERE timer_key IS NOT NULL DO NOTHING
"""


def upgrade() -> None:
    database = op.get_bind()
    organisations = database.execute(text("SELECT org_id FROM organisations")).scalars().all()
    database.execute(text("SET LOCAL ROLE booking"))
    due = database.execute(text("SELECT messaging.now()")).scalar_one() + AFTER
    for org in organisations:
        key = f"venues:{org}"
        timer = {"id": uuid7(due), "key": key, "bucket": bucket_of(key), "org": org, "due": due}
        payload = json.dumps({"org_id": str(org)})
        database.execute(text(TIMER), timer | {"payload": payload})
    database.execute(text("RESET ROLE"))
