"""What a model reads of the user's files: the answers of list_user_files and delete_user_file, and sizes in words."""

from typing import Any

from .clean import name_of

KB, MB = 1000, 1000**2


def listed(answer: dict[str, Any]) -> str:
    """A line a file: what code needs to load it, and nothing of where the host keeps it."""
    files = answer["files"]
    if not files:
        return "The user has no files."
    lines = [
        f"- {name_of(file['filename'])} ({size(file['file_size'])}), id {name_of(file['file_id'], 300)}, "
        f"{'uploaded' if file['origin'] == 'upload' else 'made by code'} {file['uploaded_at']}, "
        f"{'kept until ' + file['expires_at'] if file['expires_at'] else 'kept'}"
        for file in files
    ]
    return "\n".join([f"The user's files, newest first ({len(files)}):", *lines])


def deleted(answer: dict[str, Any]) -> str:
    """One sentence."""
    return "The file was deleted." if answer["success"] else f"Nothing was deleted: {answer['error']}."


def size(count: int) -> str:
    """12 bytes, 3.4 KB, 5.6 MB."""
    if count < KB:
        return f"{count} bytes"
    return f"{count / KB:.1f} KB" if count < MB else f"{count / MB:.1f} MB"
