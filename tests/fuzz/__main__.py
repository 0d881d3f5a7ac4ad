"""python -m fuzz: every target for some time, guided by what the code does with each input.

A finding ends it with 1; the input lies in tests/out/fuzz, and `python -m fuzz NAME FILE` repeats
it. Inputs that led somewhere new are kept there too, and are where the next run begins.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["imjoy_wire"]):
    from fuzz.targets import TARGETS, harmless, seeds

OUT = Path(__file__).parents[1] / "out" / "fuzz"
MAX_INPUT_BYTES = 4096
MEMORY_MB = 1024
ONE_INPUT_S = 10


def main() -> None:
    """Run what was asked for; each target in a process of its own, which libFuzzer ends."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("name", nargs="?", choices=TARGETS)
    parser.add_argument("file", nargs="?", type=Path, help="one input, once")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.file is not None:
        TARGETS[options.name](options.file.read_bytes())
    elif options.alone:
        _fuzz(options.name, options.seconds)
    else:
        names = [options.name] if options.name else list(TARGETS)
        sys.exit(any([_ended_badly(name, options.seconds) for name in names]))


def _ended_badly(name: str, seconds: int) -> bool:
    sys.stderr.write(f"── {name}: {seconds} s\n")
    command = [sys.executable, "-m", "fuzz", name, "--seconds", str(seconds), "--alone"]
    return subprocess.run(command, check=False).returncode != 0


def _fuzz(name: str, seconds: int) -> None:
    corpus = OUT / name
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds(name)):
        (corpus / f"seed-{number}").write_bytes(seed)
    target = TARGETS[name]
    for seed in seeds(name):
        target(seed)  # what is imported when it is first needed

    def once(data: bytes) -> None:
        with harmless():
            target(data)

    atheris.Setup(
        [
            sys.argv[0],
            str(corpus),
            f"-max_total_time={seconds}",
            f"-max_len={MAX_INPUT_BYTES}",
            f"-rss_limit_mb={MEMORY_MB}",
            f"-timeout={ONE_INPUT_S}",
            f"-artifact_prefix={OUT}/{name}-",
            "-print_final_stats=1",
            "-verbosity=0",
        ],
        once,
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main()
