from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from imjoy_engine.environments import (
    NOBODY,
    EnvironmentLease,
    EnvironmentSpec,
    OnProgress,
    Owner,
    Phase,
    Progress,
)
from imjoy_engine.errors import CommandRefusedError, EngineError, ManifestError, NoWheelError
from imjoy_engine.plugins.consent import Consents
from imjoy_engine.plugins.instance import InstanceObserver, PluginInstance
from imjoy_engine.plugins.manifest import PluginManifest
from imjoy_engine.plugins.preparation import Preparation
from support.workers import config


class Environments:
    """Asks the owner about the commands of a spec, as the store does; fails as it is told."""

    def __init__(self) -> None:
        self.error: EngineError | None = None
        self.owners: list[Owner] = []

    async def ensure(
        self, spec: EnvironmentSpec, on_progress: OnProgress, owner: Owner = NOBODY
    ) -> EnvironmentLease:
        self.owners.append(owner)
        on_progress(Progress(Phase.RESOLVE, message="Choosing versions"))
        if self.error is not None:
            raise self.error
        if spec.commands and not await owner.allow(spec.commands):
            raise CommandRefusedError("Refused.", hint="Start it again.")
        return EnvironmentLease("key", Path("/nowhere"))


class Desk:
    """One plugin, what is told of it, and a person who answers what they are asked."""

    def __init__(self, tmp_path: Path, answer: bool | None = None, **fields: Any) -> None:
        self.events: list[dict[str, Any]] = []
        self.environments = Environments()
        self.consents = Consents(tmp_path / "consents.json")
        self.answer = answer
        self.instance = PluginInstance(
            PluginManifest.from_config(config(**fields)),
            workspace="default",
            work_dir=tmp_path,
            log_dir=tmp_path / "logs",
            max_log_bytes=1 << 20,
            observer=InstanceObserver(self._heard, lambda *_: None),
        )
        if answer is not None:
            self.instance.askers.add("b_1")

    def _heard(self, _: PluginInstance, event: dict[str, Any]) -> None:
        self.events.append(event)
        if event["event"] == "consent" and self.answer is not None:
            self.instance.question.answer(event["question"], allow=self.answer)

    @property
    def questions(self) -> list[list[str]]:
        return [event["commands"] for event in self.events if event["event"] == "consent"]

    def preparation(self) -> Preparation:
        async def pythons() -> list[str]:
            return ["3.11.7", "3.9.18"]

        return Preparation(self.instance, self.environments, self.consents, pythons)


COMMANDS = {"requirements": ["cmd: make all"]}


async def test_progress_is_told_with_how_long_it_took(tmp_path):
    desk = Desk(tmp_path)

    await desk.preparation().lease()

    (event,) = desk.events
    assert (event["event"], event["phase"], event["remaining_s"]) == ("progress", "resolve", None)
    assert event["elapsed_s"] >= 0


async def test_a_failure_carries_what_could_help(tmp_path):
    desk = Desk(tmp_path, requirements=["numpy==1.20"])
    desk.environments.error = NoWheelError("No wheel.")

    with pytest.raises(NoWheelError) as caught:
        await desk.preparation().lease()

    actions = {each["field"]: each for each in caught.value.as_dict()["actions"]}
    assert list(actions) == ["allow_build", "exclude_newer", "python"]
    assert actions["python"]["options"] == ["3.11", "3.9"]


async def test_a_persons_choices_count(tmp_path):
    desk = Desk(tmp_path, requirements=["numpy"])
    desk.instance.choices = {"python": "3.9", "allow_build": True}

    spec = desk.preparation().spec

    assert (spec.python, spec.allow_build, spec.pip) == ("3.9", True, ("numpy",))


async def test_choices_that_make_no_sense_are_refused(tmp_path):
    desk = Desk(tmp_path)
    desk.instance.choices = {"python": "newest"}

    with pytest.raises(ManifestError):
        desk.preparation()


async def test_the_person_is_asked_first_and_once(tmp_path):
    desk = Desk(tmp_path, answer=True, **COMMANDS)

    await desk.preparation().lease()
    await desk.preparation().lease()

    assert desk.questions == [["make all"]]


async def test_a_refusal_is_clear_and_is_not_remembered(tmp_path):
    desk = Desk(tmp_path, answer=False, **COMMANDS)

    for _ in range(2):
        with pytest.raises(CommandRefusedError) as caught:
            await desk.preparation().lease()
        assert caught.value.hint == "Start it again."

    assert len(desk.questions) == 2


@pytest.mark.parametrize(
    ("commands", "words"),
    [
        (["cmd: a"], "The plugin's own command was refused, and its environment needs it."),
        (
            ["cmd: a", "cmd: b"],
            "The plugin's own commands were refused, and its environment needs them.",
        ),
    ],
)
async def test_a_refusal_by_a_person_is_told_as_one(tmp_path, commands, words):
    desk = Desk(tmp_path, answer=False, requirements=commands)

    with pytest.raises(CommandRefusedError) as caught:
        await desk.preparation().lease()

    assert caught.value.message == words


async def test_where_nobody_can_be_asked_it_says_how_to_allow(tmp_path):
    desk = Desk(tmp_path, **COMMANDS)

    with pytest.raises(CommandRefusedError) as caught:
        await desk.preparation().lease()

    assert desk.questions == []
    assert "--allow-commands" in caught.value.hint
    assert "allow_commands" in caught.value.hint


async def test_another_lease_tells_nobody_anything(tmp_path):
    desk = Desk(tmp_path, answer=True, **COMMANDS)
    preparation = desk.preparation()
    await preparation.lease()
    desk.events.clear()

    await preparation.lease_again()

    assert desk.events == []
    assert desk.environments.owners[0].name == "P"


async def test_what_a_plugin_brings_is_no_part_of_what_all_share(tmp_path):
    secret = {"type": "variable", "options": {"API_KEY": "hidden"}}
    preparation = Desk(tmp_path, env=[secret]).preparation()
    lease = EnvironmentLease("k", Path("/p"), variables={"API_KEY": "hidden", "OF_ALL": "1"})

    assert preparation.shared_variables(lease) == {"OF_ALL": "1"}
