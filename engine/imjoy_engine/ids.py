"""Names that nobody can guess and everybody can read in a log."""

from __future__ import annotations

import secrets

__all__ = ["new_id", "new_secret"]


def new_id(prefix: str) -> str:
    """Return `prefix_` and 16 hexadecimal digits, unique for all practical purposes."""
    return f"{prefix}_{secrets.token_hex(8)}"


def new_secret() -> str:
    """Return 32 random bytes as URL-safe text: a token or a ticket."""
    return secrets.token_urlsafe(32)
