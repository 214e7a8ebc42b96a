"""Runs of the comparison with providers, and what they found."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from asyncpg import Record

from chassis.db import Database, Transaction
from payments.domain.reconciliation import Finding, Kind, Run

_START = """
INSERT INTO messaging.reconciliation_runs (id, account_id, org_id, since, until, started_at)
VALUES ($1, $2, $3, $4, $5, messaging.now())
ON CONFLICT DO NOTHING
RETURNING started_at
"""

# An account's own organisation sees all its runs; those of a shared account are seen by whoever
# asked for them, or has something found.
_VISIBLE = """
SELECT r.id, r.account_id, r.org_id, r.since, r.until, r.started_at, r.finished_at, r.error
FROM messaging.reconciliation_runs r
WHERE (r.org_id = $1
       OR r.org_id IS NULL
          AND (EXISTS (SELECT FROM payment_accounts a WHERE a.id = r.account_id)
               OR EXISTS (SELECT FROM reconciliation_findings f WHERE f.run_id = r.id)))
"""

_DRIFT = """
SELECT run_id, currency, count(*) AS findings, sum(theirs_minor - ours_minor)::bigint AS drift_minor
FROM reconciliation_findings WHERE run_id = ANY($1) GROUP BY run_id, currency ORDER BY currency
"""


class Standing(NamedTuple):
    """A run as one organisation sees it. `drift`: theirs less ours, by currency, minor units."""

    run: Run
    finished_at: datetime | None
    error: str | None
    findings: int
    drift: dict[str, int]


async def start(
    tx: Transaction,
    run_id: UUID,
    account_id: str,
    window: tuple[datetime, datetime],
    org_id: UUID | None,
) -> Run | None:
    """Note a new run; None when it was started before."""
    since, until = window
    started_at = await tx.fetchval(_START, run_id, account_id, org_id, since, until)
    return Run(run_id, account_id, since, until, started_at, org_id) if started_at else None


async def running(tx: Transaction, account_id: str, org_id: UUID) -> Run | None:
    """The run that an organisation asked for and that is not over."""
    row = await tx.fetchrow(
        """SELECT id, account_id, org_id, since, until, started_at
           FROM messaging.reconciliation_runs
           WHERE account_id = $1 AND org_id = $2 AND finished_at IS NULL""",
        account_id,
        org_id,
    )
    return _run(row) if row else None


async def finish(tx: Transaction, run_id: UUID, error: str | None = None) -> None:
    """Note that a run is over; with `error`, before it had compared everything."""
    await tx.execute(
        """UPDATE messaging.reconciliation_runs SET finished_at = messaging.now(), error = $2
           WHERE id = $1 AND finished_at IS NULL""",
        run_id,
        error,
    )


async def last_hourly(tx: Transaction, account_id: str) -> datetime | None:
    """Up to when an account was compared without anybody asking."""
    found: datetime | None = await tx.fetchval(
        """SELECT max(until) FROM messaging.reconciliation_runs
           WHERE account_id = $1 AND org_id IS NULL AND error IS NULL""",
        account_id,
    )
    return found


async def accounts(tx: Transaction, providers: list[str]) -> list[str]:
    """The ids of all accounts that organisations have connected at these providers."""
    rows = await tx.fetch("SELECT account_id FROM accounts_to_reconcile($1)", providers)
    return [row["account_id"] for row in rows]


async def accounts_of(tx: Transaction, providers: list[str]) -> list[str]:
    """The ids of the accounts at these providers that the transaction's organisation uses."""
    rows = await tx.fetch(
        """SELECT id FROM payment_accounts WHERE provider = ANY($1)
           UNION
           SELECT account_id FROM payments
           WHERE provider = ANY($1) AND provider_ref IS NOT NULL
           ORDER BY 1""",
        providers,
    )
    return [row["id"] for row in rows]


