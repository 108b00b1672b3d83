"""Admission under any order of calls that come, end, are cancelled and are refused, also within one step of the event loop."""

import asyncio
from collections import Counter

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from plugin.errors import InterpreterBusy
from plugin.sandbox.admission import Admission

USERS = st.sampled_from("aaabcd")  # one who asks for more than the others


class Call:
    """One call, as its caller sees it."""

    def __init__(self, number: int, user: str, end: asyncio.Future[None]) -> None:
        self.number = number
        self.user = user
        self.state = "new"
        self.cancelled = False
        self.end = end
        self.task: asyncio.Task[None] | None = None
        self.overtaken: Counter[str] | None = None  # by whom, of a user with this call alone


class AnyOrder(RuleBasedStateMachine):
    """Rules act at once; what they set off happens in `step`, one step of the loop, or in `settle`."""

    @initialize(places=st.integers(1, 3), per_user=st.integers(1, 3), queue_limit=st.integers(0, 6))
    def begin(self, places: int, per_user: int, queue_limit: int) -> None:
        self.loop = asyncio.new_event_loop()
        self.places, self.per_user, self.queue_limit = places, per_user, queue_limit
        self.admission = Admission(places, per_user, queue_limit)
        self.calls: list[Call] = []
        self.started: list[Call] = []

    def live(self, *states: str) -> list[Call]:
        return [call for call in self.calls if call.state in states]

    async def _call(self, call: Call) -> None:
        call.state = "waiting"
        try:
            async with self.admission.place(call.user):
                call.state = "running"
                self.started.append(call)
                try:
                    await call.end
                finally:
                    call.state = "over"
        except InterpreterBusy as busy:
            assert busy.retry_after >= 1
            call.state = "refused"
        except asyncio.CancelledError:
            call.state = "cancelled"

    def _comes(self, user: str) -> Call:
        call = Call(len(self.calls), user, self.loop.create_future())
        self.calls.append(call)
        call.task = self.loop.create_task(self._call(call))
        return call

    @rule(users=st.lists(USERS, min_size=1, max_size=6))
    def come(self, users: list[str]) -> None:
        for user in users:
            self._comes(user)

    @rule(user=USERS)
    def come_when_all_is_quiet(self, user: str) -> None:
        """Then who was refused, and how many others may go first, can be told exactly."""
        self.settle()
        waiting, running = self.live("waiting"), self.live("running")
        counts = Counter(call.user for call in waiting)
        newest = {call.user: call for call in waiting}
        call = self._comes(user)
        if user not in counts and all(other.user != user for other in running):
            call.overtaken = Counter()
        self.settle()
        if call.state == "refused":
            assert len(waiting) == self.queue_limit
            assert max(counts.values(), default=0) - counts[user] <= 1
        for other in waiting:
            if other.state == "refused":
                assert len(waiting) == self.queue_limit and call.state == "waiting"
                assert counts[other.user] == max(counts.values()) >= counts[user] + 2
                assert other is newest[other.user]

    @precondition(lambda self: self.live("running"))
    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        call = data.draw(st.sampled_from(self.live("running")))
        if not call.end.done():
            call.end.set_result(None)

    @precondition(lambda self: self.live("new", "waiting", "running"))
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        call = data.draw(st.sampled_from(self.live("new", "waiting", "running")))
        assert call.task is not None
        call.cancelled = call.task.cancel() or call.cancelled

    @precondition(lambda self: self.live("waiting"))
    @rule(user=USERS)
    def come_while_the_newest_is_cancelled(self, user: str) -> None:
        """Who comes may refuse the newest, in the same step."""
        newest = self.live("waiting")[-1]
        self._comes(user)
        self.step()
        assert newest.task is not None
        newest.cancelled = newest.task.cancel() or newest.cancelled

    @rule()
    def step(self) -> None:
        self.loop.call_soon(self.loop.stop)
        self.loop.run_forever()
        started, self.started = self.started, []
        waiting = self.live("waiting")
        if len(waiting) > self.admission.waiting:
            return  # somebody has a place, or is refused, and will know in the next step: it may not be who is overtaken
        for call in started:
            for other in waiting:
                if other.user == call.user:
                    assert other.number > call.number, "not in the order in which they came"
                elif other.overtaken is not None:
                    other.overtaken[call.user] += 1
                    assert other.overtaken[call.user] <= 1, "a user with one call waits for more than a round"

    @rule()
    def settle(self) -> None:
        for _ in range(15):  # longer than any chain of places handed on
            self.step()
        waiting, running = self.live("waiting"), self.live("running")
        assert not any(call.cancelled for call in waiting + running)
        assert self.admission.waiting == len(waiting)
        of_user = Counter(call.user for call in running)
        if len(running) < self.places:
            assert all(of_user[call.user] >= self.per_user for call in waiting), "there is room and nobody was woken"

    @invariant()
    def never_too_many(self) -> None:
        running = Counter(call.user for call in self.live("running"))
        assert running.total() <= self.places
        assert all(count <= self.per_user for count in running.values())
        assert self.admission.waiting <= self.queue_limit

    def teardown(self) -> None:
        """When all have gone, every place is there again."""
        try:
            for call in self.calls:
                assert call.task is not None
                call.task.cancel()
            self.settle()
            last = [self._comes(f"new {number}") for number in range(self.places)]
            self.settle()
            assert [call.state for call in last] == ["running"] * self.places and self.admission.waiting == 0
            for call in last:
                call.end.set_result(None)
            self.settle()
            assert not self.live("waiting", "running")
        finally:
            self.loop.close()


AnyOrder.TestCase.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
TestAnyOrder = AnyOrder.TestCase
