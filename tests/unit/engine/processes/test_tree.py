from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from imjoy_engine.processes import (
    Command,
    ExitReport,
    Ladder,
    ProcessTree,
    Shims,
    Stream,
)
from support.pids import alive, ended
from support.tree_output import TreeOutput

BRIEF = Ladder(interrupt_s=0.2, terminate_s=0.2)


def python(code: str, *arguments: object, cwd: Path | str = "/tmp", **options) -> Command:
    argv = [sys.executable, "-I", "-S", "-u", "-c", code, *map(str, arguments)]
    return Command(argv, {"PATH": os.defpath}, Path(cwd), **options)


@pytest.fixture
def output() -> TreeOutput:
    return TreeOutput()


async def run(
    shims: Shims, command: Command, on_output: Callable[[Stream, bytes], None]
) -> ExitReport:
    tree = await ProcessTree.start(command, on_output, shims)
    async with asyncio.timeout(20):
        return await tree.wait()


HANG = """
import os, signal, sys
def ignore(number): signal.signal(number, signal.SIG_IGN)
for name in sys.argv[1:]: ignore(getattr(signal, name))
print(os.getpid(), "hangs")
while True: signal.pause()
"""

# A daemon of a daemon: its own session, no living parent, deaf to everything that can be ignored.
STRAY = """
import os, signal, sys
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP): signal.signal(number, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.setsid()
        os.write(1, f"stray {os.getpid()}\\n".encode())
        while True: signal.pause()
    os._exit(0)
os.wait()
if "leave" in sys.argv: os._exit(5)
while True: signal.pause()
"""


def stray_pid(output: TreeOutput) -> int:
    return int(output.text["stdout"].split()[1])


# --- how it ends


async def test_output_and_a_clean_end(shims, output):
    report = await run(
        shims, python("import sys; print('out'); print('err', file=sys.stderr)"), output
    )

    assert (report.exit_code, report.signal, report.words) == (0, None, "finished")
    assert report.maxrss_bytes > 1_000_000
    assert 0 < report.duration_s < 20
    assert output.text == {"stdout": b"out\n", "stderr": b"err\n"}


async def test_an_exit_code_is_told(shims, output):
    assert (await run(shims, python("raise SystemExit(3)"), output)).words == "exited with code 3"


async def test_a_crash_is_told_in_words(shims, output):
    report = await run(
        shims, python("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"), output
    )

    assert report.signal == "SIGSEGV"
    assert report.words == "segmentation fault (SIGSEGV)"


async def test_a_kill_from_elsewhere_may_be_the_memory(shims, output):
    report = await run(
        shims, python("import os, signal; os.kill(os.getpid(), signal.SIGKILL)"), output
    )

    assert report.words == "killed by SIGKILL, from outside of the engine"


async def test_many_may_wait_also_after_the_end(shims, output):
    tree = await ProcessTree.start(python("pass"), output, shims)

    first, second = await asyncio.gather(tree.wait(), tree.wait())

    assert first is second is await tree.wait()


async def test_a_cancelled_wait_ends_nothing(shims, output):
    tree = await ProcessTree.start(python(HANG), output, shims)
    waiting = asyncio.create_task(tree.wait())
    await output.says("hangs")
    waiting.cancel()
    await asyncio.wait((waiting,))

    assert alive(tree.pid)
    await tree.stop(BRIEF)


@pytest.mark.parametrize(
    ("program", "error"), [("/no/such/program", FileNotFoundError), ("/etc", PermissionError)]
)
async def test_a_program_that_cannot_be_executed(shims, output, program, error):
    with pytest.raises(error):
        await ProcessTree.start(Command([program], {}, Path("/tmp")), output, shims)


async def test_a_missing_directory(shims, output):
    with pytest.raises(FileNotFoundError):
        await ProcessTree.start(Command(["/bin/true"], {}, Path("/no/such/place")), output, shims)


# --- what it gets


async def test_variables_directory_and_input_are_as_said(shims, output, tmp_path):
    code = "import os, sys; print(sorted(os.environ), os.getcwd(), repr(sys.stdin.read()))"
    command = Command(
        [sys.executable, "-I", "-S", "-c", code], {"ONLY": "this", "LC_ALL": "C.UTF-8"}, tmp_path
    )

    await run(shims, command, output)

    assert output.text["stdout"].decode() == f"['LC_ALL', 'ONLY'] {tmp_path} ''\n"


