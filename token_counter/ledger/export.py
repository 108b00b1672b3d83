"""The ledger's requests as recorded exchanges, a JSON object a line: what rules of counting are fitted on and judged by."""

import json
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

from .ledger import Ledger
from .record import Entry

CHAT, RESPONSES = "/v1/chat/completions", "/v1/responses"

# Of a body, what names the user or the operator's matters and costs no token: openai/types/shared_params, 3.54
_PERSONAL = frozenset({"user", "safety_identifier", "prompt_cache_key", "metadata"})


async def exchanges(ledger: Ledger, since: datetime | None = None, until: datetime | None = None) -> AsyncIterator[str]:
    """The entries that were billed and whose request was kept (`keep_requests`), oldest first, each as a line.

    Its keys: id, at, endpoint, model, billed_input_tokens, estimated_input_tokens (null where nothing was estimated),
    usage (in the words of the Responses API), request (the body as it was sent, without what names the user). What
    users wrote is in it.
    """
    async for entry, body in ledger.entries(since, until):
        if body is not None and entry.input_tokens is not None:
            yield json.dumps(_exchange(entry, json.loads(body))) + "\n"


def _exchange(entry: Entry, request: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": entry.entry_id,
        "at": entry.at.isoformat(),
        "endpoint": entry.endpoint or (CHAT if "messages" in request else RESPONSES),
        "model": entry.model,
        "billed_input_tokens": entry.input_tokens,
        "estimated_input_tokens": entry.estimated_input_tokens,
        "usage": {
            "input_tokens": entry.input_tokens,
            "output_tokens": entry.output_tokens,
            "input_tokens_details": {
                "cached_tokens": entry.cached_tokens,
                "cache_write_tokens": (entry.cache_write_30m_tokens or 0) + (entry.cache_write_12h_tokens or 0),
                "image_tokens": entry.image_tokens,
            },
            "output_tokens_details": {"reasoning_tokens": entry.reasoning_tokens},
        },
        "request": {name: value for name, value in request.items() if name not in _PERSONAL},
    }
