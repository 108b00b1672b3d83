"""Places for running cells: bounded, fair between users, and given back whatever happens."""

import asyncio

import pytest

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
