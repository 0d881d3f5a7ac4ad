"""The exact packages of an environment as the files that other tools read: pure."""

from __future__ import annotations

import json

import yaml

from imjoy_engine.environments import StoredEnvironment
from imjoy_engine.errors import UsageError

__all__ = ["FORMATS", "exported"]

FORMATS = ("requirements", "conda", "json")


def exported(one: StoredEnvironment, form: str | None = None) -> str:
    """Return the text of a file with what `one` holds; without `form` the one that suits it.

    Raises `UsageError` when it holds what that form cannot say.
    """
    usual = "conda" if one.builder == "conda" else "requirements"
    form = form or (usual if one.builder in ("conda", "uv") else "json")
    if form == "json":
        return json.dumps({"python": one.python, **one.lock.as_record()}, indent=1) + "\n"
    if form != usual or one.builder not in ("conda", "uv"):
        raise UsageError(
            f"An environment made by {one.builder} cannot be written as {form}.",
            hint="--format json writes its lock as it is kept.",
        )
    if form == "requirements":
        return f"# Python {one.python}\n{one.lock.text}"
    return _conda(json.loads(one.lock.text))


def _conda(lock: dict[str, object]) -> str:
    packages = lock["packages"]
    assert isinstance(packages, list)
    needed: list[object] = [
        "=".join(filter(None, (each["name"], each["version"], each.get("build"))))
        for each in packages
    ]
    pip = [
        line for line in str(lock.get("pip") or "").splitlines() if "==" in line or " @ " in line
    ]
    if pip:
        # Hashes have no place there: what remains is the version.
        needed.append({"pip": [line.split(" --hash")[0].rstrip(" \\") for line in pip]})
    content = {"channels": lock.get("channels") or [], "dependencies": needed}
    return str(yaml.safe_dump(content, sort_keys=False))
