"""Whatever a peer sends is read or refused, and has nothing imported, executed or opened."""

from __future__ import annotations

import random
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuzz.targets import TARGETS, harmless, seeds

RANDOM_CHANGES = 1500


@pytest.mark.parametrize("name", TARGETS)
def test_golden_vectors_are_harmless(name: str) -> None:
    known = seeds(name)
    for seed in known:
        TARGETS[name](seed)  # what is imported when it is first needed
    with harmless():
        for seed in known:
            TARGETS[name](seed)


@pytest.mark.parametrize("name", TARGETS)
@given(st.binary(max_size=300))
@settings(max_examples=200)
def test_any_bytes(name: str, data: bytes) -> None:
    with harmless():
        TARGETS[name](data)


@pytest.mark.parametrize("name", TARGETS)
def test_golden_vectors_that_were_changed(name: str) -> None:
    """As a fuzzer changes them, but the same in every run. `make fuzz` goes on from there."""
    chance = random.Random(name)
    known = seeds(name)
    for seed in known:
        TARGETS[name](seed)
    with harmless():
        for _ in range(RANDOM_CHANGES):
            TARGETS[name](_changed(chance, known))


def _changed(chance: random.Random, known: list[bytes]) -> bytes:
    data = bytearray(chance.choice(known))
    for _ in range(chance.randint(1, 4)):
        place = chance.randint(0, len(data))
        kind = chance.randrange(5)
        if kind == 0:
            data[place:place] = bytes([chance.randrange(256)])
        elif kind == 1:
            del data[place : place + chance.randint(1, 8)]
        elif kind == 2 and place < len(data):
            data[place] ^= 1 << chance.randrange(8)
        elif kind == 3:
            other = chance.choice(known)
            start = chance.randint(0, len(other))
            data[place:place] = other[start : start + chance.randint(1, 40)]
        else:
            data[place:place] = chance.choice(WORDS)
    return bytes(data)


WORDS = [
    *(b'"_rtype":"', b'"_rvalue":', b'"_rintf":"', b'{"$buf":0}', b'{"$int":"9', b'{"$map":['),
    *(b"__class__", b"__import__", b"os.system", b"__reduce__", b"__proto__", b"constructor"),
    *(b"null", b"1e999", b"-0", b"[[[[", b"}}", b"\\u0000", b"\\ud800", b"\x00", b"\xff" * 8),
    *(b'"ndarray"', b'"<M8[ns]"', b'"O"', b'"file"', b'"generator"', b'"callback"', b'"error"'),
]


@pytest.mark.parametrize("name", TARGETS)
def test_memory_stays_within_bounds(name: str) -> None:
    """A few bytes cannot ask for many: at most 5 MiB, which a frame's own room is, for an input."""
    chance = random.Random(name)
    known = seeds(name)
    inputs = [*known, *(_changed(chance, known) for _ in range(200))]
    inputs = [data for data in inputs if len(data) < 10_000]
    run = TARGETS[name]
    for data in inputs:
        run(data)
    tracemalloc.start()
    try:
        for data in inputs:
            tracemalloc.reset_peak()
            before, _ = tracemalloc.get_traced_memory()
            run(data)
            _, peak = tracemalloc.get_traced_memory()
            assert peak - before < 5 << 20, data
    finally:
        tracemalloc.stop()
