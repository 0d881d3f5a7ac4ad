"""The token's file, its check with lock-out, and the Host and Origin rules."""

from __future__ import annotations

import os

import pytest

from imjoy_engine.errors import ClientError, MachineError, TokenError
from imjoy_engine.gateway.auth import (
    HostRule,
    Lockout,
    TokenAuth,
    allowed_origins,
    check_host,
    check_origin,
    load_secret,
)

RIGHT = "the-right-token-of-this-engine"
HERE = "192.0.2.7"


class HandClock:
    """A clock that moves when told."""

    def __init__(self):
        self.time = 1_000.0

    def now(self):
        return self.time

    def monotonic(self):
        return self.time

    async def sleep(self, delay_s):
        self.time += delay_s


@pytest.fixture
def clock():
    return HandClock()


@pytest.fixture
def auth(clock):
    return TokenAuth(RIGHT, clock, Lockout(free_attempts=3, first_s=1, longest_s=8, forget_s=100))


def refuse(auth, remote=HERE, token="wrong"):
    with pytest.raises(TokenError) as caught:
        auth.check(token, remote)
    return caught.value


# The file ----------------------------------------------------------------------------------


def test_a_secret_is_made_once_and_kept(tmp_path):
    path = tmp_path / "state" / "token"
    secret = load_secret(path)
    assert len(secret) >= 32
    assert path.read_text().strip() == secret
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o077 == 0
    assert load_secret(path) == secret
    assert [entry.name for entry in path.parent.iterdir()] == ["token"]


@pytest.mark.parametrize("content", ["", "short", "with blanks in it, and long", "\xff" * 40])
def test_a_file_without_a_usable_secret_is_replaced(tmp_path, content):
    path = tmp_path / "token"
    path.touch(mode=0o600)
    path.write_text(content, encoding="latin-1")
    assert load_secret(path) != content
    assert load_secret(path) == path.read_text().strip()


def test_a_secret_that_others_could_read_is_replaced(tmp_path):
    path = tmp_path / "token"
    seen = load_secret(path)
    path.chmod(0o644)
    assert load_secret(path) != seen
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_link_in_place_of_the_file_is_refused(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text(RIGHT)
    (tmp_path / "token").symlink_to(elsewhere)
    with pytest.raises(MachineError, match="neither read nor written"):
        load_secret(tmp_path / "token")
    assert elsewhere.read_text() == RIGHT


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(MachineError, match="file/token"):
        load_secret(tmp_path / "file" / "token")


def test_what_a_crash_left_does_not_stand_in_the_way(tmp_path):
    (tmp_path / f".token.{os.getpid()}").write_text("half")
    assert load_secret(tmp_path / "token") == (tmp_path / "token").read_text().strip()


# The check ---------------------------------------------------------------------------------


def test_the_right_token_passes_and_a_wrong_one_is_a_typed_error(auth):
    auth.check(RIGHT, HERE)
    error = refuse(auth)
    assert error.code == "token-mismatch"
    assert "link" in error.hint
    assert RIGHT not in str(error.as_dict())


@pytest.mark.parametrize("token", ["", RIGHT[:-1], RIGHT + "x", "ü", "\ud800"])
def test_nearly_right_is_wrong(auth, token):
    refuse(auth, token=token)


def test_the_wait_doubles_up_to_its_limit(auth, clock):
    lockout = Lockout(free_attempts=3, first_s=1, longest_s=8)
    waits = [lockout.wait_s(wrong) for wrong in range(1, 9)]
    assert waits == [0, 0, 1, 2, 4, 8, 8, 8]
    assert lockout.wait_s(10**9) == 8
    for wait_s in waits:
        assert "wrong" in refuse(auth).message
        if wait_s:
            clock.time += wait_s - 0.01
            assert "Too many" in refuse(auth).message
            clock.time += 0.01
    auth.check(RIGHT, HERE)


def test_locked_out_means_the_right_token_too_until_the_window_ends(auth, clock):
    for _ in range(3):
        refuse(auth)
    told = refuse(auth, token=RIGHT)
    assert "Wait 1 s" in told.hint
    assert told.as_dict()["wait_s"] == 1
    clock.time += 1
    auth.check(RIGHT, HERE)
    assert "wait_s" not in refuse(auth).as_dict()  # and the record starts from nothing again
    auth.check(RIGHT, HERE)


def test_attempts_while_locked_out_do_not_lengthen_the_wait(auth, clock):
    for _ in range(500):
        with pytest.raises(TokenError):
            auth.check("wrong", HERE)
    clock.time += 1
    auth.check(RIGHT, HERE)


def test_other_addresses_are_not_locked_out(auth):
    for _ in range(10):
        with pytest.raises(TokenError):
            auth.check("wrong", HERE)
    auth.check(RIGHT, "192.0.2.8")
    auth.check(RIGHT, "::1")


def test_old_wrong_tokens_are_forgotten(auth, clock):
    refuse(auth)
    refuse(auth)
    clock.time += 100
    refuse(auth)
    auth.check(RIGHT, HERE)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2::5", "2001:db8:1:2:ffff::9"),
        ("fe80::1%eth0", "fe80::2%eth1"),
    ],
)
def test_addresses_of_one_place_count_together(auth, first, second):
    for _ in range(3):
        refuse(auth, remote=first)
    assert "Too many" in refuse(auth, remote=second, token=RIGHT).message


