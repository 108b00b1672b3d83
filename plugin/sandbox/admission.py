"""Who may run now: at most so many cells at once, fairly between users, and a bounded queue."""

import asyncio
import contextlib
import logging
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator

from ..errors import InterpreterBusy

log = logging.getLogger("cellblock.sandbox")

UserId = str
Turn = asyncio.Future[InterpreterBusy | None]  # None: the place is yours

MiB = 1024**2


class Admission:
    """Places for running cells. A freed place goes to the waiting users in turn, not to the longest queue.

    Args:
        places: cells that run at once.
        per_user: cells of one user that run at once.
        queue_limit: calls that may wait. A further one is refused, unless another user has at least two more waiting: that
            user's newest is refused in its stead.
    """

    def __init__(self, places: int, per_user: int, queue_limit: int) -> None:
        self._most_places = self._places = places
        self._per_user = per_user
        self._queue_limit = queue_limit
        self._running: Counter[UserId] = Counter()
        # Users in the order of their turns, each with its calls in the order in which they came; nobody with none.
        self._waiting: OrderedDict[UserId, deque[Turn]] = OrderedDict()
        self._seconds = 1.0  # how long a cell holds its place, on average

    def fit(self, budget_bytes: int, cell_bytes: int) -> None:
        """Run no more cells at once than the budget holds, and one where it holds none.

        Args:
            budget_bytes: what all running cells may have together.
            cell_bytes: what one may have.
        """
        fitting = budget_bytes // cell_bytes
        if fitting < 1:
            log.warning(
                "memory for cells is %d MiB, but one may use %d MiB: one runs at a time, and this host may run out of memory; "
                "lower memory_bytes or work_bytes, or set memory_budget_bytes if there is more",
                budget_bytes // MiB,
                cell_bytes // MiB,
            )
        elif fitting < self._most_places:
            log.info("memory for %d cells at once, pool_max allows %d", fitting, self._most_places)
        self._places = min(self._most_places, max(1, fitting))
        self._admit()

    @contextlib.asynccontextmanager
    async def place(self, user_id: UserId) -> AsyncIterator[None]:
        """Hold one place.

        Raises:
            InterpreterBusy: the queue is full, at once or because others came; it says for how long to wait.
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
        if self._has_room(user_id):  # nobody who waits could use it: it would be theirs already
            self._running[user_id] += 1
            return
        own = len(self._waiting.get(user_id, ()))
        if self.waiting >= self._queue_limit and not self._refuse_another(own):
            raise self._busy(user_id, own + 1)
        turn: Turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(user_id, deque()).append(turn)
        try:
            refusal = await asyncio.shield(turn)  # a cancelled call still counts until it runs, here, and is taken out
        except asyncio.CancelledError:
            if not turn.done():
                self._forget(user_id, turn)
            elif turn.result() is None:
                self._leave(user_id)  # the place was given in the same moment
            raise
        if refusal is not None:
            raise refusal

    def _leave(self, user_id: UserId) -> None:
        self._running[user_id] -= 1
        if not self._running[user_id]:
            del self._running[user_id]
        self._admit()

    def _admit(self) -> None:
        while (user_id := next(filter(self._has_room, self._waiting), None)) is not None:
            turn = self._waiting[user_id][0]
            self._forget(user_id, turn)
            if user_id in self._waiting:
                self._waiting.move_to_end(user_id)
            self._running[user_id] += 1
            turn.set_result(None)

    def _has_room(self, user_id: UserId) -> bool:
        return self._running.total() < self._places and self._running[user_id] < self._per_user

    def _forget(self, user_id: UserId, turn: Turn) -> None:
        queue = self._waiting[user_id]
        queue.remove(turn)
        if not queue:
            del self._waiting[user_id]

    # ---- a full queue

    def _refuse_another(self, own: int) -> bool:
        """Refuse the newest call of the user with most, who has at least two more than `own`: so nobody fills the queue."""
        # Of several with as many, the one whose turn is furthest off.
        heaviest = max(reversed(self._waiting), key=lambda user_id: len(self._waiting[user_id]), default=None)
        if heaviest is None or len(queue := self._waiting[heaviest]) - own < 2:
            return False
        refusal = self._busy(heaviest, len(queue))
        queue.pop().set_result(refusal)
        return True

    def _busy(self, user_id: UserId, position: int) -> InterpreterBusy:
        return InterpreterBusy(self.waiting, max(1.0, self._seconds * self._cells_before(user_id, position)))

    def _cells_before(self, user_id: UserId, position: int) -> float:
        """How many times a cell's time it takes until a user's `position`-th waiting call, the first being 1, has its place.

        The later of two. Its turn: before it come the user's own calls and of every other user `position` calls, or one less
        where that user's turn is the later; each place gets free once in a cell's time. Its user's limit: of the user's calls
        that run or stand before it all but `per_user` - 1 must have ended; `per_user` do in a cell's time. Left out is that
        the second may begin after the first, that cells differ, and who comes meanwhile.
        """
        through, turn_comes_later = position, False
        for other, queue in self._waiting.items():
            if other == user_id:
                turn_comes_later = True
            else:
                through += min(len(queue), position - turn_comes_later)
        free = self._places - self._running.total()
        own = self._running[user_id] + position - self._per_user
        return max((through - free) / self._places, own / self._per_user)
