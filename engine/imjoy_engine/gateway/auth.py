"""Who may speak to the engine: the token, and the names a browser may have come by.

The token is one long-lived secret per workspace. It lies in clear in a file that only its owner
can read, because the printed link needs it; the running engine keeps a digest to compare with.

Host and Origin are checked before any token is looked at: a page on another site can make a
browser connect to 127.0.0.1, and can make its own name point there (DNS rebinding), but it cannot
choose what the browser then writes into these two headers.

What is not here: signed links (`signing`) and one-time upload ids (`uploads`).
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import ipaddress
import math
import os
import re
from collections import OrderedDict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from imjoy_engine.clock import Clock
from imjoy_engine.errors import ClientError, MachineError, TokenError
from imjoy_engine.ids import new_secret

__all__ = [
    "HostRule",
    "Lockout",
    "TokenAuth",
    "allowed_origins",
    "check_host",
    "check_origin",
    "load_secret",
    "renew_secret",
]

_SECRET = re.compile(r"[A-Za-z0-9_-]{16,}")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_NOWHERE = ("", None)


def load_secret(path: Path) -> str:
    """Return the secret that `path` holds, made on first use and readable by its owner only.

    A file that is another user's, that others can read or that holds no usable secret is replaced:
    what others may know is no secret. Raises MachineError when it can be neither read nor written.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return _read_secret(path) or _write_secret(path, new_secret())
    except OSError as error:
        raise MachineError(
            f"The secret in {path} can be neither read nor written: {error.strerror}.",
            hint="Check who owns the file and its directory, or choose another workspace.",
        ) from error


def renew_secret(path: Path) -> str:
    """Return a new secret that takes the place of what `path` holds. Raises MachineError."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return _write_secret(path, new_secret())
    except OSError as error:
        raise MachineError(
            f"The secret in {path} cannot be written: {error.strerror}.",
            hint="Check who owns the file and its directory.",
        ) from error


def _read_secret(path: Path) -> str | None:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    with open(handle, encoding="ascii", errors="replace") as file:  # noqa: PTH123 - a descriptor
        status = os.fstat(handle)
        if status.st_mode & 0o077 or status.st_uid != os.geteuid():
            return None
        text = file.read(1024).strip()
    return text if _SECRET.fullmatch(text) else None


def _write_secret(path: Path, secret: str) -> str:
    """Write beside the file and rename, so that a crash never leaves half a secret."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    with contextlib.suppress(FileNotFoundError):
        fresh.unlink()
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with open(os.open(fresh, flags, 0o600), "w", encoding="ascii") as file:  # noqa: PTH123
        file.write(secret + "\n")
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    return secret


@dataclass(frozen=True, slots=True)
class Lockout:
    """How long wrong tokens from one address close the door for that address alone.

    After `free_attempts` wrong ones the next must wait `first_s`, and twice as long after each
    further one, never longer than `longest_s`. `forget_s` without a wrong one clears the record.
    """

    free_attempts: int = 5
    first_s: float = 1.0
    longest_s: float = 60.0
    forget_s: float = 900.0
    max_addresses: int = 4096
    """Remembered at once; beyond it the one that has been quiet longest is forgotten."""

    def wait_s(self, wrong: int) -> float:
        """Return how long to wait after the `wrong`-th wrong token."""
        over = wrong - self.free_attempts
        return 0.0 if over < 0 else min(self.first_s * 2.0 ** min(over, 60), self.longest_s)


@dataclass(slots=True)
class _Record:
    wrong: int
    last: float
    closed_until: float


