"""Who may run now: at most so many cells at once, fairly between users, and a bounded queue."""

import asyncio
import contextlib
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator

from ..errors import InterpreterBusy

UserId = str


class Admission:
    """Places for running cells. A freed place goes to the waiting users in turn, not to the longest queue.

    Args:
        places: cells that run at once.
        per_user: cells of one user that run at once.
        queue_limit: calls that may wait; a further one is refused.
    """

    def __init__(self, places: int, per_user: int, queue_limit: int) -> None:
        self._places = places
        self._per_user = per_user
        self._queue_limit = queue_limit
        self._running: Counter[UserId] = Counter()
        self._waiting: OrderedDict[UserId, deque[asyncio.Future[None]]] = OrderedDict()
        self._seconds = 1.0  # how long a cell holds its place, on average

    @contextlib.asynccontextmanager
    async def place(self, user_id: UserId) -> AsyncIterator[None]:
        """Hold one place.

        Raises:
            InterpreterBusy: the queue is full; it says for how long to wait.
        """
        await self._enter(user_id)
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            yield
        finally:
            self._seconds += 0.2 * (loop.time() - started - self._seconds)
            self._leave(user_id)

    @property
    def waiting(self) -> int:
        return sum(map(len, self._waiting.values()))

    async def _enter(self, user_id: UserId) -> None:
        if self._has_room(user_id) and user_id not in self._waiting:
            self._running[user_id] += 1
            return
        if self.waiting >= self._queue_limit:
            turns = (self.waiting + 1) / self._places
            raise InterpreterBusy(self.waiting, max(1.0, turns * self._seconds))
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(user_id, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._leave(user_id)  # the place was given in the same moment
            else:
                self._forget(user_id, turn)
            raise

    def _leave(self, user_id: UserId) -> None:
        self._running[user_id] -= 1
        if not self._running[user_id]:
            del self._running[user_id]
        self._admit()

    def _admit(self) -> None:
        for user_id in list(self._waiting):
            if self._has_room(user_id):
                turn = self._waiting[user_id][0]
                self._forget(user_id, turn)
                if user_id in self._waiting:
                    self._waiting.move_to_end(user_id)
                self._running[user_id] += 1
                turn.set_result(None)

    def _has_room(self, user_id: UserId) -> bool:
        return self._running.total() < self._places and self._running[user_id] < self._per_user

    def _forget(self, user_id: UserId, turn: asyncio.Future[None]) -> None:
        queue = self._waiting[user_id]
        queue.remove(turn)
        if not queue:
            del self._waiting[user_id]
