from __future__ import annotations

import click
import pytest

from imjoy_engine.cli.quantities import read_duration, read_size

OPTION = click.Option(["--memory-limit"])


def test_options_are_read_as_people_write_them():
    context = click.Context(click.Command("serve"))
    assert read_size(context, OPTION, "8 GB") == 8_000_000_000
    assert read_duration(context, OPTION, "30 min") == 1800
    assert read_size(context, OPTION, None) is None
    with pytest.raises(click.BadParameter, match="'much' is not a size such as 8 GB"):
        read_size(context, OPTION, "much")
