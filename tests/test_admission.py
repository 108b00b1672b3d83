"""Places for running cells: bounded, fair between users, and given back whatever happens."""

import asyncio
import logging

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugin.errors import InterpreterBusy
from plugin.sandbox.admission import Admission


async def settle() -> None:
    """Let every task run as far as it can."""
    for _ in range(10):
        await asyncio.sleep(0)


class Cells:
    """Cells that hold their place until told to end; `order` is who got a place when."""

    def __init__(self, admission: Admission) -> None:
        self.admission = admission
        self.order: list[str] = []
        self.running = 0
        self.most = 0
        self.go = asyncio.Semaphore(0)
        self.tasks: list[asyncio.Task[None]] = []

    def start(self, *users: str) -> None:
        self.tasks += [asyncio.create_task(self._cell(user)) for user in users]

    async def _cell(self, user: str) -> None:
        async with self.admission.place(user):
            self.order.append(user)
            self.running += 1
            self.most = max(self.most, self.running)
            try:
                await self.go.acquire()
            finally:
                self.running -= 1

    async def finish(self) -> None:
        for _ in self.tasks:
            self.go.release()
        await asyncio.gather(*self.tasks, return_exceptions=True)


async def test_no_more_run_than_there_are_places() -> None:
    """Nor more of one user than one may have."""
    cells = Cells(Admission(places=3, per_user=2, queue_limit=100))
    cells.start("a", "a", "a", "a", "b", "b", "b")
    await settle()
    assert sorted(cells.order) == ["a", "a", "b"]
    await cells.finish()
    assert cells.most == 3 and sorted(cells.order) == ["a"] * 4 + ["b"] * 3


async def test_waiting_users_take_turns() -> None:
    """A user who asked for twenty does not hold up one who asked for one."""
    cells = Cells(Admission(places=1, per_user=1, queue_limit=100))
    cells.start(*["greedy"] * 20, "modest")
    await settle()
    cells.go.release()
    await settle()
    cells.go.release()
    await settle()
    assert "modest" in cells.order[:3]
    await cells.finish()


async def test_a_full_queue_says_for_how_long_to_wait() -> None:
    """Refused at once, with a time that is no nonsense."""
    admission = Admission(places=1, per_user=1, queue_limit=2)
    cells = Cells(admission)
    cells.start("1", "2", "3")
    await settle()
    with pytest.raises(InterpreterBusy, match="try again in") as raised:
        async with admission.place("4"):
            pass
    assert 1 <= raised.value.retry_after <= 60
    await cells.finish()


@pytest.mark.parametrize("when", ["waiting", "running", "just admitted"])
async def test_a_cancelled_call_gives_its_place_back(when: str) -> None:
    """Whether it waited, ran, or was given its place in the moment of its cancellation."""
    admission = Admission(places=1, per_user=1, queue_limit=10)
    cells = Cells(admission)
    cells.start("1", "2")
    await settle()
    first, second = cells.tasks
    if when == "waiting":
        second.cancel()
    elif when == "running":
        first.cancel()
    else:
        first.cancel()
        await asyncio.sleep(0)
        second.cancel()
    await cells.finish()
    async with asyncio.timeout(5), admission.place("3"):
        assert admission.waiting == 0


async def test_a_place_given_back_while_another_call_is_cancelled_is_not_lost() -> None:
    """In one and the same step of the loop: the call next in turn is cancelled but has not run yet."""
    admission = Admission(places=1, per_user=1, queue_limit=10)
    cells = Cells(admission)
    cells.start("1", "2", "3")
    await settle()
    cells.tasks[1].cancel()
    cells.go.release()
    await settle()
    assert cells.order == ["1", "3"]
    await cells.finish()


async def test_nobody_fills_the_queue_alone() -> None:
    """Whoever comes later waits; the newest call of the one who has most is refused in its place, and told when to retry."""
    admission = Admission(places=1, per_user=1, queue_limit=6)
    cells = Cells(admission)
    cells.start(*["greedy"] * 7)
    await settle()
    cells.start("modest", "modest", "modest", "modest", "other")
    await settle()
    # greedy 6; modest takes the places of three of them, has then as many and is refused; other takes one of modest's.
    assert admission.waiting == 6
    refused = [index for index, task in enumerate(cells.tasks) if task.done()]
    assert refused == [4, 5, 6, 9, 10]
    for index in refused:
        with pytest.raises(InterpreterBusy, match="6 calls are waiting"):
            await cells.tasks[index]
    await cells.finish()
    assert sorted(cells.order) == ["greedy"] * 4 + ["modest"] * 2 + ["other"]


