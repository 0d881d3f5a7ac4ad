from __future__ import annotations

import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imjoy_wire.errors import DialectError, RemoteError, UnsupportedValueError
from imjoy_wire.forms import (
    MAX_CAUSES,
    MAX_TRACE_CHARS,
    File,
    decode_datetime,
    decode_error,
    decode_file,
    encode_datetime,
    encode_error,
    encode_file,
)

# Whole minutes, as every clock on earth has them: Python itself loses an offset of microseconds.
offsets = st.integers(-23 * 60, 23 * 60).map(lambda minutes: datetime.timedelta(minutes=minutes))


@given(
    st.dates() | st.datetimes() | st.datetimes(timezones=offsets.map(datetime.timezone)),
)
def test_moments_come_back_with_their_offset(moment: datetime.datetime | datetime.date) -> None:
    arrived = decode_datetime(encode_datetime(moment))
    assert type(arrived) is type(moment)
    assert arrived == moment
    assert arrived.isoformat() == moment.isoformat()


def test_a_date_of_javascript_is_in_utc() -> None:
    arrived = decode_datetime({"_rtype": "datetime", "_rvalue": "2017-07-14T02:40:00.123Z"})
    moment = datetime.datetime(2017, 7, 14, 2, 40, 0, 123_000, datetime.UTC)
    assert arrived == moment


def test_moments_of_other_libraries_are_moments_too() -> None:
    class Timestamp(datetime.datetime):
        def isoformat(self, *args: Any) -> str:
            return "2017-07-14T02:40:00.123456789"

    class NotATime(datetime.datetime):
        def __ne__(self, other: object) -> bool:
            return True

    moment = Timestamp(2017, 7, 14, 2, 40, 0, 123_456)
    assert decode_datetime(encode_datetime(moment)) == datetime.datetime(
        2017, 7, 14, 2, 40, 0, 123_456
    )
    with pytest.raises(UnsupportedValueError, match="a moment that is none"):
        encode_datetime(NotATime(1, 1, 1))


@pytest.mark.parametrize(
    "value", [None, 5, "", "now", "2017-13-01", "+012024-01-01T00:00:00.000Z", "Z", "1" * 1000, []]
)
def test_what_is_no_moment_is_refused(value: Any) -> None:
    with pytest.raises(DialectError):
        decode_datetime({"_rtype": "datetime", "_rvalue": value})


def raised(error: BaseException, cause: BaseException | None = None) -> BaseException:
    try:
        raise error from cause
    except type(error) as caught:
        return caught


def test_an_exception_keeps_type_message_traceback_and_cause() -> None:
    tree = encode_error(raised(ValueError("bad threshold"), raised(KeyError("t"))))
    assert tree["_rvalue"] == "bad threshold"
    arrived = decode_error(tree)
    assert (str(arrived), arrived.name) == ("bad threshold", "ValueError")
    assert "raise error from cause" in arrived.trace
    assert arrived.trace.startswith("Traceback (most recent call last)")
    assert arrived.trace.rstrip().endswith("ValueError: bad threshold")
    assert arrived.trace.count("Traceback") == 2
    assert "KeyError: 't'\n\nThe above exception was the direct cause" in arrived.trace
    assert isinstance(arrived.__cause__, RemoteError)
    assert arrived.__cause__.trace.rstrip().endswith("KeyError: 't'")
    assert (arrived.__cause__.name, str(arrived.__cause__)) == ("KeyError", "'t'")


def test_an_exception_during_another_has_it_as_cause_unless_told_otherwise() -> None:
    error = ValueError("second")
    error.__context__ = KeyError("first")
    assert encode_error(error)["_rcause"]["_rname"] == "KeyError"
    error.__suppress_context__ = True  # as `raise ... from None` does
    assert "_rcause" not in encode_error(error)


def test_a_remote_error_passed_on_keeps_name_and_both_tracebacks() -> None:
    error = raised(RemoteError("no GPU", "RuntimeError", "remote trace"))
    arrived = decode_error(encode_error(error))
    assert arrived.name == "RuntimeError"
    assert arrived.trace.startswith("remote trace\nTraceback")
    assert decode_error(encode_error(raised(arrived))).trace.startswith(arrived.trace)


