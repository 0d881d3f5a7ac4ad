from __future__ import annotations

from pathlib import Path

import pytest

from imjoy_engine.environments import CondaSettings, condarc_files

CONDARC = """
channels: [lab, conda-forge]
channel_alias: https://me:secret@mirror.example/conda/
custom_channels: {lab: "https://lab.example"}
default_channels: [https://mirror.example/main]
"""


@pytest.mark.parametrize(
    ("texts", "asked", "found"),
    [
        ([], [], ["conda-forge"]),
        ([], ["bioconda"], ["bioconda"]),
        ([], ["file:///srv/c"], ["file:///srv/c"]),
        (
            [],
            ["defaults", "nodefaults"],
            ["https://repo.anaconda.com/pkgs/main", "https://repo.anaconda.com/pkgs/r"],
        ),
        (
            [CONDARC],
            [],
            ["https://lab.example/lab", "https://me:secret@mirror.example/conda/conda-forge"],
        ),
        ([CONDARC], ["x/label/dev"], ["https://me:secret@mirror.example/conda/x/label/dev"]),
        ([CONDARC], ["defaults"], ["https://mirror.example/main"]),
        ([CONDARC], ["https://else.example/c"], ["https://else.example/c"]),
        ([CONDARC, "channels: [mine]\nchannel_alias: 5"], [], ["mine"]),
        (["channels: [a, a]"], [], ["a"]),
        (["channels: ["], [], ["conda-forge"]),
        (["- no mapping"], [], ["conda-forge"]),
    ],
)
def test_where_channels_are(texts, asked, found):
    assert CondaSettings(texts).channels(asked) == found


def test_the_files_the_strongest_last():
    files = condarc_files({"HOME": "/h", "CONDARC": "/mine", "CONDA_ROOT": "/opt/c"})

    assert files[-2:] == [Path("/h/.condarc"), Path("/mine")]
    assert Path("/opt/c/.condarc") in files
