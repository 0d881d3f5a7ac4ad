"""The house keeps its own rules."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ENGINE = Path(__file__).resolve().parent.parent / "engine"
PACKAGES = ("imjoy_wire", "imjoy_worker", "imjoy_client", "imjoy_engine")
MODULES = sorted(
    path
    for package in PACKAGES
    for path in (ENGINE / package).rglob("*.py")
    if "built" not in path.parts
)
SCRIPTS = sorted(
    path
    for folder in ("frames", "link", "page")
    for path in (ENGINE / "web" / folder).rglob("*.js")
)
FORBIDDEN_NAMES = {"utils", "util", "helpers", "common", "core", "misc", "manager"}
MAX_LINES = 400
MAX_FUNCTION_LINES = 60


def name_of(path: Path) -> str:
    return path.relative_to(ENGINE).as_posix()


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_stays_small_and_says_what_it_is(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    assert len(text.splitlines()) <= MAX_LINES
    assert path.stem not in FORBIDDEN_NAMES
    assert ast.get_docstring(tree), "no module docstring"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            assert lines <= MAX_FUNCTION_LINES, f"{node.name} has {lines} lines"


@pytest.mark.parametrize("path", SCRIPTS, ids=name_of)
def test_a_script_of_the_page_stays_small(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_LINES


def test_every_folder_of_the_engine_is_in_the_tour() -> None:
    tour = (ENGINE / "README.md").read_text(encoding="utf-8")
    for folder in sorted((ENGINE / "imjoy_engine").iterdir()):
        if folder.is_dir() and folder.name not in ("built", "__pycache__"):
            assert f"`{folder.name}/`" in tour, folder.name
