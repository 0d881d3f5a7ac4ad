from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

import pytest

from imjoy_engine.errors import PluginStartError
from imjoy_engine.provisioners import LaunchSpec, LocalProvisioner
from imjoy_engine.provisioners.local import worker_command

MACHINE = {
    "PATH": "/usr/bin",
    "HOME": "/home/me",
    "PYTHONPATH": "/elsewhere",
    "PYTHONDONTWRITEBYTECODE": "1",
    "CONDA_PREFIX": "/conda",
    "CUDA_VISIBLE_DEVICES": "3",
}
SPEC = LaunchSpec(
    python=Path("/env/bin/python"),
    prefix=Path("/env"),
    worker=Path("/engine/worker.pyz"),
    address="unix:/run/w.sock",
    ticket="T",
    work_dir=Path("/work"),
    environment={"MODEL": "nuclei", "PYTHONUNBUFFERED": "0"},
)


def test_the_command_is_the_zipapp_under_the_environments_interpreter():
    command = worker_command(SPEC, MACHINE, grace_s=2)

    assert command.argv == [
        "/env/bin/python", "-s", "-u", "/engine/worker.pyz", "--connect", "unix:/run/w.sock",
    ]  # fmt: skip
    assert command.cwd == Path("/work")
    assert "T" not in command.argv


def test_the_variables_are_the_machines_scrubbed_and_the_environments():
    assert worker_command(SPEC, MACHINE, grace_s=2).environment == {
        "PATH": "/env/bin:/usr/bin",
        "HOME": "/home/me",
        "CUDA_VISIBLE_DEVICES": "3",
        "MODEL": "nuclei",
        "VIRTUAL_ENV": "/env",
        "PYTHONNOUSERSITE": "1",
        "PYTHONUNBUFFERED": "1",
        "PYTHONIOENCODING": "utf-8",
        "IMJOY_TICKET": "T",
    }


@pytest.fixture
def spec(tmp_path) -> LaunchSpec:
    program = tmp_path / "worker.py"
    program.write_text(
        "import json, os, sys\n"
        "print(json.dumps({'argv': sys.argv, 'prefix': sys.prefix, 'cwd': os.getcwd(),"
        " 'ticket': os.environ['IMJOY_TICKET'], 'site': sys.flags.no_user_site}))"
    )
    return dataclasses.replace(
        SPEC,
        python=Path(sys.executable),
        prefix=Path(sys.prefix),
        worker=program,
        work_dir=tmp_path,
    )


async def test_a_real_worker_finds_itself_there(spec):
    printed = bytearray()
    provisioner = LocalProvisioner({"PATH": "/usr/bin:/bin"})

    worker = await provisioner.launch(spec, lambda stream, chunk: printed.extend(chunk))

    assert (await worker.wait()).exit_code == 0
    assert json.loads(printed) == {
        "argv": [str(spec.worker), "--connect", "unix:/run/w.sock"],
        "prefix": sys.prefix,
        "cwd": str(spec.work_dir),
        "ticket": "T",
        "site": 1,
    }


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("python", "could not be started: No such file"),
        ("worker", "is missing from this installation"),
    ],
)
async def test_what_is_missing_is_named(spec, field, words):
    broken = dataclasses.replace(spec, **{field: Path("/no/such/thing")})

    with pytest.raises(PluginStartError, match=f"/no/such/thing.*{words}") as caught:
        await LocalProvisioner({}).launch(broken, lambda stream, chunk: None)

    assert caught.value.hint


async def test_a_work_directory_is_made(spec):
    fresh = dataclasses.replace(spec, work_dir=spec.work_dir / "not" / "there yet")

    worker = await LocalProvisioner({}).launch(fresh, lambda stream, chunk: None)

    assert (await worker.wait()).exit_code == 0
    assert fresh.work_dir.is_dir()


async def test_a_work_directory_that_cannot_be_made_is_named(spec, tmp_path):
    (tmp_path / "file").touch()
    broken = dataclasses.replace(spec, work_dir=tmp_path / "file" / "work")

    with pytest.raises(PluginStartError, match=r"file/work cannot be made: Not a dir") as caught:
        await LocalProvisioner({}).launch(broken, lambda stream, chunk: None)

    assert caught.value.hint