async def test_nothing_else_is_handed_down(shims, output):
    code = "import os; print(sorted(map(int, os.listdir('/proc/self/fd')))[:-1])"
    held_read, held_write = os.pipe()

    await run(shims, python(code, held_fds=(held_write,)), output)

    assert output.text["stdout"] == b"[0, 1, 2]\n"
    os.close(held_read)
    os.close(held_write)


async def test_signals_have_their_usual_meaning(shims, output):
    code = (
        "import signal; print([n for n in (1, 2, 13, 15, 17, 25) "
        "if signal.getsignal(n) not in (signal.SIG_DFL, signal.default_int_handler)])"
    )

    await run(shims, Command(["/usr/bin/env", *python(code).argv], {}, Path("/tmp")), output)

    # Python itself ignores SIGPIPE and SIGXFSZ.
    assert output.text["stdout"] == b"[13, 25]\n"


async def test_a_terminal_as_standard_error(shims, output):
    code = "import os, sys; print(os.isatty(1), os.isatty(2)); print('bar', file=sys.stderr)"

    await run(shims, python(code, stderr_terminal=True), output)

    assert output.text == {"stdout": b"False True\n", "stderr": b"bar\r\n"}


async def test_a_gigabyte_of_errors_costs_no_memory_and_stops_nobody(shims, output):
    code = "import os; block = b'x' * 65536\nfor _ in range(16384): os.write(2, block)"
    received_bytes = 0
    turns = 0

    def count(stream: Stream, chunk: bytes) -> None:
        nonlocal received_bytes
        received_bytes += len(chunk)

    async def neighbour() -> None:
        nonlocal turns
        while not ending.done():
            turns += 1
            await asyncio.wait((ending,), timeout=0.01)

    before_bytes = psutil.Process().memory_info().rss
    tree = await ProcessTree.start(python(code), count, shims)
    ending = asyncio.ensure_future(tree.wait())
    await neighbour()

    assert (await ending).exit_code == 0
    assert received_bytes == 1 << 30
    assert psutil.Process().memory_info().rss - before_bytes < 16 << 20
    assert turns >= 3


# --- how it is ended


@pytest.mark.parametrize(
    ("deaf_to", "signal_name"),
    [
        ((), "SIGINT"),
        (("SIGINT",), "SIGTERM"),
        (("SIGINT", "SIGTERM", "SIGHUP"), "SIGKILL"),
    ],
)
async def test_the_ladder_goes_as_far_as_needed(shims, output, deaf_to, signal_name):
    tree = await ProcessTree.start(python(HANG, *deaf_to), output, shims)
    await output.says("hangs")
    steps: list[str] = []
    # Who hears a step is given all the time that a busy machine needs for it.
    seconds = [0.2 if name in deaf_to else 20 for name in ("SIGINT", "SIGTERM")]

    report = await tree.stop(Ladder(0, *seconds, on_step=lambda step, _: steps.append(step)))

    assert steps == ["SIGINT", "SIGTERM", "SIGKILL"][: len(steps)]
    assert steps[-1] == signal_name
    assert report.signal == signal_name
    assert report.words == f"stopped on request ({signal_name})"
    assert not alive(tree.pid)


async def test_who_leaves_by_itself_gets_no_signal(shims, output, tmp_path):
    code = "import sys; print('here'); open(sys.argv[1]).read(); raise SystemExit(4)"
    asked = tmp_path / "asked"
    os.mkfifo(asked)
    tree = await ProcessTree.start(python(code, asked), output, shims)
    stopping = asyncio.create_task(tree.stop(Ladder(cancel_s=20)))
    await output.says("here")
    await asyncio.to_thread(asked.write_bytes, b"leave")

    report = await stopping

    assert (report.exit_code, report.words) == (4, "stopped on request (exit code 4)")


async def test_a_stopped_process_still_hears_sigterm(shims, output):
    tree = await ProcessTree.start(python(HANG, "SIGINT"), output, shims)
    await output.says("hangs")
    os.kill(tree.pid, signal.SIGSTOP)

    assert (await tree.stop(Ladder(interrupt_s=0, terminate_s=10))).signal == "SIGTERM"