class TokenAuth:
    """Let the holder of the token in, and make guessing slow for whoever guesses."""

    def __init__(self, token: str, clock: Clock, lockout: Lockout | None = None) -> None:
        self._digest = _digest(token)
        self._clock = clock
        self._lockout = lockout or Lockout()
        self._records: OrderedDict[str, _Record] = OrderedDict()

    def replace(self, token: str) -> None:
        """Let the holder of this token in from now on, and no other."""
        self._digest = _digest(token)

    def check(self, token: str, remote: str) -> None:
        """Return when `token` is the right one; raise TokenError otherwise.

        While `remote` is locked out even the right token is refused, so that an attempt made then
        tells nothing; attempts made meanwhile do not lengthen the wait.
        """
        address = _address(remote)
        now = self._clock.monotonic()
        record = self._records.get(address)
        if record and now - record.last >= self._lockout.forget_s:
            del self._records[address]
            record = None
        if record and now < record.closed_until:
            seconds = math.ceil(record.closed_until - now)
            raise TokenError(
                f"Too many wrong tokens came from {address}.",
                hint=f"Wait {seconds} s, then open the link that the engine printed.",
                wait_s=seconds,
            )
        if hmac.compare_digest(_digest(token), self._digest):
            self._records.pop(address, None)
            return
        self._note_wrong(address, record, now)
        raise TokenError(
            "The connection token is wrong." if token else "The connection token is missing.",
            hint="Open the link that the engine printed when it started, or the one that "
            "`imjoy-engine token` prints now; it holds the token.",
        )

    def _note_wrong(self, address: str, record: _Record | None, now: float) -> None:
        wrong = (record.wrong if record else 0) + 1
        self._records[address] = _Record(wrong, now, now + self._lockout.wait_s(wrong))
        self._records.move_to_end(address)
        while len(self._records) > self._lockout.max_addresses:
            self._records.popitem(last=False)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _address(remote: str) -> str:
    """Return what counts as one place: an IPv4 address, an IPv6 /64 network, or the text."""
    try:
        address = ipaddress.ip_address(remote.partition("%")[0])
    except ValueError:
        return remote[:64]
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        if not address.is_loopback:
            return str(ipaddress.ip_network((int(address) >> 64 << 64, 64)))
    return str(address)


@dataclass(frozen=True, slots=True)
class HostRule:
    """The names under which a browser may reach the engine.

    `any_address`: numeric addresses are accepted too. They cannot be rebound, and an engine that
    listens on every interface is reached by addresses that nobody listed beforehand.
    """

    names: frozenset[str]
    any_address: bool = False

    @classmethod
    def of(cls, host: str, base_url: str | None, extra: Iterable[str] = ()) -> HostRule:
        """Return the rule of an engine that listens on `host` and is published as `base_url`."""
        names = {"localhost", "127.0.0.1", "::1", _plain(host), *map(_plain, extra)}
        if base_url and (published := urlsplit(base_url).hostname):
            names.add(_plain(published))
        return cls(frozenset(names), any_address=host in {"", "0.0.0.0", "::"})


def check_host(header: str | None, rule: HostRule) -> None:
    """Return when a request's Host header names this engine; raise ClientError otherwise.

    The port is not looked at: tunnels and containers change it, and rebinding needs only a name.
    """
    name = _split(header)[0] if header else ""
    if name in rule.names or (rule.any_address and _is_address(name)):
        return
    raise ClientError(
        f"This engine does not answer to the name {name or header!r}.",
        hint="Use the printed link, or start the engine with the public address as --base-url.",
    )


def allowed_origins(base_url: str | None, extra: Iterable[str] = ()) -> frozenset[str]:
    """Return the origins of other sites, and of the published address, that may connect."""
    origins = {origin.strip().rstrip("/").lower() for origin in extra}
    if base_url:
        parts = urlsplit(base_url)
        origins.add(f"{parts.scheme}://{parts.netloc}".lower())
    return frozenset(origins)


def check_origin(origin: str | None, host: str | None, allowed: Collection[str]) -> None:
    """Return when a page of `origin` may speak to the engine reached as `host`.

    Without an Origin header the request comes from no page of another site: browsers always send
    one with a WebSocket, a POST and a cross-site fetch. `null` (a sandboxed frame, a file) is no
    origin to trust. `*` in `allowed` lets every site in. Raises ClientError.
    """
    if origin is None or "*" in allowed or origin.lower() in allowed:
        return
    scheme, _, netloc = origin.lower().partition("://")
    if host and scheme in _DEFAULT_PORTS:
        port = _DEFAULT_PORTS[scheme]
        if _split(netloc, port) == _split(host, port) != _NOWHERE:
            return
    raise ClientError(
        f"Pages from {origin!r} may not use this engine.",
        hint="Open the engine's own page, or allow that site with --allow-origin.",
    )


def _split(netloc: str, default_port: int | None = None) -> tuple[str, int | None]:
    """Return name and port of `name:port`, both empty for anything else."""
    try:
        parts = urlsplit(f"//{netloc}")
        if parts.netloc != netloc or parts.username is not None:
            return _NOWHERE
        return _plain(parts.hostname or ""), parts.port or default_port
    except ValueError:
        return _NOWHERE


def _plain(name: str) -> str:
    return name.strip().strip("[]").rstrip(".").lower()


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
