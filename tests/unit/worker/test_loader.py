"""A plugin's scripts as one module."""

from __future__ import annotations

import pickle
import sys

import pytest

from imjoy_worker.loader import MODULE_NAME, Loader

FILE = "Trial.imjoy.html"


@pytest.fixture
def loader():
    yield Loader({"api": "the api"})
    del sys.modules[MODULE_NAME]


def script(content, **fields):
    return {"type": "script", "content": content, "filename": FILE, "first_line": 1, **fields}


def test_scripts_share_one_module(loader):
    assert loader.run(script("import os\nvalue = os.sep")) is None
    assert loader.run(script("def read():\n    return value, os, api")) is None
    assert loader.module.read()[0] == "/"
    assert loader.module.read()[2] == "the api"
    assert loader.has_run


def test_the_module_is_known_by_its_name(loader):
    loader.run(script("def function():\n    return __file__"))
    assert sys.modules[MODULE_NAME].function() == FILE
    assert loader.module.function.__module__ == MODULE_NAME
    assert pickle.loads(pickle.dumps(loader.module.function)) is loader.module.function


def test_the_main_guard_is_not_the_plugins(loader):
    assert loader.run(script("assert __name__ != '__main__'")) is None


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_an_error_names_the_line_of_the_plugins_file_and_shows_it(loader, line_end):
    error = loader.run(script(line_end.join(["a = 1", "", "a / 0  # here"]), first_line=40))
    assert f'File "{FILE}", line 42, in <module>' in error
    assert "a / 0  # here" in error
    assert error.endswith("ZeroDivisionError: division by zero\n")
    assert "loader.py" not in error


def test_what_only_looks_like_the_end_of_a_line_moves_no_line(loader):
    error = loader.run(script("'\u2028'\n\x0c\nb / 0  # here\nc = 1"))
    assert f'File "{FILE}", line 3, in <module>' in error
    assert "b / 0  # here" in error


def test_a_syntax_error_names_its_line(loader):
    error = loader.run(script("\ufeffvalue = 1\nvalue = = 2", first_line=11))
    assert f'File "{FILE}", line 12' in error
    assert "value = = 2" in error
    assert "SyntaxError" in error


def test_two_scripts_of_one_file_both_show_their_lines(loader):
    loader.run(script("def first():\n    raise ValueError", first_line=10))
    error = loader.run(script("first()", first_line=30))
    assert "line 30" in error
    assert "first()" in error
    assert "line 11" in error
    assert "raise ValueError" in error


def test_a_script_is_run_once(loader):
    loader.module.__dict__["runs"] = []
    for _ in range(2):
        assert loader.run(script("runs.append(1)")) is None
    assert loader.module.runs == [1]
    assert loader.run(script("runs.append(2)")) is None
    assert loader.module.runs == [1, 2]


def test_a_script_that_failed_is_run_again(loader):
    loader.module.__dict__["runs"] = []
    failing = script("runs.append(1)\nassert len(runs) > 1")
    assert "AssertionError" in loader.run(failing)
    assert loader.run(failing) is None
    assert loader.module.runs == [1, 1]


@pytest.mark.parametrize(
    ("ending", "words"),
    [("sys.exit()", "sys.exit()"), ("sys.exit(3)", "sys.exit(3)"), ("quit()", "sys.exit()")],
)
def test_a_script_that_ends_itself_is_an_error(loader, ending, words):
    error = loader.run(script(f"import sys\n{ending}"))
    assert f"The script ended itself with {words}" in error
    assert "line 2" in error


@pytest.mark.parametrize("lang", ["javascript", "JS", "html"])
def test_another_language_is_refused_by_name(loader, lang):
    error = loader.run(script("let a = 1", lang=lang))
    assert lang.lower() in error
    assert "runs Python" in error


@pytest.mark.parametrize(
    "fields", [{"lang": "python"}, {"attrs": {"lang": "Python"}}, {"lang": None}]
)
def test_python_is_python(loader, fields):
    assert loader.run(script("a = 1", **fields)) is None


def test_requirements_are_passed_over(loader):
    assert loader.run({"type": "requirements", "content": "pip: numpy"}) is None
    assert not loader.has_run


@pytest.mark.parametrize("code", [{"type": "dance"}, {"content": None}, {"type": "script"}])
def test_what_is_no_script_is_refused(loader, code):
    assert loader.run(code)


@pytest.mark.parametrize("first_line", [None, 0, -3, "12", 10**9])
def test_a_line_that_is_none_counts_as_the_first(loader, first_line):
    assert "line 1" in loader.run(script("1 / 0", first_line=first_line))
