from __future__ import annotations

import socket
from types import SimpleNamespace

import pytest

from imjoy_engine.cli.reach import is_open, other_links

INTERFACES = {
    "lo": [SimpleNamespace(family=socket.AF_INET, address="127.0.0.1")],
    "eth0": [
        SimpleNamespace(family=socket.AF_INET, address="192.0.2.7"),
        SimpleNamespace(family=socket.AF_INET6, address="2001:db8::7"),
        SimpleNamespace(family=socket.AF_INET6, address="fe80::1%eth0"),
        SimpleNamespace(family=17, address="02:42:ac:11:00:02"),
    ],
}


@pytest.mark.parametrize(
    ("host", "links"),
    [
        ("127.0.0.1", []),
        ("192.0.2.7", []),
        ("0.0.0.0", ["http://192.0.2.7:9527/#token=secret"]),
        (
            "::",
            ["http://192.0.2.7:9527/#token=secret", "http://[2001:db8::7]:9527/#token=secret"],
        ),
    ],
)
def test_others_are_told_every_address_when_it_listens_on_all(host, links):
    assert other_links(host, 9527, "secret", INTERFACES) == links


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", False), ("::1", False), ("localhost", False), ("0.0.0.0", True), ("vm", True)],
)
def test_only_what_is_not_loopback_is_open(host, expected):
    assert is_open(host) is expected
