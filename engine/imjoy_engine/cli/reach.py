"""From where an engine can be reached that listens on more than its own machine."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Mapping, Sequence
from typing import Any

import psutil

__all__ = ["is_open", "other_links"]

_EVERY_NETWORK = {"": False, "0.0.0.0": False, "::": True}
"""The hosts that stand for all addresses, and whether IPv6 is among them."""


def is_open(host: str) -> bool:
    """Return whether others than this machine can connect to an engine that listens on `host`."""
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host != "localhost"


def other_links(
    host: str, port: int, token: str, interfaces: Mapping[str, Sequence[Any]] | None = None
) -> list[str]:
    """Return the links for other machines, when the engine listens on all of its networks."""
    if host not in _EVERY_NETWORK:
        return []
    if interfaces is None:
        interfaces = psutil.net_if_addrs()
    found = []
    for address in (each for several in interfaces.values() for each in several):
        if address.family not in (socket.AF_INET, socket.AF_INET6):
            continue
        if address.family == socket.AF_INET6 and not _EVERY_NETWORK[host]:
            continue
        number = ipaddress.ip_address(address.address.partition("%")[0])
        # A link-local address means nothing without the name of the other's own interface.
        if not number.is_loopback and not number.is_link_local:
            shown = f"[{number}]" if number.version == 6 else str(number)
            found.append(f"http://{shown}:{port}/#token={token}")
    return found
