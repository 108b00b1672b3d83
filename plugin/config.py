"""Every number, path and choice of the interpreter, in one place.

A value is taken from Interpreter's keyword, then from the environment (`CELLBLOCK_` and the name in upper case; the three
names the original read are honoured too), then from the default below. Sizes are bytes, times seconds.
"""

from pathlib import Path
from typing import Any, Literal

import platformdirs
from pydantic import AliasChoices, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from .errors import SettingsError

KiB, MiB, GiB = 1024, 1024**2, 1024**3


def _home() -> Path:
    return Path(platformdirs.user_data_dir("cellblock", appauthor=False))


def _also(name: str, original: str) -> AliasChoices:
    return AliasChoices(name, f"CELLBLOCK_{name.upper()}", original)


class Settings(BaseSettings):
    """What an operator may decide; CONTRACT's names."""

    model_config = SettingsConfigDict(
        env_prefix="CELLBLOCK_", frozen=True, extra="forbid", validate_default=True, populate_by_name=True
    )

    home: Path = Field(default_factory=_home)
    level: Literal["namespaces", "landlock", "landlock-weak"] = "landlock"
    policy: Literal["strict", "sandbox-only"] = "strict"

    timeout: float = Field(60, gt=0, validation_alias=_also("timeout", "CODE_EXECUTION_TIMEOUT"))
    max_timeout: float = Field(300, gt=0)
    memory_bytes: int = Field(512 * MiB, ge=64 * MiB)
    max_processes: int = Field(64, ge=2)
    max_open_files: int = Field(256, ge=32)
    work_bytes: int = Field(256 * MiB, ge=MiB)
    work_inodes: int = Field(16384, ge=64)

    max_code_bytes: int = Field(MiB, gt=0, le=MiB)
    max_output_bytes: int = Field(100_000, gt=0)
    max_file_bytes: int = Field(50 * MiB, gt=0)
    max_files_per_user: int = Field(20, gt=0, validation_alias=_also("max_files_per_user", "MAX_FILES_PER_USER"))
    max_generated_bytes: int = Field(100 * MiB, gt=0)  # of the files that one call leaves, together
    max_generated_bytes_per_user: int = Field(500 * MiB, ge=0)  # kept for later calls; each file counts 4 KiB at least
    file_expiration_hours: float = Field(
        48, ge=-1, validation_alias=_also("file_expiration_hours", "FILE_EXPIRATION_HOURS")
    )

    pool_min: int = Field(2, ge=0)
    pool_max: int = Field(8, ge=1)
    queue_limit: int = Field(100, ge=0)
    per_user_running: int = Field(2, ge=1)
    memory_budget_bytes: int | None = Field(None, gt=0)  # of all running cells together; None: measured (budget.py)

    database: str | None = None  # mongodb://...; None: SQLite in `home`
    content: Literal["local", "gridfs"] = (
        "local"  # of files whose records are in MongoDB; gridfs: several machines share
    )
    content_cache_bytes: int = Field(GiB, ge=0)  # of this machine's copies of what is in GridFS
    legacy_root: Path | None = None  # of the original bot, whose files its documents in MongoDB name

    venv_max_age_days: float = Field(7, gt=0)
    install_bytes: int = Field(GiB, gt=0)  # to be downloaded for a call
    install_seconds: float = Field(300, gt=0)
    index_url: str | None = None
    catalogue_add: tuple[str, ...] = ()
    catalogue_remove: tuple[str, ...] = ()

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise SettingsError(_explain(error)) from None

    @property
    def expires_after(self) -> float | None:
        """Seconds for which a file is kept; None for ever."""
        return None if self.file_expiration_hours < 0 else self.file_expiration_hours * 3600


def _explain(error: ValidationError) -> str:
    lines = [f"{'.'.join(map(str, row['loc']))}: {row['msg']} (given: {row['input']!r})" for row in error.errors()]
    return f"these settings cannot be used: {'; '.join(lines)}"