async def unchecked(db: Database, run: Run, beyond: UUID, most: int) -> list[tuple[UUID, UUID]]:
    """Payments of the window that the run has not seen, by id after `beyond`, with their owner."""
    rows = await db.statement(
        "SELECT payment_id, org_id FROM payments_unchecked($1, $2, $3, $4, $5, $6, $7)",
        run.account_id,
        run.org_id,
        run.since,
        run.until,
        run.started_at,
        beyond,
        most,
    )
    return [(row["payment_id"], row["org_id"]) for row in rows]


async def connections(
    db: Database, org_id: UUID | None, beyond: UUID, most: int
) -> list[tuple[UUID, UUID]]:
    """Connections that the provider knows, by id after `beyond`, with their owner."""
    rows = await db.statement(
        "SELECT connection_id, org_id FROM connections_to_see($1, $2, $3)", org_id, beyond, most
    )
    return [(row["connection_id"], row["org_id"]) for row in rows]


async def mark_payment(tx: Transaction, payment_id: UUID) -> None:
    """Note that the payment was seen at its provider now."""
    await tx.execute("UPDATE payments SET checked_at = messaging.now() WHERE id = $1", payment_id)


async def mark_refunds(tx: Transaction, refunds: list[UUID]) -> None:
    """Note that the refunds were looked for at their provider now."""
    await tx.execute("UPDATE refunds SET checked_at = messaging.now() WHERE id = ANY($1)", refunds)


async def add(tx: Transaction, run_id: UUID, finding: Finding) -> bool:
    """Keep what was found; False when the run has it already."""
    return bool(
        await tx.fetchval(
            """INSERT INTO reconciliation_findings
                   (run_id, kind, ref, org_id, payment_id, booking_id, currency, ours_minor,
                    theirs_minor, found_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, messaging.now())
               ON CONFLICT DO NOTHING RETURNING true""",
            run_id,
            finding.kind,
            finding.ref,
            tx.org_id,
            finding.payment_id,
            finding.booking_id,
            finding.currency,
            finding.ours_minor,
            finding.theirs_minor,
        )
    )


async def newest(tx: Transaction, before: UUID | None, limit: int) -> list[Standing]:
    """The runs that the transaction's organisation may see, newest first."""
    rows = await tx.fetch(
        f"{_VISIBLE} AND ($2::uuid IS NULL OR r.id < $2) ORDER BY r.id DESC LIMIT $3",
        tx.org_id,
        before,
        limit,
    )
    return await _standing(tx, rows)


async def read(tx: Transaction, run_id: UUID) -> Standing | None:
    """One run, if the transaction's organisation may see it."""
    found = await _standing(tx, await tx.fetch(f"{_VISIBLE} AND r.id = $2", tx.org_id, run_id))
    return found[0] if found else None


async def findings(tx: Transaction, run_id: UUID, limit: int) -> list[Finding]:
    """What a run found of the transaction's organisation, oldest first."""
    rows = await tx.fetch(
        """SELECT kind, ref, payment_id, booking_id, currency, ours_minor, theirs_minor
           FROM reconciliation_findings WHERE run_id = $1 ORDER BY found_at, kind, ref LIMIT $2""",
        run_id,
        limit,
    )
    return [Finding(**{**dict(row), "kind": Kind(row["kind"])}) for row in rows]


async def _standing(tx: Transaction, rows: list[Record]) -> list[Standing]:
    found: dict[UUID, list[Record]] = {row["id"]: [] for row in rows}
    for sums in await tx.fetch(_DRIFT, list(found)):
        found[sums["run_id"]].append(sums)
    return [
        Standing(
            _run(row),
            row["finished_at"],
            row["error"],
            sum(sums["findings"] for sums in found[row["id"]]),
            {s["currency"]: s["drift_minor"] for s in found[row["id"]] if s["currency"]},
        )
        for row in rows
    ]


def _run(row: Record) -> Run:
    return Run(
        id=row["id"],
        account_id=row["account_id"],
        since=row["since"],
        until=row["until"],
        started_at=row["started_at"],
        org_id=row["org_id"],
    )
