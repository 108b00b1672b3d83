"""The user files of one call: those it asks for and those its code mentions, opened, under the names they have inside."""

import contextlib
import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from ..errors import FileTooLarge, InvalidRequest, UserFileNotFound
from .file_manager import FileManager
from .names import clean_filename, distinct
from .user_file import UserFile
from .users import UserId

MAX_FILES = 100  # of one call


@dataclass(frozen=True)
class Input:
    """One user file of a call, opened for reading."""

    name: str
    record: UserFile
    descriptor: int

    def as_seen_inside(self) -> dict[str, str]:
        """What inside/load_file.py wants to know of it."""
        return {"name": self.name, "loader": self.record.type.loader}


@contextlib.asynccontextmanager
async def opened(
    files: FileManager, user_id: UserId, asked: Sequence[str], mentioned: Sequence[str], max_bytes: int
) -> AsyncIterator[list[Input]]:
    """Open the files; they are closed when the block ends. Two of one name are told apart.

    Args:
        asked: ids that must be there.
        mentioned: literals of the code that look like ids and may be none.
        max_bytes: of all files together.

    Raises:
        InvalidRequest: too many files.
        UserFileNotFound: an id that was asked for is no file of this user.
        FileTooLarge: they do not fit.
    """
    wanted = dict.fromkeys(asked, True) | {file_id: False for file_id in mentioned if file_id not in asked}
    if len(wanted) > MAX_FILES:
        raise InvalidRequest(f"this call names {len(wanted)} files; at most {MAX_FILES} fit into one call")
    found: list[tuple[UserFile, int]] = []
    with contextlib.ExitStack() as descriptors:
        for file_id, required in wanted.items():
            try:
                record, descriptor = await files.open(file_id, user_id)
            except UserFileNotFound:
                if required:
                    raise
                continue  # load_file says so, if the code loads it
            descriptors.callback(os.close, descriptor)
            found.append((record, descriptor))
        total = sum(record.file_size for record, _ in found)
        if total > max_bytes:
            raise FileTooLarge(f"this call's files are {total} bytes together; at most {max_bytes} fit into a sandbox")
        names = distinct([clean_filename(record.filename) for record, _ in found])
        yield [Input(name, record, descriptor) for name, (record, descriptor) in zip(names, found, strict=True)]
