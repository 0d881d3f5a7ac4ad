from __future__ import annotations

import pytest

from imjoy_engine.environments import Phase, Progress
from imjoy_engine.environments.uv_output import UvOutput, human_bytes

UP, CLEAR, DOWN = b"\x1b[1A", b"\r\x1b[2K", b"\x1b[1B"
AGAIN = UP + CLEAR + DOWN + CLEAR + UP


def padded(text: str) -> bytes:
    return text.ljust(200).encode()


SCREEN = b"".join(
    [
        b"Using Python 3.11.7 environment at: e1\r\n",
        padded("⠋ Resolving dependencies..."),
        CLEAR + padded("⠙ numpy==2.4.6"),
        CLEAR + b"Resolved 9 packages in 55ms\r\n",
        padded("⠋ Preparing packages... (0/0)"),
        CLEAR + padded("⠙ Preparing packages... (0/9)"),
        CLEAR + padded("⠙ Preparing packages... (0/9)"),
        padded("scikit-image         ------------------------------     0 B/13.08 MiB"),
        AGAIN + padded("⠙ Preparing packages... (0/9)"),
        padded("scikit-image         ------------------------------ 1.50 MiB/13.08 MiB"),
        padded("numpy                ------------------------------ 512.00 KiB/16.00 MiB"),
        AGAIN + padded("⠙ Preparing packages... (1/9)"),
        padded("numpy                ------------------------------ 8.00 MiB/16.00 MiB"),
        CLEAR
        + b"   \x1b[36m\x1b[1mBuilding\x1b[0m\x1b[39m docopt\x1b[2m==0.6.2\x1b[0m"
        + padded(""),
        CLEAR + b"Prepared 9 packages in 387ms\r\n",
        padded("░░░░░░░░░░░░░░░░░░░░ [0/0] Installing wheels..."),
        CLEAR + padded("░░░░░░░░░░░░░░░░░░░░ [0/9] Installing wheels..."),
        CLEAR + padded("██████████░░░░░░░░░░ [4/9] scipy==1.17.1"),
        CLEAR + padded("████████████████████ [9/9] numpy==2.4.6"),
        CLEAR + b"Installed 9 packages in 26ms\r\n + numpy==2.4.6\r\n",
    ]
)

MIB = 1 << 20


@pytest.mark.parametrize("step", [1, 7, 64, 4096, len(SCREEN)])
def test_a_screen_is_read_whatever_the_chunks(step):
    output = UvOutput()

    told = [
        progress
        for start in range(0, len(SCREEN), step)
        for progress in output.feed(SCREEN[start : start + step])
    ]
    output.end()

    assert [
        (progress.phase, progress.item, progress.done, progress.total) for progress in told
    ] == [
        (Phase.RESOLVE, "", 0, None),
        (Phase.RESOLVE, "numpy==2.4.6", 0, None),
        (Phase.DOWNLOAD, "", 0, 9),
        (Phase.DOWNLOAD, "scikit-image", 0, int(13.08 * MIB)),
        (Phase.DOWNLOAD, "scikit-image", 2 * MIB, int(13.08 * MIB) + 16 * MIB),
        (Phase.DOWNLOAD, "numpy", int(13.08 * MIB) + 8 * MIB, int(13.08 * MIB) + 16 * MIB),
        (Phase.BUILD, "docopt==0.6.2", 0, None),
        (Phase.LINK, "", 0, 9),
        (Phase.LINK, "scipy==1.17.1", 4, 9),
        (Phase.LINK, "numpy==2.4.6", 9, 9),
    ]
    assert list(output.lines) == [
        "Using Python 3.11.7 environment at: e1",
        "Resolved 9 packages in 55ms",
        "Prepared 9 packages in 387ms",
        "Installed 9 packages in 26ms",
        " + numpy==2.4.6",
    ]


def test_units_and_words():
    output = UvOutput()
    bar = b"torch   ------------  97.50 MiB/1.50 GiB\r"

    assert list(output.feed(bar)) == [
        Progress(
            Phase.DOWNLOAD,
            "torch",
            int(97.5 * MIB),
            1536 * MIB,
            "bytes",
            "Downloading torch: 102.2 MB of 1.6 GB in all",
        )
    ]


def test_an_error_at_the_end_is_kept_without_credentials():
    output = UvOutput()
    list(output.feed(b"warning: odd\nerror: https://me:secret@host/x failed"))
    output.end()

    assert list(output.lines) == ["warning: odd", "error: https://***@host/x failed"]


def test_rubbish_is_passed_over():
    output = UvOutput()
    noise = bytes(range(256)) * 4 + b"x ---- 1.2.3 MiB/2 MiB\r[9/0] a==1\r (3/4)\r"

    told = [progress for _ in range(100) for progress in output.feed(noise)]
    list(output.feed(b"y" * 1_000_000))

    assert all(progress.total != 0 for progress in told)
    assert len(output._unread) <= 64 * 1024
    assert len(output.lines) <= 5000


@pytest.mark.parametrize(
    ("size_bytes", "words"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (33_700_000, "33.7 MB"),
        (2_500_000_000, "2.5 GB"),
        (4_000_000_000_000, "4.0 TB"),
    ],
)
def test_sizes_for_people(size_bytes, words):
    assert human_bytes(size_bytes) == words
