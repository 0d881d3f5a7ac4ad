"""The default builder: uv, run as a process of its own behind the shim.

uv finds packages as pip does on this machine, installs nothing that its lock does not name with a
hash, and builds nothing from source unless that was allowed.
"""

from __future__ import annotations

import asyncio
import shlex
import shutil
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version
from uv import find_uv_bin

from imjoy_engine.environments.builder import Attempt
from imjoy_engine.environments.indexes import index_settings, redacted
from imjoy_engine.environments.interpreters import (
    OLDEST_PYTHON,
    Interpreter,
    best_interpreter,
    find_interpreters,
    is_too_old,
)
from imjoy_engine.environments.leavings import forget_partial
from imjoy_engine.environments.listed_files import only_listed_files
from imjoy_engine.environments.lock import Lock
from imjoy_engine.environments.progress import Phase, Progress, counted
from imjoy_engine.environments.requirements import is_reference, unsupported
from imjoy_engine.environments.spec import EnvironmentSpec, python_accepts
from imjoy_engine.environments.uv_errors import explained
from imjoy_engine.environments.uv_output import UvOutput
from imjoy_engine.errors import (
    EnvironmentBuildError,
    IndexUnreachableError,
    MachineError,
    PythonNotFoundError,
    VerifyFailedError,
)
from imjoy_engine.processes import Command, Ladder, OnOutput, ProcessTree, outlast

__all__ = ["UvBuilder", "find_uv"]

_OWN_PYTHON = ".".join(map(str, sys.version_info[:3]))
_OWN_INTERPRETER = Interpreter(Path(sys.executable), _OWN_PYTHON, "the engine's own")


