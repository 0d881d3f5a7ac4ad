from __future__ import annotations

import pytest

from imjoy_engine.cli.serve import _limits, serve
from imjoy_engine.config import Limits


def limits(*words: str) -> Limits:
    return _limits(serve.make_context("serve", list(words)).params)


def test_without_a_word_the_limits_are_the_usual_ones():
    assert limits() == Limits()


@pytest.mark.parametrize(
    ("words", "age_s", "size_bytes"),
    [
        (["--store-max-age", "30d"], 30 * 86400.0, None),
        (["--store-max-age", "0"], None, None),
        (["--store-max-size", "50GB"], 90 * 86400.0, 50 * 10**9),
    ],
)
def test_the_store_is_kept_within_what_was_said(words, age_s, size_bytes):
    found = limits(*words)

    assert (found.store_max_age_s, found.store_max_bytes) == (age_s, size_bytes)
