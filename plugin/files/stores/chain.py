"""Two stores as one: what is new goes to the first, what is asked for is looked up in the first, then in the second.

So a file that was uploaded without a database is found by a call that is given one.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import datetime

from ..user_file import UserFile
from ..users import UserId
from . import MetadataStore, Quota, Totals


class StoreChain:
    """A MetadataStore over two. A quota is the first one's: it holds in one step there.

    Args:
        close: closes both; None: who made them does.
    """

    def __init__(
        self, first: MetadataStore, second: MetadataStore, close: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        self._first, self._second, self._close = first, second, close

    @property
    def name(self) -> str:
        return self._first.name

    async def identity(self) -> str:
        return await self._first.identity()

    async def add(self, record: UserFile, quota: Quota | None) -> None:
        await self._first.add(record, quota)

    async def get(self, file_id: str, user_id: UserId, now: datetime) -> UserFile | None:
        found = await self._first.get(file_id, user_id, now)
        return found if found is not None else await self._second.get(file_id, user_id, now)

    async def list(self, user_id: UserId, now: datetime) -> Sequence[UserFile]:
        both = [*await self._first.list(user_id, now), *await self._second.list(user_id, now)]
        return sorted(both, key=lambda record: record.uploaded_at, reverse=True)

    async def remove(self, file_id: str, user_id: UserId) -> bool:
        return await self._first.remove(file_id, user_id) or await self._second.remove(file_id, user_id)

    async def remove_all(self, user_id: UserId) -> Sequence[str]:
        return [*await self._first.remove_all(user_id), *await self._second.remove_all(user_id)]

    async def remove_expired(self, now: datetime, limit: int) -> Sequence[str]:
        return await self._first.remove_expired(now, limit) or await self._second.remove_expired(now, limit)

    async def known(self, file_ids: Collection[str]) -> set[str]:
        return await self._first.known(file_ids) | await self._second.known(file_ids)

    async def totals(self, now: datetime) -> Totals:
        first, second = await self._first.totals(now), await self._second.totals(now)
        return Totals(first.files + second.files, first.bytes + second.bytes)

    async def aclose(self) -> None:
        if self._close is not None:
            await self._close()
