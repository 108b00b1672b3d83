"""Users' files: their records, their content, their types."""

from .arguments import checked_user
from .db_handler import meant
from .embedded import EmbeddedFiles, open_files
from .expiry import Cleaner
from .file_manager import FileManager
from .inputs import opened
from .names import clean_filename, distinct
from .stores import MetadataStore
from .types import FileType, file_type
from .user_file import UserFile

__all__ = [
    "Cleaner",
    "EmbeddedFiles",
    "FileManager",
    "FileType",
    "MetadataStore",
    "UserFile",
    "checked_user",
    "clean_filename",
    "distinct",
    "file_type",
    "meant",
    "open_files",
    "opened",
]
