"""Chooses and installs packages of conda, in a process of its own: a script, never imported.

Its only argument is a file with the request, a JSON object; it writes one JSON object a line and
ends without the interpreter's own farewell, during which py-rattler's threads may crash.

    {"do": "solve", "channels", "specs", "cache", "exclude_newer"}
    {"do": "install", "channels", "packages", "cache", "prefix"}

    {"event": "solved", "packages": [{"name", "version", "build", "subdir", "sha256"}]}
    {"event": "download", "item", "done", "total"}          bytes of one package
    {"event": "link", "item", "done", "total"}              packages
    {"event": "installed"}
    {"event": "error", "kind", "words"}
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import rattler


def tell(event: str, **fields: Any) -> None:
    """Write one event and flush it."""
    sys.stdout.write(json.dumps({"event": event, **fields}) + "\n")
    sys.stdout.flush()


class Reporter(rattler.InstallerReporter):
    """Tells how an installation gets on."""

    def __init__(self, names: list[str]) -> None:
        self._total = len(names)
        self._linked = 0
        self._item = ""

    def on_populate_cache_start(self, operation: int, package_name: str) -> int:
        """Note which package is fetched next."""
        self._item = package_name
        return operation

    def on_download_progress(self, download_idx: int, progress: int, total: int | None) -> None:
        """Tell the bytes of one download."""
        tell("download", item=self._item, done=progress, total=total)

    def on_link_start(self, operation: int, package_name: str) -> int:
        """Tell which package is put into place."""
        tell("link", item=package_name, done=self._linked, total=self._total)
        return operation

    def on_link_complete(self, index: int) -> None:
        """Count a package that is in place."""
        self._linked += 1
        tell("link", item="", done=self._linked, total=self._total)


def client() -> rattler.Client:
    """Return what fetches, under this machine's own settings: mirrors, proxies, credentials."""
    settings = rattler.Config.load_from_default_locations("imjoy-engine")
    return rattler.Client.from_config(settings)


async def solved(request: dict[str, Any]) -> list[rattler.RepoDataRecord]:
    """Return the records that fulfil the specs of the request together on this machine."""
    detected = rattler.VirtualPackage.detect(rattler.VirtualPackageOverrides.from_env())
    day = request.get("exclude_newer")
    return await rattler.solve(
        sources=[rattler.Channel(name) for name in request["channels"]],
        specs=[rattler.MatchSpec(spec) for spec in request["specs"]],
        gateway=rattler.Gateway(
            cache_dir=Path(request["cache"]), client=client(), show_progress=False
        ),
        virtual_packages=[package.into_generic() for package in detected],
        exclude_newer=datetime.fromisoformat(day).replace(tzinfo=UTC) if day else None,
        timestamp_policy="allow-missing" if not day else "require-timestamp",
    )


async def solve(request: dict[str, Any]) -> None:
    """Tell which packages fulfil the request."""
    packages = [
        {
            "name": record.name.normalized,
            "version": str(record.version),
            "build": str(record.build),
            "subdir": record.subdir,
            "sha256": record.sha256.hex() if record.sha256 else "",
        }
        for record in await solved(request)
    ]
    tell("solved", packages=sorted(packages, key=lambda package: package["name"]))


async def install(request: dict[str, Any]) -> None:
    """Make the prefix of the request an environment with exactly its packages."""
    packages = request["packages"]
    wanted = {package["name"]: package["sha256"] for package in packages}
    exact = [f"{one['name']} =={one['version']} {one['build']}" for one in packages]
    records = await solved({**request, "specs": exact, "exclude_newer": None})
    for record in records:
        found = record.sha256.hex() if record.sha256 else ""
        if wanted.get(record.name.normalized) != found:
            raise ValueError(
                f"{record.name.normalized} {record.version} is another file than before"
            )
    await rattler.install(
        records,
        Path(request["prefix"]),
        cache_dir=Path(request["cache"]) / "pkgs",
        client=client(),
        show_progress=False,
        # The methods that are left out do nothing.
        reporter=Reporter(list(wanted)),  # type: ignore[abstract]
    )
    tell("installed")


def main() -> int:
    """Do what the request says; return the exit code."""
    request = json.loads(Path(sys.argv[1]).read_bytes())
    try:
        asyncio.run({"solve": solve, "install": install}[request["do"]](request))
    except BaseException as error:  # noqa: BLE001
        # The border of this process; a panic of the library is no Exception.
        tell("error", kind=type(error).__name__, words=str(error))
        return 1
    return 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)
