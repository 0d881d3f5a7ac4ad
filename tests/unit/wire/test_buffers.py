from __future__ import annotations

import pytest

from imjoy_wire.buffers import buffer_bytes, flat_view
from imjoy_wire.codec import pack

EIGHT = bytes(range(8))


@pytest.mark.parametrize(
    "view",
    [
        memoryview(EIGHT).cast("d"),
        memoryview(EIGHT).cast("B", (2, 4)),
        memoryview(EIGHT).cast("B", (2, 4))[::-1],
        memoryview(EIGHT).cast("H")[::2],
        memoryview(EIGHT)[::3],
        memoryview(EIGHT).cast("b"),
        memoryview(b""),
        memoryview(bytearray(8)).cast("I")[:0],
    ],
)
def test_a_view_of_any_items_becomes_one_of_bytes(view: memoryview) -> None:
    flat = flat_view(view)
    assert (flat.format, flat.ndim, len(flat)) == ("B", 1, view.nbytes)
    assert flat.tobytes() == view.tobytes()
    assert buffer_bytes(view) == len(flat)
    (packed,) = pack([view])[1]
    assert (packed.format, len(packed)) == ("B", view.nbytes)


def test_bytes_that_lie_in_order_are_not_copied() -> None:
    data = bytearray(8)
    views = [flat_view(memoryview(data).cast("d")), flat_view(memoryview(data))]
    data[0] = 7
    assert [view[0] for view in views] == [7, 7]
