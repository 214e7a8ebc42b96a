"""Money never without a booking, a booking never without its money: 2,000 random histories.

make histories                        all of them
make histories HISTORIES=200          fewer
make histories SEED=1234              the one that failed, with everything that happened
"""

import asyncio
import os
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio

from chassis import logging
from tests.histories import dying
from tests.histories.faults import PLANTED, Planted
from tests.histories.history import History
from tests.histories.lane import Lane, lane
from tests.histories.verdict import End, judge
from tests.histories.ways import WAYS, Way

LANES = 3
FIRST_SEED = 1
PLANTED_WITHIN = 400  # histories, of which most plants need a few dozen


class Fell(AssertionError):
    """A history that ended wrongly, told from its seed on."""

    def __init__(self, history: History, why: Exception) -> None:
        told = "\n  ".join(history.said)
        super().__init__(
            f"seed {history.seed}: {why!r}\n  {told}\nagain: make histories SEED={history.seed}"
        )
        self.seed = history.seed


Ends = Counter[tuple[str, End]]
"""How many bookings ended how, by the way they were to be paid."""


async def play(lanes: Sequence[Lane], seeds: list[int], among: Sequence[Way] = WAYS) -> Ends:
    """Run these histories on some lanes at once.

    Raises:
        Fell: the first that ends wrongly.
    """
    left, ends = list(reversed(seeds)), Ends()

    async def drive(mine: Lane) -> None:
        while left:
            history = History(mine, left.pop(), among)
            try:
                await history.run()
                ends.update((history.way.name, end) for end in await judge(history))
            except Exception as why:
                left.clear()
                raise Fell(history, why) from why
            finally:
                await history.end()

    for fell in await asyncio.gather(*map(drive, lanes), return_exceptions=True):
        if fell is not None:
            raise fell
    return ends


@pytest_asyncio.fixture(scope="session")
async def lanes(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sequence[Lane]]:
    directory = tmp_path_factory.mktemp("lanes")
    async with AsyncExitStack() as open_:
        number = 1 if "SEED" in os.environ else LANES
        opening = (
            open_.enter_async_context(lane(directory / str(number))) for number in range(number)
        )
        yield [await one for one in opening]


@pytest.fixture(autouse=True)
def _mortal_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    dying.install(monkeypatch)
    if "SEED" not in os.environ:  # of thousands of histories nobody reads what services log
        logging.configure("test", "histories", level="CRITICAL", stream=sys.__stderr__)


@pytest.mark.timeout(1800)
async def test_money_and_bookings_always_agree(lanes: Sequence[Lane]) -> None:
    if one := os.environ.get("SEED"):
        seeds = [int(one)]
    else:
        seeds = list(range(FIRST_SEED, FIRST_SEED + int(os.environ.get("HISTORIES", "2000"))))
    started = time.monotonic()
    ends = await play(lanes, seeds)
    took = time.monotonic() - started
    print(f"\n{len(seeds)} histories, seeds {seeds[0]} to {seeds[-1]}, in {took:.0f} s")
    for way in WAYS:
        print(f"  {way.name}: { ({end.value: ends[way.name, end] for end in End}) }")
    if len(seeds) >= 1000:
        never = [(way.name, end) for way in WAYS for end in End if not ends[way.name, end]]
        rare = ("guarantee", End.REFUNDED)  # nothing is paid but the fee
        assert set(never) <= {rare}, "not every end was met: the histories are too tame"


@pytest.mark.skipif("SEED" in os.environ, reason="one history was asked for")
@pytest.mark.parametrize("fault", PLANTED, ids=lambda fault: fault.plant.__name__)
async def test_a_planted_fault_is_found(
    fault: Planted, lanes: Sequence[Lane], monkeypatch: pytest.MonkeyPatch
) -> None:
    fault.plant(monkeypatch)
    seeds = list(range(FIRST_SEED, FIRST_SEED + PLANTED_WITHIN))
    with pytest.raises(Fell) as found:
        await play(lanes, seeds, fault.among)
    print(f"\n{fault.plant.__name__}: {str(found.value).splitlines()[0]}")
