"""A row of rules for a model that nobody fitted, from the server's own counts of some thirty requests: `cellblock calibrate`.

Each number of a family is what a probe costs more than it would with that number at zero, all numbers before it known.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from . import models, probes, vocabulary
from .count import Tally
from .errors import CalibrationFailed, CountingFailed
from .images import image_tokens, rule_names, size_of
from .messages import Images
from .models import ModelRule
from .probes import Probe
from .responses import ResponsesWalk, responses_request
from .text import count as count_text
from .text_counts import RequestTokens, TextCounts
from .verify import count_on_server

if TYPE_CHECKING:
    from openai import AsyncOpenAI

    from .images import ImageCount

Counted = Mapping[str, int]  # by a probe's name, what the server says it costs

# In the order in which they are found: the number, the probe that shows it, and what it is part of.
_NUMBERS: tuple[tuple[str, Probe, str], ...] = (
    ("priming", probes.TEXTS[0], "messages"),
    ("assistant_text", probes.ASSISTANT, "assistant"),
    ("tools_responses", probes.TOOL, "tools"),
    ("responses_call", probes.CALL, "calls"),
    ("stored_call", probes.STORED, "calls"),
    ("choice_named", probes.NAMED, "choice"),
    ("choice_none", probes.NONE, "choice none"),
    ("schema", probes.SCHEMA, "schema"),
)
_ANSWERS: tuple[tuple[str, Probe], ...] = (
    ("header_apart", probes.DESCRIBED),
    ("compact_arguments", probes.BLANKS),
    ("lone_required", probes.LONE),
)


@dataclass(frozen=True)
class Calibration:
    """What came of it.

    Attributes:
        rule: the model's row; its family is its own.
        asked, exact: probes that the server counted, and those of them that the rule counts the same.
        off: the others, by name: how many tokens the rule counts more.
        refused: probes that the server would not count, such as images for a model that takes none.
    """

    rule: ModelRule
    asked: int
    exact: int
    off: Mapping[str, int]
    refused: tuple[str, ...]


async def calibrate(client: "AsyncOpenAI", model: str, context: int | None = None) -> Calibration:
    """Have the server count the probes, and find the rules that they follow. Nothing is written.

    Args:
        context: tokens that the model's input and output share; None: as the newest known model's.

    Raises:
        CountingFailed: the server does not count the first probe: no access, no such model, no such endpoint.
        CalibrationFailed: the counts follow no vocabulary that is shipped, or no frame of messages that is known.
    """
    counted, refused = await _ask(client, model)
    return await asyncio.to_thread(_fitted, model, context, counted, refused)


async def _ask(client: "AsyncOpenAI", model: str) -> tuple[dict[str, int], tuple[str, ...]]:
    counted: dict[str, int] = {}
    refused: list[str] = []
    for (
        probe
    ) in probes.ALL:  # one after the other: nobody waits, and limits of requests a minute are low for new models
        try:
            counted[probe.name] = await count_on_server(client, model=model, **probe.request)
        except CountingFailed:
            if not counted:
                raise
            refused.append(probe.name)
    return counted, tuple(refused)


def _fitted(model: str, context: int | None, counted: Counted, refused: tuple[str, ...]) -> Calibration:
    encoding = _encoding(model, counted)
    rule = _start(model, encoding, counted, context)
    unproven = {"chat", "name", "parallel"}
    for number, probe, part in _NUMBERS:
        found = _with_number(rule, number, probe, counted)
        if found is None:
            unproven.add(part)
        else:
            rule = found
        rule = _with_answers(rule, counted, number)
    rule = replace(rule, images=_images(rule, counted))
    off = {probe.name: difference for probe in probes.ALL if (difference := _difference(rule, probe, counted))}
    family = replace(rule.family, assumed=tuple(sorted(unproven)))
    asked = len(counted)
    source = f"calibrated: {asked - len(off)} of {asked} of the server's counts are met"
    return Calibration(replace(rule, family=replace(family, source=source)), asked, asked - len(off), off, refused)


def _encoding(model: str, counted: Counted) -> str:
    """The vocabulary in which the texts differ by as many tokens as the server says."""
    told = [probe for probe in probes.TEXTS if probe.name in counted]
    first = told[0]
    for encoding in vocabulary.URLS:
        own = {probe.name: count_text(probe.request["input"][0]["content"], encoding) for probe in told}
        if all(counted[p.name] - counted[first.name] == own[p.name] - own[first.name] for p in told):
            return encoding
    raise CalibrationFailed(
        f"the texts of {model} are counted by none of {', '.join(vocabulary.URLS)}: its tokenizer is not known here; "
        "count its requests with verify=True"
    )


def _start(model: str, encoding: str, counted: Counted, context: int | None) -> ModelRule:
    """The known family that is most like it: by the vocabulary, and by what begins an answer."""
    newest = models.rule(models.NEWEST)
    known = [models.rule(name) for name in (models.NEWEST, "gpt-4o", "gpt-3.5-turbo")]
    near = [rule for rule in known if rule.encoding == encoding]
    exact = [rule for rule in near if _difference(rule, probes.TEXTS[0], counted) == 0]
    base = (exact or near)[0]
    name = models.plain(model)
    family = replace(base.family, name=f"calibrated {name}", encoding=encoding)
    return ModelRule(name, name, family, context or newest.context)


def _with_number(rule: ModelRule, number: str, probe: Probe, counted: Counted) -> ModelRule | None:
    """The rule with the number that the probe shows; None where it was refused, or shows no sensible one."""
    if probe.name not in counted:
        return None
    if number == "choice_named" and not _difference(_changed(rule, choice_named=None), probe, counted):
        return _changed(rule, choice_named=None)
    without = _changed(rule, **{number: _least(number)})
    value = _least(number) - (_difference(without, probe, counted) or 0)
    if value < _least(number):
        if number == "priming":
            raise CalibrationFailed(f"{rule.model} frames its messages in no way that is known; count with verify=True")
        return None
    return _changed(rule, **{number: value})


def _with_answers(rule: ModelRule, counted: Counted, after: str) -> ModelRule:
    """Yes or no, whichever the probe shows; what the base says where it shows neither."""
    settled = {
        "tools_responses": "header_apart",
        "responses_call": "compact_arguments",
        "choice_named": "lone_required",
    }
    for answer, probe in _ANSWERS:
        if settled.get(after) != answer:
            continue
        as_it_is = getattr(rule.family, answer)  # first: some vocabularies show no difference
        for value in (as_it_is, not as_it_is):
            changed = _changed(rule, **{answer: value})
            if _difference(changed, probe, counted) == 0:
                return changed
    return rule


def _images(rule: ModelRule, counted: Counted) -> str | None:
    """The row of image_rules.toml that all images were counted by; the newest's where none is, if any was counted."""
    told = [probe for probe in probes.IMAGES if probe.name in counted]
    if not told:
        return None
    for name in reversed(rule_names()):  # the newest last
        if not any(_difference(replace(rule, images=name), probe, counted) for probe in told):
            return name
    return models.rule(models.NEWEST).images


def _changed(rule: ModelRule, **numbers: Any) -> ModelRule:
    return replace(rule, family=replace(rule.family, **numbers))


def _least(number: str) -> int:
    """What a number is at least: the frames of a call and its result are told apart, and neither is negative."""
    return 6 if number == "responses_call" else 0


def _difference(rule: ModelRule, probe: Probe, counted: Counted) -> int | None:
    """Tokens that the rule counts more than the server; None where the server did not count."""
    if probe.name not in counted:
        return None
    request = responses_request(**probe.request)
    walk = ResponsesWalk(rule)
    tokens = RequestTokens(rule.encoding, TextCounts())
    costs = Images(_image_costs(walk.image_parts(request.input), rule))
    for item in request.input:
        walk.add(item, tokens, costs)
    tally: Tally = walk.finish(request, tokens)
    return tally.count().total - counted[probe.name]


def _image_costs(parts: Sequence[Mapping[str, Any]], rule: ModelRule) -> "list[ImageCount]":
    from .image_parts import head_of_data_url

    row = rule.images or models.rule(models.NEWEST).images or ""
    return [image_tokens(*size_of(head_of_data_url(part["image_url"])), row, part["detail"]) for part in parts]