def test_memory_is_bounded(clock):
    auth = TokenAuth(RIGHT, clock, Lockout(free_attempts=1, max_addresses=10))
    for number in range(200):
        refuse(auth, remote=f"198.51.100.{number}")
    assert "Too many" in refuse(auth, remote="198.51.100.199").message
    assert "wrong" in refuse(auth, remote="198.51.100.0").message
    assert len(auth._records) == 10


# Host --------------------------------------------------------------------------------------

LOCAL = HostRule.of("127.0.0.1", None, ["workstation"])
PUBLIC = HostRule.of("0.0.0.0", "https://Imaging.example.org/engine")


@pytest.mark.parametrize(
    ("header", "rule"),
    [
        ("127.0.0.1:9527", LOCAL),
        ("localhost:9527", LOCAL),
        ("LOCALHOST.", LOCAL),
        ("[::1]:9527", LOCAL),
        ("[::1]", LOCAL),
        ("workstation", LOCAL),
        ("localhost:8888", LOCAL),
        ("imaging.example.org", PUBLIC),
        ("192.0.2.9:9527", PUBLIC),
        ("[2001:db8::1]:9527", PUBLIC),
    ],
)
def test_own_names_are_answered_to(header, rule):
    check_host(header, rule)


@pytest.mark.parametrize(
    ("header", "rule"),
    [
        (None, LOCAL),
        ("", LOCAL),
        ("rebound.example", LOCAL),
        ("rebound.example", PUBLIC),
        ("127.0.0.1.rebound.example", PUBLIC),
        ("192.0.2.9:9527", LOCAL),
        ("localhost@rebound.example", LOCAL),
        ("rebound.example@localhost", LOCAL),
        ("localhost/x", LOCAL),
        ("localhost:port", LOCAL),
        ("[::1", LOCAL),
        ("imaging.example.org.rebound.example", PUBLIC),
    ],
)
def test_other_names_are_refused(header, rule):
    with pytest.raises(ClientError) as caught:
        check_host(header, rule)
    assert "--base-url" in caught.value.hint


# Origin ------------------------------------------------------------------------------------

OTHERS = allowed_origins("https://imaging.example.org/engine", ["https://ImJoy.io/"])


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        (None, "127.0.0.1:9527"),
        ("http://127.0.0.1:9527", "127.0.0.1:9527"),
        ("http://LocalHost:9527", "localhost:9527"),
        ("http://localhost", "localhost:80"),
        ("https://engine.example", "engine.example"),
        ("https://engine.example", "engine.example:443"),
        ("http://[::1]:9527", "[::1]:9527"),
        ("https://imjoy.io", "127.0.0.1:9527"),
        ("https://imaging.example.org", "127.0.0.1:9527"),
    ],
)
def test_the_own_page_and_allowed_sites_pass(origin, host):
    check_origin(origin, host, OTHERS)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("null", "127.0.0.1:9527"),
        ("", "127.0.0.1:9527"),
        ("http://evil.example", "127.0.0.1:9527"),
        ("http://127.0.0.1:8000", "127.0.0.1:9527"),
        ("http://localhost:9527", "127.0.0.1:9527"),
        ("file://", ""),
        ("http://", ""),
        ("http://", "http://"),
        ("http://[", "["),
        ("chrome-extension://127.0.0.1:9527", "127.0.0.1:9527"),
        ("https://imjoy.io.evil.example", "127.0.0.1:9527"),
        ("http://imjoy.io", "127.0.0.1:9527"),
        ("http://evil.example@127.0.0.1:9527", "127.0.0.1:9527"),
        ("http://127.0.0.1:9527", None),
    ],
)
def test_other_sites_are_refused(origin, host):
    with pytest.raises(ClientError) as caught:
        check_origin(origin, host, OTHERS)
    assert "--allow-origin" in caught.value.hint


def test_a_star_lets_every_site_in():
    check_origin("http://anything.example", "127.0.0.1:9527", allowed_origins(None, ["*"]))
    check_origin("null", "127.0.0.1:9527", allowed_origins(None, ["*"]))
