"""Writes rows of models into this user's own table, which models.py reads beside the shipped one."""

import json
import os
import tomllib
import uuid
from dataclasses import asdict
from pathlib import Path
from typing import Any

from . import models
from .errors import SettingsError
from .models import ModelRule

_HEAD = "# Rules that `cellblock calibrate` found; token_counter's own models.toml explains the fields.\n"


def save(rule: ModelRule, path: Path | None = None) -> Path:
    """Put a model's row and its family into the table, in place of those of the same names; all or nothing.

    Raises:
        SettingsError: the table there is cannot be read, or the new one not written.
    """
    path = path or models.local_path()
    try:
        table = tomllib.loads(path.read_text("utf-8")) if path.exists() else {}
        family = {key: value for key, value in asdict(rule.family).items() if value is not None}
        row: dict[str, Any] = {"name": rule.row, "family": rule.family.name, "context": rule.context}
        row |= {"images": rule.images} if rule.images else {}
        row |= {"assumed": rule.note} if rule.note else {}
        families = [each for each in table.get("family", []) if each["name"] != family["name"]]
        rows = [each for each in table.get("model", []) if each["name"] != row["name"]]
        _write(path, _toml({"family": [*families, family], "model": [*rows, row]}))
    except (OSError, ValueError, KeyError) as error:
        raise SettingsError(f"the model rules in {path} cannot be changed: {error}; move the file away") from None
    models.forget()
    return path


def _toml(tables: dict[str, list[dict[str, Any]]]) -> str:
    """Texts, numbers, truths and lists of texts are the same in TOML as in JSON."""
    blocks = [
        f"\n[[{name}]]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in row.items())
        for name, rows in tables.items()
        for row in rows
    ]
    return _HEAD + "".join(blocks)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        draft.write_text(text, "utf-8")
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)