class UvBuilder:
    """Builds on the engine's own interpreter or another one, with packages from the indexes.

    `cache` is uv's own directory, best on the disk of the store: files are then shared, not copied.
    `machine_variables` are the engine's, `pip_configs` the texts of pip's configuration files. One
    that is not our own, but a person's, is left alone when a build is cancelled.
    """

    name = "uv"

    def __init__(
        self,
        cache: Path,
        machine_variables: Mapping[str, str],
        pip_configs: Sequence[str] = (),
        *,
        is_own_cache: bool = True,
    ) -> None:
        settings = index_settings(machine_variables, pip_configs)
        self._machine = dict(machine_variables)
        self._cache = cache
        self._is_own_cache = is_own_cache
        self._uv = find_uv()
        self._options = settings.options
        self._variables = {
            **settings.variables,
            "UV_CACHE_DIR": str(cache),
            "NO_COLOR": "1",
            "TERM": "xterm",
        }

    @property
    def machine(self) -> str:
        """The engine's interpreter with its build and place, and the platform.

        Another interpreter that a plugin asks for is written in the lock.
        """
        return f"{sys.version} {sys.base_prefix} {sysconfig.get_platform()}"

    async def resolve(self, spec: EnvironmentSpec, attempt: Attempt) -> Lock:
        """Return the newest versions that fulfil `spec` together, with the hashes of their files.

        Raises `EnvironmentBuildError` with uv's own words.
        """
        for what, wished, kind in (
            ("conda", spec.conda[:1], "packages of conda with uv"),
            ("the environment", spec.existing, "an environment that is already there, with uv"),
            ("the archive", spec.packed, "a packed environment with uv"),
        ):
            if wished:
                raise unsupported(what, wished if isinstance(wished, str) else wished[0], kind)
        python = await self._interpreter(spec, attempt)
        of_python = () if python is None else (str(python.path), python.version)
        if not spec.pip:
            return Lock("", *of_python)
        attempt.on_progress(Progress(Phase.RESOLVE, message="Choosing versions"))
        python_path = of_python[0] if of_python else sys.executable
        text = await self.pins(spec, attempt, ("--python", python_path))
        return Lock(text, *of_python)

    async def pins(self, spec: EnvironmentSpec, attempt: Attempt, options: Sequence[str]) -> str:
        """Return the text of a lock for the packages of pip in `spec`, with more options of uv.

        Raises `EnvironmentBuildError` with uv's own words.
        """
        wanted = attempt.scratch / "requirements.in"
        await asyncio.to_thread(wanted.write_text, "".join(f"{line}\n" for line in spec.pip))
        text = await self._run_with_index(
            [
                *("pip", "compile", "--generate-hashes", "--no-header", "--no-annotate"),
                *self._choice(_built(spec)),
                *(("--exclude-newer", spec.exclude_newer) if spec.exclude_newer else ()),
                *options,
                str(wanted),
            ],
            attempt,
        )
        return only_listed_files(text, spec.hashes)

    async def build(self, lock: Lock, prefix: Path, attempt: Attempt, *, allow_build: bool) -> None:
        """Make `prefix` a virtual environment with exactly what `lock` pins, and see that it runs.

        Raises `EnvironmentBuildError` with uv's own words.
        """
        await self.make_plain(lock, prefix, attempt)
        if lock.text:
            # What comes from a repository is pinned by its commit, and has no hash.
            hashed = () if lock.references else ("--require-hashes",)
            built = self._choice([] if allow_build else _ready_made(lock))
            await self._sync(lock.text, prefix, attempt, [*hashed, *built])
        await self.verify(prefix, attempt)

    async def build_from(self, wheels: Path, pins: str, prefix: Path, attempt: Attempt) -> None:
        """Put what `pins` names into the plain environment at `prefix`, from a folder of wheels.

        Nothing else is asked, neither an index nor what uv has kept.
        """
        options = ("--require-hashes", "--no-index", "--offline", "--find-links", str(wheels))
        await self._sync(pins, prefix, attempt, [*options, "--no-build", "--no-python-downloads"])

    async def make_plain(self, lock: Lock, prefix: Path, attempt: Attempt) -> None:
        """Make `prefix` a virtual environment with nothing but the interpreter of `lock`."""
        base = Path(lock.python or sys.executable)
        if not await asyncio.to_thread(base.exists):
            raise PythonNotFoundError(
                f"The Python of this environment, {base}, is gone.", hint="Install it again."
            )
        on_python = ("--no-python-downloads", "--python", str(base))
        await self._run(["venv", "--no-project", *on_python, str(prefix)], attempt)

    async def _sync(
        self, pins: str, prefix: Path, attempt: Attempt, options: Sequence[str]
    ) -> None:
        total = len(Lock(pins).packages)
        message = f"Fetching {counted(total)}"
        attempt.on_progress(Progress(Phase.DOWNLOAD, total=total, unit="packages", message=message))
        pinned = attempt.scratch / "requirements.txt"
        await asyncio.to_thread(pinned.write_text, pins)
        await self._run_with_index(
            ["pip", "sync", *options, "--python", str(prefix / "bin" / "python"), str(pinned)],
            attempt,
            hidden=(Phase.RESOLVE,),  # Nothing is chosen any more.
        )

    async def here(self, lock: Lock, attempt: Attempt) -> Lock:
        """Return `lock` on an interpreter of this machine, of the version that it was made for.

        Raises `PythonNotFoundError` when there is none.
        """
        if lock.builder or (not lock.python and not lock.python_version):
            return lock
        python = Path(lock.python)
        if bool(lock.python) and await asyncio.to_thread(python.exists):
            return lock
        minor = ".".join(lock.python_version.split(".")[:2])
        best = await self._interpreter(EnvironmentSpec(python=minor), attempt)
        if best is None:
            return replace(lock, python="", python_version="")
        return replace(lock, python=str(best.path), python_version=best.version)

    async def _interpreter(self, spec: EnvironmentSpec, attempt: Attempt) -> Interpreter | None:
        """Return the Python for `spec`, fetched when the machine has none; None is the engine's.

        Raises `PythonNotFoundError` saying which ones would work.
        """
        wish = spec.python
        if wish is None or python_accepts(wish, _OWN_PYTHON):
            return None
        found = await find_interpreters(self._machine)
        best = best_interpreter(wish, found)
        words = ""
        if best is None and not is_too_old(wish):
            attempt.on_progress(Progress(Phase.RESOLVE, message=f"Fetching Python {wish}"))
            try:
                await self._run(["python", "install", "--no-bin", wish], attempt)
            except EnvironmentBuildError as error:
                words = error.log_tail
            best = best_interpreter(wish, await find_interpreters(self._machine))
        if best is None:
            raise _no_python(wish, [*found, _OWN_INTERPRETER], words)
        attempt.log.append(f"Python {best.version} at {best.path} ({best.origin})")
        return best

    def _choice(self, built: Sequence[str]) -> list[str]:
        return [*built, "--no-python-downloads", *self._options]

    async def _run_with_index(
        self, arguments: Sequence[str], attempt: Attempt, hidden: Sequence[Phase] = ()
    ) -> str:
        """Return what uv printed; with no index in reach, what this machine has kept must do."""
        try:
            return await self._run(arguments, attempt, hidden)
        except IndexUnreachableError:
            try:
                return await self._run([*arguments, "--offline"], attempt, hidden)
            except EnvironmentBuildError as error:
                attempt.log.append(f"Without the network: {error.message}")
            raise

    async def _run(
        self, arguments: Sequence[str], attempt: Attempt, hidden: Sequence[Phase] = ()
    ) -> str:
        """Return what uv printed; its progress and its words go to `attempt`."""
        argv = [str(self._uv), *arguments]
        screen = UvOutput()
        printed = bytearray()

        def on_output(stream: str, chunk: bytes) -> None:
            if stream == "stdout":
                printed.extend(chunk)
                return
            for progress in screen.feed(chunk):
                if progress.phase not in hidden:
                    attempt.on_progress(progress)

        attempt.log.append(f"$ {redacted(shlex.join(argv))}")
        try:
            failure = await self._process(argv, attempt, on_output)
        finally:
            screen.end()
            attempt.log.extend(screen.lines)
        if failure:
            raise explained(argv, [*screen.lines, f"uv: {failure}"])
        return printed.decode()

    async def install(
        self, lock: Lock, prefix: Path, attempt: Attempt, *, allow_build: bool
    ) -> None:
        """Put what `lock` pins into an environment that has a Python and more already.

        Raises `EnvironmentBuildError` with uv's own words.
        """
        pinned = attempt.scratch / "requirements.txt"
        await asyncio.to_thread(pinned.write_text, lock.text)
        await self._run_with_index(
            [
                *("pip", "install", "--no-deps"),
                *(() if lock.references else ("--require-hashes",)),
                *self._choice([] if allow_build else _ready_made(lock)),
                *("--python", str(prefix / "bin/python"), "--break-system-packages"),
                *("-r", str(pinned)),
            ],
            attempt,
            hidden=(Phase.RESOLVE,),
        )

    async def verify(self, prefix: Path, attempt: Attempt) -> None:
        """Start the interpreter of `prefix` once.

        Raises `EnvironmentBuildError` when it does not run or believes to be elsewhere.
        """
        attempt.on_progress(Progress(Phase.VERIFY, message="Trying the interpreter"))
        words = await self.run_python(
            prefix, ["-I", "-c", "import sys; print(sys.prefix)"], attempt
        )
        if Path(words.strip()) != prefix:
            raise _no_interpreter(words.strip(), attempt)

    async def run_python(self, prefix: Path, arguments: Sequence[str], attempt: Attempt) -> str:
        """Return what the interpreter of `prefix` prints when it is run with `arguments`.

        Raises `EnvironmentBuildError` when it fails.
        """
        argv = [str(prefix / "bin" / "python"), *arguments]
        printed = bytearray()
        attempt.log.append(f"$ {shlex.join(argv)}")
        try:
            failure = await self._process(argv, attempt, lambda _, chunk: printed.extend(chunk))
        except OSError as error:
            failure = str(error.strerror)
        words = printed.decode(errors="replace")
        attempt.log.extend(words.strip().splitlines())
        if failure:
            raise _no_interpreter(failure, attempt)
        return words

    async def _process(self, argv: Sequence[str], attempt: Attempt, on_output: OnOutput) -> str:
        """Return why the process failed, or "" when it did not.

        Cancelled, it is gone, and what it has half fetched.
        """
        command = Command(
            argv,
            self._variables,
            Path("/"),  # Where no project's settings lie around.
            stderr_terminal=True,
            held_fds=tuple(attempt.held_fds),
            grace_s=0,
        )
        tree = await ProcessTree.start(command, on_output)
        try:
            try:
                report = await tree.wait()
            finally:
                await tree.stop(Ladder.at_once())
        except asyncio.CancelledError:
            if self._is_own_cache:
                forgetting = asyncio.to_thread(forget_partial, self._cache)
                await outlast(asyncio.ensure_future(forgetting))
            raise
        return "" if report.exit_code == 0 else report.words


