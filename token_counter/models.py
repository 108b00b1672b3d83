"""Which rules count a model's requests: models.toml, and the rows that `cellblock calibrate` wrote for this user."""

import asyncio
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

from .errors import SettingsError
from .home import home

NEWEST = "gpt-6"  # whose rules an unknown model gets
LOCAL_FILE = "models.toml"  # in the data directory
NAME_CHARACTERS = 200  # no model has a longer name


@dataclass(frozen=True)
class Family:
    """A [[family]] of models.toml, where each field is explained."""

    name: str
    encoding: str
    priming: int
    assistant_text: int
    name_extra: int
    joins_system: bool
    header_apart: bool
    tools_chat: int
    tools_responses: int
    chat_call: int
    responses_call: int
    stored_call: int
    empty_call: int
    compact_arguments: bool
    lone_required: bool
    choice_none: int
    schema: int
    schema_comment: bool
    source: str
    assumed: tuple[str, ...] = ()
    choice_named: int | None = None
    text_only: bool = False


@dataclass(frozen=True)
class ModelRule:
    """How one model's requests are counted.

    Attributes:
        model: as it was asked for, without `openai/`.
        row: the name of the row that holds for it.
        context: tokens that input and output share.
        images: a row of image_rules.toml; None: the model is not known to take images.
        note: why the rules are assumed to hold for this model; empty where bills show them.
        known: whether a row was made for it; else it has the newest family's rules.
    """

    model: str
    row: str
    family: Family
    context: int
    images: str | None = None
    note: str = ""
    known: bool = True

    @property
    def encoding(self) -> str:
        """tiktoken's name of it."""
        return self.family.encoding

    @property
    def assumed(self) -> bool:
        """Whether nobody has recorded a bill of this model."""
        return bool(self.note)

    def unproven(self, what: str) -> bool:
        """Whether no bill of the family shows this part of the rules."""
        return what in self.family.assumed


def rule(model: str) -> ModelRule:
    """The rules of a model, whatever it is called: one that nobody knows gets the newest family's, and a note that says so.

    Args:
        model: as the API names it; `openai/` may stand before it, `ft:` and its owner around it, a date behind it.
    """
    return _rule(model[:NAME_CHARACTERS])


async def rule_async(model: str) -> ModelRule:
    """`rule`, which leaves the event loop free while the tables are read for the first time."""
    if _rows.cache_info().currsize:
        return rule(model)
    return await asyncio.to_thread(rule, model)


def forget() -> None:
    """Read the tables anew at the next use, after the local one has changed."""
    _rows.cache_clear()
    _rule.cache_clear()


def local_path() -> Path:
    """Where this user's own rows are kept, in the data directory."""
    return home() / LOCAL_FILE


@lru_cache(1024)
def _rule(model: str) -> ModelRule:
    name = plain(model)
    rows = _rows()
    fitting = [row for row in rows if name == row or (name.startswith(row) and name[len(row)] in "-:@")]
    if fitting:
        return replace(rows[max(fitting, key=len)], model=name)
    newest = rows[NEWEST]
    return replace(newest, model=name, known=False, note=f"nobody knows this model; it is counted as {newest.row}")


def plain(model: str) -> str:
    """A model's name without what providers write around it: `openai/ft:gpt-4o:acme::id` is `gpt-4o`."""
    name = model.strip().lower()
    name = name.rsplit("/", 1)[-1]
    if name.startswith("ft:"):
        name = name.split(":")[1]
    return name


@cache
def _rows() -> Mapping[str, ModelRule]:
    text = resources.files(__package__).joinpath("models.toml").read_text("utf-8")
    shipped = tomllib.loads(text)
    families = {row["name"]: _family(row) for row in shipped["family"]}
    rows = _models(shipped["model"], families)
    path = local_path()
    try:
        own = tomllib.loads(path.read_text("utf-8"))
        families |= {row["name"]: _family(row) for row in own.get("family", [])}
        return rows | _models(own.get("model", []), families)
    except FileNotFoundError:
        return rows
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SettingsError(
            f"the model rules in {path} cannot be read ({error!r}); "
            "remove the file, or write it anew with `cellblock calibrate`"
        ) from None


def _family(row: dict[str, Any]) -> Family:
    return Family(**{**row, "assumed": tuple(row.get("assumed", ()))})


def _models(rows: Iterable[dict[str, Any]], families: Mapping[str, Family]) -> dict[str, ModelRule]:
    return {
        row["name"]: ModelRule(
            model=row["name"],
            row=row["name"],
            family=families[row["family"]],
            context=row["context"],
            images=row.get("images"),
            note=row.get("assumed", ""),
        )
        for row in rows
    }
