"""The route table."""

import pytest

from chassis.problems import MethodNotAllowed, NotFound
from gateway.routes import ROUTES, STAFF, Route, RouteTable, Upstream

A = "0190a0b0-0000-7000-8000-000000000001"


def test_every_line_is_found_by_its_own_path():
    table = RouteTable()
    for route in ROUTES:
        path = route.path.replace("{organisation}", "a-b").replace("{prefix}", "abc123")
        path = path.replace("{embed_key}", "a" * 24)
        for name in ("{id}", "{booking_id}", "{entry_id}"):
            path = path.replace(name, A)
        match = table.match(route.method, path)
        assert match.route is route
        assert "/v1" + match.upstream_path == path


def test_lines_for_keys_name_the_permission_they_take():
    for route in ROUTES:
        if "key" in route.callers and "guest" not in route.callers:
            assert route.permission, route.path


def test_caches_may_keep_only_what_guests_read():
    for route in ROUTES:
        if route.cache:
            assert route.method == "GET"
            assert "guest" in route.callers


def test_bookings_are_only_for_their_holder_and_staff():
    """F-41: knowing an id gives nothing."""
    for route in ROUTES:
        if "{booking_id}" in route.path or "{entry_id}" in route.path:
            assert "guest" not in route.callers


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/v1",
        "/v1/bookings/1",
        f"/v1/bookings/{A}/",
        f"/v1/bookings/{A}\n",
        "/v2/offerings",
    ],
)
def test_other_paths_are_not_found(path):
    with pytest.raises(NotFound):
        RouteTable().match("GET", path)


def test_other_methods_are_not_allowed():
    with pytest.raises(MethodNotAllowed) as refused:
        RouteTable().match("PUT", f"/v1/offerings/{A}")
    assert refused.value.headers["Allow"] == "DELETE, GET, PATCH"


def line(path: str) -> Route:
    return Route(method="GET", path=path, service=Upstream.BOOKING, callers=STAFF)


@pytest.mark.parametrize(
    "paths", [("/v1/a", "/v1/a"), ("/v1/{x}",), ("/v1/{id}/a", "/v1/{organisation}/b")]
)
def test_a_table_that_contradicts_itself_is_refused(paths):
    with pytest.raises(ValueError):
        RouteTable([line(path) for path in paths])
