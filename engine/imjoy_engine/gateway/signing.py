"""Links that stand for one right: one method on one path of one workspace, until a set time.

A signature is `payload.mac`, both URL-safe base64 without padding. The payload is the grant as a
JSON list, the mac HMAC-SHA256 (RFC 2104) over the payload's text under the engine's secret. So the
engine remembers nothing, and whoever holds a link can use exactly what it names.

What is not here: one-time upload ids, which `uploads` keeps.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from dataclasses import dataclass

from imjoy_engine.errors import TokenError

__all__ = ["Grant", "UrlSigner"]

_PURPOSE = b"imjoy-engine signed link 1\n"
"""Keeps a mac made here from meaning anything where the same secret is used for something else."""

_MAX_SIGNATURE_CHARS = 8192
"""A path has at most 4096 bytes; anything longer is refused before any work is done on it."""


@dataclass(frozen=True, slots=True)
class Grant:
    """The right to use `method` on `path` of `workspace` until `expires`, in epoch seconds."""

    method: str
    path: str
    expires: int
    workspace: str


class UrlSigner:
    """Turn grants into text that nobody else can make."""

    def __init__(self, secret: str) -> None:
        self._key = secret.encode()

    def sign(self, grant: Grant) -> str:
        """Return the URL-safe signature that carries `grant`."""
        fields = [grant.method, grant.path, grant.expires, grant.workspace]
        payload = _encode(json.dumps(fields, separators=(",", ":")).encode())
        return f"{payload}.{_encode(self._mac(payload))}"

    def verify(self, signature: str, *, method: str, now: float) -> Grant:
        """Return the grant that `signature` carries; raise TokenError unless it holds at `now`."""
        payload, _, mac = signature.partition(".")
        genuine = len(signature) <= _MAX_SIGNATURE_CHARS and hmac.compare_digest(
            _decode(mac), self._mac(payload)
        )
        if not genuine:
            raise TokenError(
                "This link was not made by this engine.", hint="Ask for a new link to the file."
            )
        grant = Grant(*json.loads(_decode(payload)))
        if now >= grant.expires:
            raise TokenError("This link has expired.", hint="Ask for a new link to the file.")
        if method != grant.method:
            raise TokenError(
                f"This link is for {grant.method}, not for {method}.",
                hint="Ask for a link of the right kind.",
            )
        return grant

    def _mac(self, payload: str) -> bytes:
        return hmac.digest(
            self._key, _PURPOSE + payload.encode("utf-8", "surrogatepass"), hashlib.sha256
        )


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _decode(text: str) -> bytes:
    """Return the decoded bytes, or nothing at all for text that is no base64."""
    try:
        return base64.b64decode(
            (text + "=" * (-len(text) % 4)).encode("ascii"), altchars=b"-_", validate=True
        )
    except (binascii.Error, UnicodeEncodeError):
        return b""
