import pytest

from devstack import layout
from devstack.errors import StackError


def names(plan=None):
    return [unit.name for unit in layout.units(plan)]


def test_without_a_plan_each_service_is_one_process():
    assert names() == [
        "sandbox-stripe", "sandbox-paypal", "sandbox-swish", "sandbox-mailbox",
        "booking", "payments", "customers", "notifications", "gateway",
    ]  # fmt: skip


def test_naming_one_role_of_a_service_brings_the_other_one_too():
    started = names({"booking-worker": 3})
    assert [name for name in started if name.startswith("booking")] == [
        "booking-api", "booking-worker", "booking-worker-2", "booking-worker-3",
    ]  # fmt: skip


def test_a_role_can_be_left_out_by_saying_so():
    started = names({"payments-worker": 0, "payments-api": 1})
    assert [name for name in started if name.startswith("payments")] == ["payments-api"]


@pytest.mark.parametrize("plan", [{"bookings": 1}, {"gateway-worker": 1}, {"booking": -1}])
def test_a_plan_with_an_unknown_kind_or_a_negative_count_is_refused(plan):
    with pytest.raises(StackError):
        layout.units(plan)


def test_every_copy_has_ports_of_its_own():
    ports = [name for unit in layout.units({"booking": 2}) for name in unit.port_names]
    assert len(ports) == len(set(ports))
