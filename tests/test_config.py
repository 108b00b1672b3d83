"""Settings: keyword, then environment, then default."""

from pathlib import Path

import pytest

from plugin.config import Settings
from plugin.errors import SettingsError


@pytest.mark.parametrize(
    ("name", "value", "field", "expected"),
    [
        ("CELLBLOCK_TIMEOUT", "5", "timeout", 5),
        ("CODE_EXECUTION_TIMEOUT", "7", "timeout", 7),
        ("FILE_EXPIRATION_HOURS", "-1", "file_expiration_hours", -1),
        ("CELLBLOCK_FILE_EXPIRATION_HOURS", "2", "file_expiration_hours", 2),
        ("MAX_FILES_PER_USER", "3", "max_files_per_user", 3),
        ("CELLBLOCK_MEMORY_BYTES", str(1024**3), "memory_bytes", 1024**3),
        ("CELLBLOCK_POLICY", "sandbox-only", "policy", "sandbox-only"),
        ("CELLBLOCK_CATALOGUE_ADD", '["tabulate"]', "catalogue_add", ("tabulate",)),
    ],
)
def test_the_environment_sets_what_no_keyword_does(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, field: str, expected: object
) -> None:
    """CELLBLOCK_ and the name in upper case, and the three names the original read."""
    monkeypatch.setenv(name, value)
    assert getattr(Settings(), field) == expected


def test_a_keyword_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the project's own name over the original's."""
    monkeypatch.setenv("CELLBLOCK_TIMEOUT", "5")
    monkeypatch.setenv("CODE_EXECUTION_TIMEOUT", "7")
    assert Settings().timeout == 5
    assert Settings(timeout=6).timeout == 6


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"timeout": "soon"}, "timeout"),
        ({"memory_bytes": 1}, "memory_bytes"),
        ({"nonsense": 1}, "nonsense"),
        ({"policy": "lax"}, "policy"),
        ({"pool_max": 0}, "pool_max"),
        ({"memory_budget_bytes": 0}, "memory_budget_bytes"),
        ({"level": "none"}, "level"),
    ],
)
def test_what_cannot_be_used_is_named(values: dict[str, object], told: str) -> None:
    """One error, with the field and what was given."""
    with pytest.raises(SettingsError, match=told):
        Settings(**values)


def test_the_defaults_are_the_contracts() -> None:
    """The numbers that callers were promised."""
    settings = Settings(home=Path("/x"))
    assert (settings.timeout, settings.max_timeout, settings.max_output_bytes) == (60, 300, 100_000)
    assert (settings.memory_bytes, settings.max_processes, settings.max_open_files) == (512 * 1024**2, 64, 256)
    assert (settings.work_bytes, settings.work_inodes, settings.max_file_bytes) == (256 * 1024**2, 16384, 50 * 1024**2)
    assert settings.memory_budget_bytes is None
    assert (settings.venv_max_age_days, settings.install_bytes, settings.install_seconds) == (7, 1024**3, 300)
    assert settings.expires_after == 48 * 3600
    assert Settings(file_expiration_hours=-1).expires_after is None
