from __future__ import annotations

import click
import pytest

from imjoy_engine.cli.quantities import in_words, read_duration, read_size

OPTION = click.Option(["--memory-limit"])


def test_options_are_read_as_people_write_them():
    context = click.Context(click.Command("serve"))
    assert read_size(context, OPTION, "8 GB") == 8_000_000_000
    assert read_duration(context, OPTION, "30 min") == 1800
    assert read_size(context, OPTION, None) is None
    with pytest.raises(click.BadParameter, match="'much' is not a size such as 8 GB"):
        read_size(context, OPTION, "much")


def test_a_duration_has_a_unit_unless_it_is_none():
    context = click.Context(click.Command("serve"))
    assert read_duration(context, OPTION, "0") == 0
    with pytest.raises(click.BadParameter, match="'5' lacks its unit: write 5s, 5min, 5h or 5d"):
        read_duration(context, OPTION, "5")


def test_defaults_are_written_as_they_are_read():
    context = click.Context(click.Command("serve"))
    written = {7 * 86400.0: "7d", 900.0: "15min", 7200.0: "2h", 90.0: "90s", 0.5: "0.5s", 0: "0s"}
    for seconds, words in written.items():
        assert in_words(seconds) == words
        assert read_duration(context, OPTION, words) == seconds
