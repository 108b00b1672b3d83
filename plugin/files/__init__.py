"""Users' files: their records, their content, their types."""

from .arguments import checked_user
from .embedded import open_files
from .file_manager import FileManager
from .inputs import opened
from .names import clean_filename, distinct
from .types import FileType, file_type
from .user_file import UserFile

__all__ = [
    "FileManager",
    "FileType",
    "UserFile",
    "checked_user",
    "clean_filename",
    "distinct",
    "file_type",
    "open_files",
    "opened",
]
