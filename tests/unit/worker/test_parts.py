import pytest

from imjoy_wire.frames import Frame
from imjoy_worker.parts import owned, rest_of

PARTS = [memoryview(b"abc"), memoryview(b""), memoryview(b"defg")]


@pytest.mark.parametrize(
    ("count", "rest"), [(0, b"abcdefg"), (2, b"cdefg"), (3, b"defg"), (6, b"g"), (7, b"")]
)
def test_what_is_left_after_some_bytes_were_written(count, rest):
    assert b"".join(rest_of(PARTS, count)) == rest


def test_an_owned_frame_stays_as_it_was_when_its_buffers_change():
    buffer = bytearray(b"abc")
    frame = owned(Frame("a", "b", "rpc", b"{}", (buffer, b"x")))
    buffer[0] = 0
    assert frame.buffers == (b"abc", b"x")
