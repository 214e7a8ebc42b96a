"""What this service did about a booking, from the records that the doing leaves anyway."""

import json
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from chassis.db import Transaction

_ENTRIES = """
SELECT created_at AS at, type, message_id, payload AS data
FROM messaging.archive WHERE ordering_key = $1::text AND org_id = $2
UNION ALL
SELECT created_at, type, message_id, payload
FROM messaging.outbox WHERE ordering_key = $1::text AND org_id = $2 AND due_at IS NULL
UNION ALL
SELECT created_at, 'payment.wanted', NULL,
       json_build_object('payment', id, 'change', change_id, 'amount_minor', amount_minor,
                         'currency', currency)::text
FROM payments WHERE booking_id = $3
UNION ALL
SELECT requested_at, 'refund.requested', NULL,
       json_build_object('refund', r.id, 'cause', cause, 'amount_minor', r.amount_minor,
                         'currency', r.currency, 'status', r.status, 'by', r.requested_by,
                         'reason', r.reason)::text
FROM refunds r WHERE booking_id = $3
UNION ALL
SELECT a.finished_at, 'provider.' || a.kind, NULL,
       json_build_object('attempt', a.id, 'result', a.state, 'error', a.error)::text
FROM attempts a JOIN payments p ON p.id = a.payment_id
WHERE p.booking_id = $3 AND a.state <> 'open'
UNION ALL
SELECT said_at, 'statement.' || kind, NULL,
       json_build_object('subject', subject_id, 'actor', actor, 'reference', reference)::text
FROM statements WHERE booking_id = $3
UNION ALL
SELECT opened_at, 'dispute.opened', NULL,
       json_build_object('dispute', id, 'reason', reason, 'amount_minor', amount_minor,
                         'currency', currency, 'respond_by', respond_by)::text
FROM disputes WHERE booking_id = $3
UNION ALL
SELECT closed_at, 'dispute.closed', NULL,
       json_build_object('dispute', id, 'status', status)::text
FROM disputes WHERE booking_id = $3 AND closed_at IS NOT NULL
UNION ALL
SELECT received_at, 'provider_event.' || type, NULL,
       json_build_object('event', event_id, 'outcome', outcome, 'deliveries',
                         (SELECT count(*) FROM messaging.provider_deliveries d
                          WHERE d.account_id = e.account_id AND d.event_id = e.event_id))::text
FROM messaging.provider_events e WHERE booking_id = $3 AND org_id = $2
ORDER BY at
"""

_SUMMARIES = {
    "payment.wanted": "A hold or a change asked for a payment",
    "refund.requested": "A refund was asked for",
    "statement.paid": "Somebody of the staff said that the money has arrived",
    "statement.returned": "Somebody of the staff said that the refund was sent",
    "dispute.opened": "The customer asked their bank or PayPal for the money back",
    "dispute.closed": "The dispute is decided",
    "provider.create": "The provider was asked to take a payment",
    "provider.cancel": "The provider was asked to cancel the payment",
    "provider.capture": "The provider was asked for the money that the customer agreed to",
    "provider.charge": "The provider was asked to charge the saved card once more",
    "provider.refund": "The provider was asked to give money back",
    "payment.ready.v1": "The customer can pay",
    "payment.requires_action.v1": "The customer's bank asks for another step",
    "payment.processing.v1": "The provider is clearing the payment",
    "payment.succeeded.v1": "The money arrived",
    "payment.failed.v1": "The payment was declined",
    "payment.cancelled.v1": "The payment can no longer be paid",
    "payment.fee_charged.v1": "The no-show fee was charged",
    "payment.fee_failed.v1": "The no-show fee was not charged",
    "payment.refund_requested.v1": "Staff gave money back",
    "payment.refunded.v1": "Money went back to the customer",
    "payment.disputed.v1": "The others were told of the dispute",
    "payment.dispute_closed.v1": "The others were told how the dispute ended",
    "payment.refund_failed.v1": "Money could not go back",
}


class Entry(NamedTuple):
    """One thing done, learnt or told; `message_id` when it was told."""

    at: datetime
    type: str
    message_id: UUID | None
    summary: str
    data: dict[str, Any]


async def of_booking(tx: Transaction, booking_id: UUID) -> list[Entry]:
    """Everything about a booking of the transaction's organisation, oldest first."""
    rows = await tx.fetch(_ENTRIES, str(booking_id), tx.org_id, booking_id)
    return [
        Entry(
            at=row["at"],
            type=row["type"],
            message_id=row["message_id"],
            summary=_summary(row["type"]),
            data=json.loads(row["data"]),
        )
        for row in rows
    ]


def _summary(kind: str) -> str:
    if kind.startswith("provider_event."):
        return "The provider told us something"
    return _SUMMARIES.get(kind, kind)
