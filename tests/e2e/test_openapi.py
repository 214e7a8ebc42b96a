"""schemathesis over the merged document: no 5xx, and every answer as described."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.generation.modes import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from .calls import new_address
from .people import SCOPES, City
from .system import Endpoints

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@dataclass
class Desk:
    """Credentials of staff and of an operator, and the ids of things that are there."""

    keys: list[str]
    operator: str
    ids: Mapping[str, Any]
    turn: "itertools.cycle[str]" = field(init=False)

    def __post_init__(self) -> None:
        self.turn = itertools.cycle(self.keys)

    def headers(self, path: str) -> dict[str, str]:
        """Somebody who may go there; one key may ask 600 times a minute, so they take turns."""
        key = self.operator if path == "/v1/organisations" else next(self.turn)
        return {"Authorization": f"Bearer {key}", "X-Forwarded-For": new_address()}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def desk(city: City) -> Desk:
    club = await city.nightclub()
    session = await club.session()
    booking = await city.guest().book(session, tables=[club.tables[7]], party=2)
    keys = [(await city.staff(club.id, *SCOPES)).credentials["Authorization"][7:] for _ in range(8)]
    return Desk(
        keys,
        city.endpoints.operator_key,
        {
            "/v1/offerings/{id}": club.offering_id,
            "/v1/offerings/{id}/sessions": club.offering_id,
            "/v1/sessions/{id}": session.id,
            "/v1/sessions/{id}/availability": session.id,
            "/v1/venues/{id}": club.venue_id,
            "/v1/resources/{id}": club.tables[7],
            "/v1/bookings/{booking_id}": booking.id,
            "/v1/bookings/{booking_id}/payment": booking.id,
            "/v1/bookings/{booking_id}/timeline": booking.id,
            "/v1/bookings/{booking_id}/messages": booking.id,
            "/v1/bookings/{booking_id}/cancel": booking.id,
            "/v1/bookings/{booking_id}/check-in": booking.id,
            "/v1/bookings/{booking_id}/waiver": booking.id,
            "/v1/bookings/{booking_id}/refund-approval": booking.id,
        },
    )


BOUNDED = settings(
    max_examples=10,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_every_operation_answers_as_described(
    endpoints: Endpoints, desk: Desk, mode: GenerationMode
) -> None:
    """As somebody who may: requests that fit the description, and requests that do not."""
    document = schemathesis.openapi.from_url(f"{endpoints.gateway}/openapi.json")
    operations = [found.ok() for found in document.get_all_operations()]
    assert len(operations) > 30
    failures = []
    for operation in operations:
        try:
            _probe(operation, desk, mode)
        except Unsatisfiable:
            assert mode is GenerationMode.NEGATIVE  # any text fits a slug's description
        except Exception as error:
            error.add_note(f"{operation.method.upper()} {operation.path}")
            failures.append(error)
    if failures:
        raise ExceptionGroup("operations that do not answer as described", failures)


def _probe(operation: schemathesis.schemas.APIOperation, desk: Desk, mode: GenerationMode) -> None:
    """Half of the requests are about things that exist."""
    known = desk.ids.get(operation.path)

    @BOUNDED
    @given(case=operation.as_strategy(generation_mode=mode), exists=st.booleans())
    def answers(case: schemathesis.Case, exists: bool) -> None:
        if known and exists and case.path_parameters:
            case.path_parameters = dict.fromkeys(case.path_parameters, known)
        case.call_and_validate(headers=desk.headers(case.path), checks=CHECKS)

    answers()
