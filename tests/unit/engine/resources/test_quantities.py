from __future__ import annotations

import pytest

from imjoy_engine.resources.quantities import (
    bytes_in_words,
    parse_duration_s,
    parse_size_bytes,
    seconds_in_words,
)


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [
        ("8 GB", 8_000_000_000),
        ("512MiB", 512 << 20),
        ("1.5 gib", 3 << 29),
        ("4G", 4 << 30),
        ("100", 100),
        (4096, 4096),
    ],
)
def test_sizes(text, size_bytes):
    assert parse_size_bytes(text) == size_bytes


@pytest.mark.parametrize("text", ["much", "8 XB", "", "-1", -1, 0, "0 GB", True, None, []])
def test_what_is_no_size(text):
    with pytest.raises(ValueError, match=r"is (not a size|no size)"):
        parse_size_bytes(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30 min", 1800), ("2h", 7200), ("1.5 hours", 5400), ("45", 45), (90, 90), ("1 d", 86400)],
)
def test_durations(text, seconds):
    assert parse_duration_s(text) == seconds


@pytest.mark.parametrize("text", ["soon", "5 weeks", -3, True, None])
def test_what_is_no_duration(text):
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration_s(text)


@pytest.mark.parametrize(
    ("size_bytes", "words"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (8_000_000_000, "8 GB"),
        (1_500_000, "1.5 MB"),
        (24 << 30, "25.8 GB"),
        (141_000_000_000, "141 GB"),
        (2.5e12, "2.5 TB"),
    ],
)
def test_sizes_in_words(size_bytes, words):
    assert bytes_in_words(size_bytes) == words


@pytest.mark.parametrize(
    ("seconds", "words"), [(1.5, "1.5 s"), (45, "45 s"), (1800, "30 min"), (12600, "3.5 h")]
)
def test_durations_in_words(seconds, words):
    assert seconds_in_words(seconds) == words