def test_the_cause_of_a_remote_error_is_in_its_trace_once() -> None:
    first = encode_error(raised(ValueError("bad"), raised(KeyError("t"))))
    arrived = decode_error(encode_error(raised(decode_error(first))))
    assert arrived.trace.count("direct cause") == 1
    passed_on = encode_error(raised(TypeError("so"), raised(decode_error(first))))
    assert "bad\n\nThe above exception was the direct cause" in passed_on["_rtrace"]


def test_what_came_before_is_told_as_python_does() -> None:
    error = raised(ValueError("second"))
    error.__context__ = KeyError("first")
    assert "first" not in encode_error(error)["_rtrace"]
    error.__suppress_context__ = False
    told = encode_error(error)["_rtrace"]
    assert "'first'\n\nDuring handling of the above exception, another" in told


def test_a_chain_of_causes_ends() -> None:
    first = error = ValueError("0")
    for number in range(1, 50):
        error.__cause__ = ValueError(str(number))
        error = error.__cause__
    error.__cause__ = first
    arrived: RemoteError | None = decode_error(encode_error(first))
    count = 0
    while arrived is not None:
        arrived, count = arrived.cause, count + 1
    assert count == MAX_CAUSES + 1


def test_a_deep_recursion_has_a_short_trace() -> None:
    def endless(text: str) -> None:
        endless(text)

    with pytest.raises(RecursionError) as caught:
        endless("x" * 1000)
    assert len(encode_error(caught.value)["_rtrace"]) <= MAX_TRACE_CHARS


def test_an_error_after_very_many_others_travels_too() -> None:
    error = ValueError("0")
    for number in range(1, 3000):
        error, before = ValueError(str(number)), error
        error.__cause__ = before
    tree = encode_error(raised(error, error.__cause__))
    assert tree["_rtrace"].rstrip().endswith("ValueError: 2999")
    assert len(tree["_rtrace"]) <= MAX_TRACE_CHARS


def test_an_exception_that_cannot_say_what_it_is_travels_all_the_same() -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no")

    assert decode_error(encode_error(raised(Mute()))).name == "Mute"


def test_an_error_of_javascript_brings_its_name_in_front_of_the_message() -> None:
    tree = {"_rtype": "error", "_rvalue": "TypeError: x is not a function", "_rname": "TypeError"}
    assert str(decode_error(tree)) == "x is not a function"
    original = decode_error({"_rtype": "error", "_rvalue": "TypeError: x"})
    assert (str(original), original.name) == ("TypeError: x", "Error")


@pytest.mark.parametrize("junk", [None, 5, [], {}, "text", {"_rcause": {"_rcause": 1}}])
def test_an_error_with_junk_for_its_parts_is_an_error(junk: Any) -> None:
    tree = {"_rtype": "error", "_rvalue": junk, "_rname": junk, "_rtrace": junk, "_rcause": junk}
    assert isinstance(decode_error(tree), RemoteError)


def test_a_file_keeps_its_name_and_type_and_stands_at_its_start() -> None:
    file = File(b"abc", "cells.tif", "image/tiff", "data/cells.tif")
    file.read()
    arrived = decode_file(encode_file(file))
    assert arrived.read() == b"abc"
    assert (arrived.name, arrived.mime) == ("cells.tif", "image/tiff")
    assert arrived.path == "data/cells.tif"


def test_a_blob_has_bytes_and_maybe_a_type() -> None:
    blob = decode_file({"_rtype": "blob", "_rvalue": bytearray(b"x"), "_rmime": "text/plain"})
    assert (blob.getvalue(), blob.name, blob.mime) == (b"x", "", "text/plain")
    text = decode_file({"_rtype": "blob", "_rvalue": "ü", "_rname": 5})
    assert (text.read(), text.name) == ("ü".encode(), "")


@pytest.mark.parametrize("value", [None, 5, [], {}])
def test_a_file_without_bytes_is_refused(value: Any) -> None:
    with pytest.raises(DialectError):
        decode_file({"_rtype": "file", "_rvalue": value})
