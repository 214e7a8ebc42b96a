"""One trace from the request to the last mail: W3C trace context in HTTP, outbox rows and AMQP.

Every request and message gets ids, so logs can be joined. Spans are recorded and exported only
when `OTEL_EXPORTER_OTLP_ENDPOINT` is set; otherwise a span costs a few microseconds.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager

from opentelemetry import context, trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased, Sampler
from opentelemetry.trace import Span, SpanKind, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
TIMEOUT = "OTEL_EXPORTER_OTLP_TIMEOUT"  # seconds

_propagator = TraceContextTextMapPropagator()


class _Tracing:
    """The provider of this process.

    Not the global one: libraries that find a global provider start recording on their own, and
    they would record personal data.
    """

    def __init__(self) -> None:
        self.provider: TracerProvider | None = None
        self.tracer: Tracer | None = None


_tracing = _Tracing()


def configure(service: str, sampler: Sampler | None = None) -> None:
    """Start tracing for this process; called once, by `main`."""
    exporting = bool(os.environ.get(ENDPOINT))
    provider = TracerProvider(
        resource=Resource({"service.namespace": "holdfast", "service.name": service}),
        # Ids are made either way; without an exporter nothing is recorded for nobody to read.
        sampler=sampler or (ParentBased(ALWAYS_ON) if exporting else ALWAYS_OFF),
        shutdown_on_exit=False,
    )
    if exporting:
        # Imported here: the exporter costs 20 MB that most processes never need.
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

        # A collector that is away must not hold up a drain: two seconds, retries included.
        os.environ.setdefault(TIMEOUT, "2")
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    _tracing.provider = provider
    _tracing.tracer = provider.get_tracer("holdfast")


def shutdown() -> None:
    """Send what is still buffered."""
    if _tracing.provider is not None:
        _tracing.provider.shutdown()


def traceparent() -> str | None:
    """The current span as a `traceparent` value, for an outbox row; None outside any trace."""
    found = trace.get_current_span().get_span_context()
    if not found.is_valid:
        return None
    return f"00-{found.trace_id:032x}-{found.span_id:016x}-{found.trace_flags:02x}"


def headers() -> dict[str, str]:
    """Headers that carry the current trace over HTTP or AMQP; empty outside any trace."""
    current = traceparent()
    return {"traceparent": current} if current else {}


def trace_id() -> str | None:
    """The current trace's id as 32 hex digits; None outside any trace."""
    found = trace.get_current_span().get_span_context()
    return f"{found.trace_id:032x}" if found.is_valid else None


@contextmanager
def span(
    name: str,
    *,
    parent: str | None = None,
    kind: SpanKind = SpanKind.INTERNAL,
    attributes: Mapping[str, AttributeValue] | None = None,
) -> Iterator[Span]:
    """Run a block as a span; `parent` is a `traceparent` that came with a message or request.

    Without a parent it continues the current trace, or starts one. An exception that leaves the
    block marks the span as failed; its text is not recorded, since it may hold personal data.
    """
    started = start(name, parent=parent, kind=kind, attributes=attributes)
    token = context.attach(trace.set_span_in_context(started))
    try:
        yield started
    except BaseException as error:
        started.set_status(trace.StatusCode.ERROR, type(error).__name__)
        raise
    finally:
        context.detach(token)
        started.end()


def remote(parent: str | None, name: str) -> AbstractContextManager[Span]:
    """Run a block as the consumer of a message that carried `parent`."""
    return span(name, parent=parent, kind=SpanKind.CONSUMER)


def start(
    name: str,
    *,
    parent: str | None = None,
    kind: SpanKind = SpanKind.INTERNAL,
    attributes: Mapping[str, AttributeValue] | None = None,
) -> Span:
    """A started span that is not current; the caller ends it."""
    if _tracing.tracer is None:
        configure("unconfigured")
    tracer = _tracing.tracer
    if tracer is None:
        raise RuntimeError("tracing is not configured")
    parent_context = (
        _propagator.extract({"traceparent": parent}, context.Context()) if parent else None
    )
    return tracer.start_span(name, parent_context, kind, attributes)
