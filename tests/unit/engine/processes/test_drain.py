from __future__ import annotations

import os

from imjoy_engine.processes.drain import Drain


async def test_everything_arrives_in_order_until_the_end():
    read_fd, write_fd = os.pipe()
    chunks: list[bytes] = []
    drain = Drain(read_fd, chunks.append)
    os.write(write_fd, b"one ")
    os.write(write_fd, b"two")
    os.close(write_fd)

    await drain.ended

    assert b"".join(chunks) == b"one two"


async def test_a_closed_drain_reads_no_more():
    read_fd, write_fd = os.pipe()
    drain = Drain(read_fd, lambda chunk: None)

    drain.close()
    drain.close()

    assert drain.ended.done()
    os.close(write_fd)


async def test_a_terminal_ends_like_a_pipe():
    ours, theirs = os.openpty()
    chunks: list[bytes] = []
    drain = Drain(ours, chunks.append)
    os.write(theirs, b"bar")
    os.close(theirs)

    await drain.ended

    assert b"".join(chunks) == b"bar"
