from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from imjoy_engine.environments import (
    EnvironmentSpec,
    EnvironmentStore,
    Owner,
    Phase,
    PluginEnvironments,
    Progress,
    Repository,
    Shelves,
)
from imjoy_engine.errors import (
    CommandFailedError,
    CommandRefusedError,
    EnvironmentBuildError,
    LockMissingError,
    ManifestError,
    UnsupportedSpecError,
)
from support.builders import FakeBuilder

AS_NOBODY = ["-c", "user.name=nobody", "-c", "user.email=nobody@localhost"]
MACHINE = {"PATH": os.defpath, "HOME": "/nowhere", "GIT_ALLOW_PROTOCOL": "file"}


class Engine:
    """One engine with its store and its workspace; `words` are what a person was asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.work_dir = folder / "work"
        self.work_dir.mkdir(exist_ok=True)
        self.builder = FakeBuilder(numpy="2.4.6", scipy="1.17.1", pip="25.0")
        self.told: list[Progress] = []
        self.asked: list[tuple[str, ...]] = []
        self.answer = True
        self.open()

    def open(self, root: str = "store", **options: object) -> None:
        self.store = EnvironmentStore(self.folder / root, self.builder, variables=MACHINE)
        self.environments = PluginEnvironments(
            self.store, self.folder / "records", machine=MACHINE, **options
        )

    def owner(self, name: str = "Blur") -> Owner:
        async def allow(commands: tuple[str, ...]) -> bool:
            self.asked.append(commands)
            return self.answer

        return Owner(name, self.work_dir, allow)

    async def ensure(self, spec: EnvironmentSpec, name: str = "Blur", *, update: bool = False):
        do = self.environments.update if update else self.environments.ensure
        with await do(spec, self.told.append, self.owner(name)) as lease:
            await self.environments.close()  # by then its lock is written down
            return lease

    def records(self) -> list[Path]:
        return sorted((self.folder / "records").glob("*"))


@pytest.fixture
async def engine(tmp_path) -> Engine:
    return Engine(tmp_path)


NUMPY = EnvironmentSpec(pip=("numpy",))


# --- locks


async def test_the_lock_is_written_beside_the_plugins_records(engine):
    await engine.ensure(NUMPY)

    (file,) = engine.records()
    record = json.loads(file.read_text())
    assert file.name.startswith("Blur-")
    assert record["lock"] == "numpy==2.4.6\n"
    assert record["packages"] == ["numpy 2.4.6"]


async def test_with_its_lock_a_plugin_gets_the_same_from_an_empty_store(engine):
    await engine.ensure(NUMPY)
    engine.builder.versions["numpy"] = "2.4.6"
    engine.open("another")

    lease = await engine.ensure(NUMPY)

    assert lease.packages[0].version == "2.4.6"
    assert engine.builder.resolved == 1


async def test_what_left_the_index_is_chosen_anew_and_written_down(engine):
    await engine.ensure(NUMPY)
    engine.builder.versions["numpy"] = "3.0"
    engine.open("another")

    lease = await engine.ensure(NUMPY)

    assert lease.packages[0].version == "3.0"
    assert json.loads(engine.records()[0].read_text())["lock"] == "numpy==3.0\n"


async def test_an_update_is_what_the_plugin_gets_from_then_on(engine):
    await engine.ensure(NUMPY)
    engine.builder.versions["numpy"] = "3.0"
    assert (await engine.ensure(NUMPY)).packages[0].version == "2.4.6"

    await engine.ensure(NUMPY, update=True)

    assert (await engine.ensure(NUMPY)).packages[0].version == "3.0"


async def test_who_asks_again_at_once_gets_what_is_still_being_written_down(engine):
    with await engine.environments.ensure(NUMPY, engine.told.append, engine.owner()):
        pass
    engine.builder.versions["numpy"] = "3.0"
    update = engine.environments.update(NUMPY, engine.told.append, engine.owner())
    with await update:
        pass

    with await engine.environments.ensure(NUMPY, engine.told.append, engine.owner()) as lease:
        assert lease.packages[0].version == "3.0"


async def test_a_lock_that_cannot_be_written_is_said_and_the_plugin_runs(engine, caplog):
    (engine.folder / "records").write_text("where the folder should be")

    lease = await engine.ensure(NUMPY)

    assert lease.packages[0].version == "2.4.6"
    assert "cannot be written" in caplog.text


async def test_another_wish_has_another_lock(engine):
    await engine.ensure(NUMPY)

    lease = await engine.ensure(EnvironmentSpec(pip=("scipy",)))

    assert lease.packages[0].name == "scipy"


async def test_locked_only_exactly_what_is_locked_is_built(engine):
    engine.open(locked=True)
    with pytest.raises(LockMissingError, match="no lock of this plugin") as caught:
        await engine.ensure(NUMPY)
    assert str(engine.folder / "records") in caught.value.hint

    engine.open()
    await engine.ensure(NUMPY)
    engine.open("another", locked=True)
    assert (await engine.ensure(NUMPY)).packages[0].version == "2.4.6"

    engine.builder.versions["numpy"] = "3.0"
    engine.open("third", locked=True)
    with pytest.raises(EnvironmentBuildError, match=r"numpy 2\.4\.6 is gone"):
        await engine.ensure(NUMPY)
    assert engine.builder.resolved == 1


# --- commands


MAKES = EnvironmentSpec(pip=("numpy",), commands=("echo made > $VIRTUAL_ENV/made",))


async def test_commands_run_once_they_are_allowed(engine):
    lease = await engine.ensure(MAKES)

    assert (lease.prefix / "made").read_text() == "made\n"
    assert engine.asked == [MAKES.commands]
    assert Phase.COMMAND in {progress.phase for progress in engine.told}

    await engine.ensure(MAKES)
    assert len(engine.asked) == 1


async def test_commands_that_are_not_allowed_do_not_run(engine):
    engine.answer = False

    with pytest.raises(CommandRefusedError):
        await engine.ensure(MAKES)

    assert engine.builder.built == 0


async def test_what_commands_changed_is_the_plugins_alone(engine):
    mine = await engine.ensure(MAKES, "Mine")
    yours = await engine.ensure(MAKES, "Yours")
    plain = await engine.ensure(NUMPY, "Mine")

    assert len({lease.prefix for lease in (mine, yours, plain)}) == 3
    assert mine.private
    assert yours.private
    (mine.prefix / "own").touch()


async def test_a_command_that_fails_leaves_nothing(engine):
    with pytest.raises(CommandFailedError):
        await engine.ensure(EnvironmentSpec(commands=("exit 1",)))

    assert list((engine.folder / "store" / "envs").iterdir()) == []
    assert engine.builder.resolved == 1


async def test_commands_run_in_the_work_directory(engine):
    await engine.ensure(EnvironmentSpec(commands=("touch here",)))

    assert (engine.work_dir / "here").exists()


async def test_commands_of_pip_find_pip(engine):
    lease = await engine.ensure(EnvironmentSpec(commands=("true && pip --version || true",)))

    assert [package.name for package in lease.packages] == ["pip"]


# --- repositories, files, named environments


@pytest.fixture
def repository(engine) -> str:
    folder = engine.folder / "origin"
    folder.mkdir()
    (folder / "environment.yml").write_text(
        "dependencies:\n  - pip:\n    - scipy\nvariables:\n  FROM_FILE: 1\n"
    )
    for command in (["init", "-q"], ["add", "."], [*AS_NOBODY, "commit", "-qm", "x"]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    return f"file://{folder}"


def cloned(url: str, *files: str) -> EnvironmentSpec:
    return EnvironmentSpec(pip=("numpy",), repositories=(Repository(url, "code"),), files=files)


async def test_a_repository_is_cloned_and_its_list_read(engine, repository):
    lease = await engine.ensure(cloned(repository, "code/environment.yml"))

    assert [package.name for package in lease.packages] == ["numpy", "scipy"]
    assert lease.variables == {"FROM_FILE": "1"}
    assert (engine.work_dir / "code" / ".git").is_dir()
    assert not list(engine.work_dir.glob(".*.cloning"))


async def test_one_that_is_there_stays_as_it_is(engine, repository):
    (engine.work_dir / "code").mkdir()
    (engine.work_dir / "code" / "mine").touch()

    await engine.ensure(cloned(repository))

    assert [path.name for path in (engine.work_dir / "code").iterdir()] == ["mine"]


@pytest.mark.parametrize(
    ("files", "error", "words"),
    [
        (("code/none.yml",), EnvironmentBuildError, "none.yml cannot be read: No such file"),
        (("code/../../x.yml",), ManifestError, "leads out of"),
    ],
)
async def test_a_list_that_cannot_be_read(engine, repository, files, error, words):
    with pytest.raises(error, match=words):
        await engine.ensure(cloned(repository, *files))


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("science.yml", "dependencies: [{pip: [numpy]}]"),
        ("science/environment.yml", "dependencies: [{pip: [numpy]}]"),
        ("science/requirements.lock.txt", "numpy==2.4.6 \\\n    --hash=sha256:12\n"),
        ("science.txt", "numpy"),
        ("science.py", '# /// script\n# dependencies = ["numpy"]\n# ///\n'),
        ("science/pylock.toml", '[[packages]]\nname = "numpy"\nversion = "2.4.6"\n'),
    ],
)
async def test_a_named_environment_of_the_workspace(engine, path, text):
    file = engine.work_dir / "envs" / path
    file.parent.mkdir(parents=True)
    file.write_text(text)
    engine.builder.versions["numpy==2.4.6"] = "2.4.6"

    lease = await engine.ensure(EnvironmentSpec(named="science"))

    assert [package.name for package in lease.packages] == ["numpy"]


async def test_a_name_that_is_unknown(engine):
    with pytest.raises(ManifestError, match="no named environment 'science'") as caught:
        await engine.ensure(EnvironmentSpec(named="science"))
    assert "folder envs" in caught.value.hint

    (engine.work_dir / "envs").mkdir()
    (engine.work_dir / "envs" / "other.txt").touch()
    with pytest.raises(ManifestError) as caught:
        await engine.ensure(EnvironmentSpec(named="science"))
    assert caught.value.hint == "There are other."


async def test_a_named_environment_from_beside_the_workspace(engine):
    shelf = engine.folder / "shelf"
    shelf.mkdir()
    (shelf / "science.txt").write_text("numpy")
    engine.open(shelves=Shelves((shelf,)))

    assert (await engine.ensure(EnvironmentSpec(named="science"))).packages


async def test_a_packed_one_is_looked_for_in_the_work_directory(engine):
    wished = []

    async def resolve(spec: EnvironmentSpec, attempt: object) -> None:
        wished.append(spec.packed)
        raise UnsupportedSpecError("no")

    engine.builder.resolve = resolve
    with pytest.raises(UnsupportedSpecError):
        await engine.ensure(EnvironmentSpec(packed="env.tar"))

    assert wished == [str(engine.work_dir / "env.tar")]


@pytest.mark.parametrize(("cuda", "version"), [("12.4", "2.4.6"), (None, "2.4.5")])
async def test_a_named_environment_with_two_locks_is_taken_by_what_the_machine_has(
    tmp_path, cuda, version
):
    async def found() -> str | None:
        return cuda

    folder = tmp_path / "shelf" / "deep"
    folder.mkdir(parents=True)
    (folder / "requirements.cuda.lock.txt").write_text("numpy==2.4.6\n")
    (folder / "requirements.cpu.lock.txt").write_text("numpy==2.4.5\n")
    engine = Engine(tmp_path)
    engine.builder.versions["numpy"] = version
    engine.open(shelves=Shelves((tmp_path / "shelf",), found))

    whole = await engine.environments.completed(
        EnvironmentSpec(named="deep"), engine.told.append, engine.owner()
    )

    assert whole.pip == (f"numpy=={version}",)
