"""A program's answer when a plugin wants to run commands of its own for its environment."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

__all__ = ["AllowCommands", "consent_answer"]

AllowCommands = Callable[[Sequence[str]], bool | Awaitable[bool]]
"""Gets the commands word by word; says whether the plugin may run them."""


async def consent_answer(event: Mapping[str, Any], allow: AllowCommands) -> dict[str, Any]:
    """Return the payload of `answer_consent` for a `consent` event; raises as `allow` does."""
    allowed = allow(list(event.get("commands") or ()))
    if inspect.isawaitable(allowed):
        allowed = await allowed
    return {"id": event["id"], "question": event["question"], "allow": allowed is True}