async def test_a_full_queue_of_modest_users_refuses_the_newcomer() -> None:
    """One call of difference is nobody's fault."""
    admission = Admission(places=1, per_user=1, queue_limit=3)
    cells = Cells(admission)
    cells.start("a", "a", "b", "c")
    await settle()
    with pytest.raises(InterpreterBusy):
        async with admission.place("d"):
            pass
    assert admission.waiting == 3
    await cells.finish()


async def test_a_call_that_is_refused_and_cancelled_in_one_moment_takes_no_place_with_it() -> None:
    """Nor one that it never had."""
    admission = Admission(places=1, per_user=1, queue_limit=2)
    cells = Cells(admission)
    cells.start("greedy", "greedy", "greedy")
    await settle()
    cells.start("modest")
    await asyncio.sleep(0)  # its task has run and refused another; that one has yet to hear of it
    cells.tasks[2].cancel()
    await settle()
    assert admission.waiting == 2
    assert cells.tasks[2].cancelled()
    await cells.finish()
    assert sorted(cells.order) == ["greedy", "greedy", "modest"]
    async with asyncio.timeout(5), admission.place("3"):
        assert admission.waiting == 0


@pytest.mark.parametrize(
    ("budget", "at_once"), [(100, 1), (299, 1), (300, 1), (600, 2), (899, 2), (1200, 4), (10**6, 4)]
)
async def test_no_more_run_than_memory_holds(budget: int, at_once: int) -> None:
    """Cells of 300 bytes; the budget comes when the first calls are already waiting."""
    cells = Cells(Admission(places=4, per_user=1, queue_limit=10))
    cells.admission.fit(budget, 300)
    cells.start(*"abcdef")
    await settle()
    assert cells.running == at_once
    await cells.finish()
    assert cells.most == at_once and len(cells.order) == 6


async def test_memory_for_more_lets_those_in_who_wait() -> None:
    """As many as fit, of one user too."""
    cells = Cells(Admission(places=4, per_user=3, queue_limit=10))
    cells.admission.fit(300, 300)
    cells.start(*"aaaab")
    await settle()
    cells.admission.fit(1200, 300)
    await settle()
    assert sorted(cells.order) == ["a", "a", "a", "b"]
    await cells.finish()


def test_too_little_memory_is_told_with_what_to_lower(caplog: pytest.LogCaptureFixture) -> None:
    """One warning with the sizes and the settings' names; none where it fits."""
    with caplog.at_level(logging.WARNING, "cellblock"):
        Admission(4, 1, 10).fit(768 * 1024**2, 768 * 1024**2)
        assert not caplog.records
        Admission(4, 1, 10).fit(500 * 1024**2, 768 * 1024**2)
    (record,) = caplog.records
    for part in ("500 MiB", "768 MiB", "memory_bytes", "work_bytes", "memory_budget_bytes"):
        assert part in record.getMessage()


class Ticks:
    """Cells that all take one tick: `started` has each call's tick, `refused` what the others were told."""

    def __init__(self, places: int, per_user: int, queue_limit: int, users: list[str]) -> None:
        self.admission = Admission(places, per_user, queue_limit)
        self.users = users
        self.started: dict[int, int] = {}
        self.refused: dict[int, InterpreterBusy] = {}
        self.now = 0
        self.ends: list[asyncio.Future[None]] = []

    async def run(self) -> int:
        """Returns: how many waited at most."""
        tasks = [asyncio.create_task(self._cell(index, user)) for index, user in enumerate(self.users)]
        await settle()
        most = self.admission.waiting
        while self.ends:
            self.now += 1
            ends, self.ends = self.ends, []
            for end in ends:
                end.set_result(None)
            await settle()
        await asyncio.gather(*tasks)
        return most

    async def _cell(self, index: int, user: str) -> None:
        try:
            async with self.admission.place(user):
                self.started[index] = self.now
                end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                self.ends.append(end)
                await end
        except InterpreterBusy as busy:
            self.refused[index] = busy


@settings(deadline=None)
@given(
    places=st.integers(1, 6), per_user=st.integers(1, 3), users=st.lists(st.sampled_from("aaabbcdefgh"), max_size=40)
)
def test_the_time_to_wait_is_when_the_call_would_have_run(places: int, per_user: int, users: list[str]) -> None:
    """Held against what happens to the same calls where the queue takes one more, for whoever is refused."""
    unbounded = Ticks(places, per_user, 1000, users)
    waiting = asyncio.run(unbounded.run())
    if not waiting:
        return
    bounded = Ticks(places, per_user, waiting - 1, users)
    asyncio.run(bounded.run())
    ((index, busy),) = bounded.refused.items()
    actual = unbounded.started[index]
    assert busy.retry_after <= actual + 1
    assert actual <= 2 * busy.retry_after + 1