def _no_interpreter(why: str, attempt: Attempt) -> VerifyFailedError:
    return VerifyFailedError(
        f"The interpreter of the new environment does not run: {why}",
        hint="Check that the Python which runs the engine is complete.",
        log_tail="\n".join(attempt.log[-20:]),
    )


def find_uv() -> Path:
    """Return the program uv; raises `MachineError` when there is none."""
    try:
        return Path(find_uv_bin())
    except FileNotFoundError:
        found = shutil.which("uv")
    if found is None:
        raise MachineError(
            "The program uv, which builds the environments of plugins, is missing.",
            hint="Install it again: pip install --force-reinstall uv.",
        )
    return Path(found)


def _no_python(wish: str, found: Sequence[Interpreter], words: str) -> PythonNotFoundError:
    usable = {one.version for one in found if not is_too_old(one.version)}
    versions = ", ".join(sorted(usable, key=Version))
    if is_too_old(wish):
        return PythonNotFoundError(
            f"The plugin asks for Python {wish}, and plugins run on {OLDEST_PYTHON} or later.",
            hint=f"Take a later one, the nearest first; this machine has {versions}.",
        )
    return PythonNotFoundError(
        f"Python {wish} is not on this machine, and could not be fetched.",
        hint=f"Install it, or ask for one that is here: {versions}.",
        log_tail=words,
    )


def _built(spec: EnvironmentSpec) -> list[str]:
    """Return the options that say what may be built from source while versions are chosen.

    A package from a repository exists as source only; naming it is the permission to build it.
    """
    if spec.allow_build:
        return []
    if not any(is_reference(requirement) for requirement in spec.pip):
        return ["--no-build"]
    names = [Requirement(line).name for line in spec.pip if not is_reference(line)]
    return [option for name in names for option in ("--only-binary", name)]


def _ready_made(lock: Lock) -> list[str]:
    """Return the options that let nothing be built but what comes from an address."""
    if not lock.references:
        return ["--no-build"]
    names = [package.name for package in lock.packages if package.name not in lock.references]
    return [option for name in names for option in ("--only-binary", name)]
