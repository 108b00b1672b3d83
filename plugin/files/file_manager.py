"""The files of all users: uploaded, listed, opened, deleted and cleaned up. The interpreter and compat.py call it.

A record and its content are two things in two places, and a process may die between any two steps. Content is written
before its record and deleted after it, so what a crash leaves is content without a record, which nobody sees and
`cleanup_expired` deletes; content of an upload that still runs is locked, and stays.
"""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing
from datetime import datetime
from functools import partial
from typing import Any

from ..config import Settings
from ..errors import StoreError, UserFileNotFound
from ..finish import in_thread
from .arguments import checked_file_type, checked_filename, checked_metadata, checked_user
from .content import ContentStore, legacy
from .file_ids import is_file_id, new_file_id
from .sources import Data, pieces, too_large
from .stores import MetadataStore, Quota, Totals
from .types import split_suffix
from .user_file import Origin, UserFile, at, described, later
from .users import UserId

EXPIRED_AT_ONCE = 500


class FileManager:
    """Users' files over a store of records and a store of content; owns both.

    Everywhere: another user's file, an expired one and one that never was look the same. InvalidRequest is raised for a
    user_id that is none (users.py), StoreError where the database or the disk fails.

    Args:
        clock: gives seconds since 1970.
    """

    def __init__(
        self, settings: Settings, store: MetadataStore, content: ContentStore, clock: Callable[[], float] = time.time
    ) -> None:
        self._settings, self._store, self._content, self._clock = settings, store, content, clock

    async def upload(
        self,
        user_id: UserId,
        data: Data,
        filename: str,
        file_type: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> UserFile:
        """Keep a file that a user sent; when this returns, a crash or a power cut loses nothing.

        Args:
            data: bytes, a binary file, or an async iterator of bytes; read to its end, closed by the caller.
            filename: as the user called it; names.py says what is kept of it.
            file_type: a suffix such as 'csv'; None: that of the name.
            metadata: a JSON object to keep with the file, at most 16,384 characters as JSON.

        Raises:
            FileTooLarge: more than Settings.max_file_bytes; told while reading.
            TooManyFiles: the user has Settings.max_files_per_user uploaded files.
            InvalidRequest: an argument is of the wrong type or too long.
        """
        return await self._keep(
            "upload", user_id, data, filename, checked_file_type(file_type), checked_metadata(metadata)
        )

    async def keep_generated(self, user_id: UserId, filename: str, data: Data) -> UserFile:
        """Keep a file that a user's code left. It expires as uploads do, but does not count against their number.

        Raises:
            TooManyBytes: with it the user would have more than Settings.max_generated_bytes_per_user of them.
            FileTooLarge, InvalidRequest: as `upload`.
        """
        return await self._keep("generated", user_id, data, filename, None, None)

    async def get(self, file_id: str, user_id: UserId) -> dict[str, Any] | None:
        """The stored document of one file, None if the user has no such file."""
        record = await self._find(file_id, user_id)
        return record.as_document() if record else None

    get_file = get  # the original's name

    async def list(self, user_id: UserId) -> Sequence[UserFile]:
        """The user's files, uploaded and generated, newest first."""
        return await self._store.list(checked_user(user_id), self._now())

    async def load(self, file_id: str, user_id: UserId) -> tuple[UserFile, bytes]:
        """A file's record and content.

        Raises:
            UserFileNotFound: the user has no such file.
        """
        record = await self._found(file_id, user_id)
        try:
            return record, await self._read(record)
        except KeyError:
            raise await self._why_missing(record) from None

    async def open(self, file_id: str, user_id: UserId) -> tuple[UserFile, int]:
        """A file's record and a descriptor to read it from, which the caller closes. A deletion does not disturb it.

        Raises:
            UserFileNotFound: the user has no such file.
        """
        record = await self._found(file_id, user_id)
        try:
            return record, await self._opened(record)
        except KeyError:
            raise await self._why_missing(record) from None

    async def delete(self, file_id: str, user_id: UserId) -> bool:
        """Delete one file; False if the user has no such file."""
        user_id = checked_user(user_id)
        if not is_file_id(file_id) or not await self._store.remove(file_id, user_id):
            return False
        await self._content.remove(file_id)
        return True

    async def delete_all(self, user_id: UserId) -> int:
        """Delete all files of a user, generated and expired ones too; gives their number."""
        return await self._remove_contents(await self._store.remove_all(checked_user(user_id)))

    async def cleanup_expired(self) -> int:
        """Delete what has expired, and what crashes left; gives the number of files that this call deleted.

        Any number of processes may clean up at once, while others upload.
        """
        now, count = self._now(), 0
        while expired := await self._store.remove_expired(now, EXPIRED_AT_ONCE):
            count += await self._remove_contents(expired)
        await self._content.sweep(self._store.known)
        return count

    async def stats(self) -> Totals:
        """How many files of all users there are, and their bytes."""
        return await self._store.totals(self._now())

    async def aclose(self) -> None:
        """Close the database. Safe to call twice."""
        await self._store.aclose()

    async def _keep(
        self,
        origin: Origin,
        user_id: UserId,
        data: Data,
        filename: str,
        file_type: str | None,
        metadata: Mapping[str, Any] | None,
    ) -> UserFile:
        user_id = checked_user(user_id)
        name = checked_filename(filename)
        suffix = file_type or split_suffix(name)[1].lower() or "other"
        file_id = new_file_id(user_id, self._clock())
        async with (
            aclosing(pieces(data, self._settings.max_file_bytes)) as source,
            self._content.put(file_id, source) as (size, sha256),
            AsyncExitStack() as undo,
        ):
            now = self._now()
            record = UserFile(
                file_id=file_id,
                user_id=user_id,
                filename=name,
                file_path=self._content.path(file_id),
                file_size=size,
                file_type=suffix,
                uploaded_at=now,
                expires_at=later(now, self._settings.expires_after),
                origin=origin,
                sha256=sha256,
                content=f"{self._content.name}:{file_id}",
                mime=described(suffix, name).mime,
                metadata=metadata,
            )
            undo.push_async_callback(self._take_back, record)
            await self._store.add(record, self._quota(origin))
            undo.pop_all()
        return record

    async def _take_back(self, record: UserFile) -> None:
        # A call that was cancelled while the database worked may have got its record in.
        await self._store.remove(record.file_id, record.user_id)
        await self._content.remove(record.file_id)

    def _quota(self, origin: Origin) -> Quota:
        settings = self._settings
        if origin == "upload":
            return Quota(files=settings.max_files_per_user)
        return Quota(bytes=settings.max_generated_bytes_per_user)

    async def _find(self, file_id: str, user_id: UserId) -> UserFile | None:
        user_id = checked_user(user_id)
        return await self._store.get(file_id, user_id, self._now()) if is_file_id(file_id) else None

    async def _found(self, file_id: str, user_id: UserId) -> UserFile:
        record = await self._find(file_id, user_id)
        if record is None:
            raise UserFileNotFound(str(file_id))
        return record

    async def _opened(self, record: UserFile) -> int:
        if not record.content.startswith(f"{legacy.CONTENT}:"):
            return await self._content.open(record.file_id)
        return await in_thread(partial(legacy.opened, self._settings.legacy_root, record.user_id, record.file_path))

    async def _read(self, record: UserFile) -> bytes:
        if not record.content.startswith(f"{legacy.CONTENT}:"):
            return await self._content.read(record.file_id)
        descriptor = await self._opened(record)
        return await in_thread(partial(_all_of, descriptor, self._settings.max_file_bytes))

    async def _why_missing(self, record: UserFile) -> UserFileNotFound | StoreError:
        """Content is missing: the file was deleted after its record was read, or somebody took the content away."""
        if await self._find(record.file_id, record.user_id) is None:
            return UserFileNotFound(record.file_id)
        return StoreError(
            f"the content of file '{record.file_id}' is missing: {record.file_path or record.content}; "
            "put it back from a backup, or delete the file and upload it again"
        )

    async def _remove_contents(self, file_ids: Sequence[str]) -> int:
        for file_id in file_ids:
            await self._content.remove(file_id)
        return len(file_ids)

    def _now(self) -> datetime:
        return at(self._clock())


def _all_of(descriptor: int, most: int) -> bytes:
    """Raises FileTooLarge."""
    with os.fdopen(descriptor, "rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise too_large(most)
    return data