async def test_code_that_never_returns_to_the_interpreter(shims, output):
    code = """
import signal
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda *_: None)
print("now")
sum(range(10**12))
"""
    tree = await ProcessTree.start(python(code), output, shims)
    await output.says("now")

    assert (await tree.stop(BRIEF)).signal == "SIGKILL"


async def test_strays_die_with_the_tree(shims, output):
    tree = await ProcessTree.start(python(STRAY), output, shims)
    await output.says("stray")
    assert alive(stray_pid(output))

    await tree.stop(BRIEF)

    assert not alive(stray_pid(output))


async def test_strays_die_when_the_leader_left(shims, output):
    report = await run(shims, python(STRAY, "leave"), output)

    assert report.exit_code == 5
    assert not alive(stray_pid(output))


async def test_stopping_twice_is_stopping_once(shims, output):
    tree = await ProcessTree.start(python(HANG), output, shims)
    await output.says("hangs")

    first, second = await asyncio.gather(tree.stop(BRIEF), tree.stop(BRIEF))

    assert first is second is await tree.stop()


async def test_a_second_stop_can_hurry_the_first(shims, output):
    tree = await ProcessTree.start(python(HANG, "SIGINT", "SIGTERM"), output, shims)
    await output.says("hangs")
    patient = asyncio.create_task(tree.stop(Ladder(interrupt_s=100, terminate_s=100)))
    await asyncio.wait((patient,), timeout=0)

    async with asyncio.timeout(10):
        assert (await tree.stop(Ladder.at_once())).signal == "SIGKILL"
    await patient


async def test_a_cancelled_stop_leaves_nothing(shims, output):
    tree = await ProcessTree.start(python(STRAY), output, shims)
    await output.says("stray")
    stopping = asyncio.create_task(tree.stop(Ladder(interrupt_s=100, terminate_s=100)))
    await asyncio.wait((stopping,), timeout=0)
    stopping.cancel()

    async with asyncio.timeout(10):
        with pytest.raises(asyncio.CancelledError):
            await stopping

    assert not alive(tree.pid)
    assert not alive(stray_pid(output))


async def test_a_cancelled_start_leaves_nothing(shims, output, tmp_path):
    mark = tmp_path / "pid"
    code = "import os, sys; open(sys.argv[1], 'w').write(str(os.getpid())); os.pause()"
    starting = asyncio.create_task(ProcessTree.start(python(code, mark), output, shims))
    await asyncio.wait((starting,), timeout=0)
    starting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await starting

    assert not [p for p in psutil.process_iter() if str(mark) in _command_line(p)]


def _command_line(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


async def test_a_killed_shim_takes_the_session_along(shims, output):
    code = "import os, signal\nos.fork()\nos.write(1, b'%d\\n' % os.getpid())\nsignal.pause()"
    tree = await ProcessTree.start(python(code), output, shims)
    async with asyncio.timeout(20):
        while output.text["stdout"].count(b"\n") < 2:
            output._news.clear()
            await output._news.wait()
    pids = list(map(int, output.text["stdout"].split()))

    os.kill(psutil.Process(tree.pid).ppid(), signal.SIGKILL)
    report = await tree.wait()

    assert report.words == "ended unseen: its supervising process was killed"
    assert not any(map(alive, pids))


# --- the engine's own death

ENGINE = """
import asyncio, os, sys
from pathlib import Path
from imjoy_engine.processes import Command, ForkServer, ProcessTree, Shims

async def main():
    tree = await ProcessTree.start(
        Command([sys.executable, "-I", "-S", "-c", sys.argv[1]], {}, Path("/tmp"), grace_s=0.3),
        lambda stream, chunk: os.write(1, chunk),
        Shims(ForkServer() if "forked" in sys.argv else None),
    )
    os.write(1, f"leader {tree.pid}\\n".encode())
    await tree.wait()

asyncio.run(main())
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("road", ["started", "forked"])
async def test_nothing_survives_the_engine(how, road):
    engine = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        ENGINE,
        STRAY,
        road,
        env={"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert engine.stdout is not None
        words = b" ".join([await engine.stdout.readline() for _ in range(2)]).split()
        leader = int(words[words.index(b"leader") + 1])
        stray = int(words[words.index(b"stray") + 1])
        assert alive(leader)
        assert alive(stray)
    finally:
        engine.send_signal(how)
        await engine.wait()

    await ended(leader)
    await ended(stray)
