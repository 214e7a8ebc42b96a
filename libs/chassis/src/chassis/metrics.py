"""What every process measures. Scraped at `/metrics` on the internal port."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.gc_collector import GCCollector
from prometheus_client.process_collector import ProcessCollector

# A registry of our own: importing a library that registers metrics must not change what we expose.
REGISTRY = CollectorRegistry(auto_describe=True)
ProcessCollector(registry=REGISTRY)
GCCollector(registry=REGISTRY)

_FAST = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_SLOW = (0.005, 0.025, 0.1, 0.5, 1, 2.5, 5, 15, 60, 300)

OUTBOX_LAG = Gauge(
    "holdfast_outbox_lag_seconds",
    "Age of the oldest message that is due and not yet confirmed by the broker",
    registry=REGISTRY,
)
OUTBOX_DEPTH = Gauge(
    "holdfast_outbox_depth", "Messages due and not yet confirmed by the broker", registry=REGISTRY
)
PUBLISHED = Counter(
    "holdfast_published", "Messages confirmed by the broker and archived", registry=REGISTRY
)
UNROUTABLE = Counter(
    "holdfast_unroutable",
    "Messages that the broker returned although the contracts name a consumer",
    registry=REGISTRY,
)
HANDLED = Counter(
    "holdfast_handled",
    "Messages and timers handled, by outcome: done, duplicate, retry, parked, paused",
    ["outcome"],
    registry=REGISTRY,
)
HANDLER_SECONDS = Histogram(
    "holdfast_handler_seconds",
    "Time from taking a message to its commit",
    buckets=_FAST,
    registry=REGISTRY,
)
PARKED = Gauge("holdfast_parked", "Messages parked and waiting for a person", registry=REGISTRY)
INTENTS = Counter(
    "holdfast_intents",
    "Calls to the outside, by kind and outcome: done, retry, failed",
    ["kind", "outcome"],
    registry=REGISTRY,
)
TIMER_DELAY = Histogram(
    "holdfast_timer_delay_seconds",
    "How long after its due time a timer was handled",
    buckets=_SLOW,
    registry=REGISTRY,
)
ALARMS = Counter(
    "holdfast_alarms",
    "Things a person should look at, by kind: intent_failed, unroutable, parked, dead_letter",
    ["kind"],
    registry=REGISTRY,
)
HTTP_SECONDS = Histogram(
    "holdfast_http_seconds",
    "Time to the last byte of an answer, by route template, method and status",
    ["route", "method", "status"],
    buckets=_FAST,
    registry=REGISTRY,
)

# A counter that first appears as 1 never increased, as far as alert rules can see.
for _outcome in ("done", "duplicate", "retry", "parked", "paused"):
    HANDLED.labels(_outcome)
for _kind in ("intent_failed", "unroutable", "parked", "dead_letter"):
    ALARMS.labels(_kind)
