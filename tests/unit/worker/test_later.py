"""Modules that are read when they are looked at: nobody sees a difference but the clock."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from imjoy_worker import later
from support.plugin_process import running_worker

BUDGET = 220
"""Modules of a worker that has answered a plain plugin's first call; a third are ours."""

HEAVY = {
    *("_ssl", "base64", "ctypes.util", "dataclasses", "decimal", "dis", "email", "http"),
    *("multiprocessing", "pathlib", "pickle", "random", "runpy", "shutil", "tempfile", "urllib"),
    *("uuid", "zipfile", "mmap", "concurrent.futures.process", "importlib.util", "pkgutil"),
}
"""What no plain plugin needs, whatever asks for it."""

PRELUDE = """
import sys
sys.path.insert(0, {engine!r})
from imjoy_worker import later
later.postpone()
import asyncio
def unread():
    return [name for name in later.NAMES if type(sys.modules.get(name)).__name__ == "_Later"]
"""


def run(interpreter: str, script: str, before: str = "") -> str:
    """Return what a script prints in a new process, in which the modules are postponed."""
    prelude = before + PRELUDE.format(engine=str(Path(later.__file__).parents[1]))
    asked = subprocess.run(
        [interpreter, "-s", "-c", prelude + script], capture_output=True, text=True, check=False
    )
    assert asked.stderr == ""
    return asked.stdout.strip()


def test_asyncio_is_imported_without_them(interpreter):
    assert run(interpreter, "print(unread() == list(later.NAMES), '_ssl' in sys.modules)") == (
        "True False"
    )


LOOKS = {
    "a name": "import ssl; ssl.SSLContext",
    "from": "from ssl import SSLContext",
    "everything": "from ssl import *; SSLContext",
    "its names": "import ssl; assert 'SSLContext' in dir(ssl)",
    "its dictionary": "import ssl; assert 'SSLContext' in vars(ssl)",
    "its words": "import ssl; assert 'SSL' in ssl.__doc__",
    "a change": "import ssl; ssl.HAS_SNI = 1; assert ssl.HAS_SNI == 1 and ssl.SSLContext",
    "a removal": "import ssl; del ssl.SSLContext; assert not hasattr(ssl, 'SSLContext')",
    "a reload": "import importlib, ssl; importlib.reload(ssl).SSLContext",
    "a use in asyncio": "asyncio.sslproto.SSLProtocol; import ssl; ssl.SSLContext",
}


@pytest.mark.parametrize("look", LOOKS)
def test_a_look_at_one_has_it_read(interpreter, look):
    assert run(interpreter, LOOKS[look] + "; print('ssl' in unread())") == "False"


def test_one_that_is_only_imported_is_not_read(interpreter):
    script = """
import ssl, inspect, datetime, asyncio.sslproto, importlib.util
from asyncio import sslproto
assert importlib.util.find_spec("ssl").name == ssl.__spec__.name == ssl.__name__ == "ssl"
assert ssl.__file__.endswith("ssl.py") and asyncio.sslproto is sslproto
print(unread() == list(later.NAMES))
"""
    assert run(interpreter, script) == "True"


def test_each_is_what_it_is_anywhere_else(interpreter):
    script = '''
import subprocess
names = [name for name in later.NAMES if not name.startswith("imjoy")]
ask = """
from importlib import import_module
print([(name, sorted(dir(import_module(name)))) for name in %r])
""" % names
elsewhere = subprocess.check_output([sys.executable, "-s", "-c", ask])
exec(ask.replace("print", "here = "))
print(elsewhere.decode().strip() == str(here))
'''
    assert run(interpreter, script) == "True"


def test_threads_that_look_at_the_same_time_all_see_the_whole(interpreter):
    script = """
import ssl, threading
together, seen = threading.Barrier(8), []
def look():
    together.wait()
    seen.append(ssl.get_server_certificate)  # one of the last names of the file
threads = [threading.Thread(target=look) for _ in range(8)]
for each in threads: each.start()
for each in threads: each.join()
print(len(seen), len(set(map(id, seen))))
"""
    assert run(interpreter, script) == "8 1"


def test_one_that_cannot_be_read_is_tried_again(interpreter):
    script = """
import datetime, sys
spec = datetime.__spec__
whole = spec.loader.exec_module
def fail(module): raise ImportError("no file can be opened")
spec.loader.exec_module = fail
try:
    datetime.date
except ImportError as error:
    print(error, end=", ")
spec.loader.exec_module = whole
print(datetime.date.__name__)
"""
    assert run(interpreter, script) == "no file can be opened, date"


def test_what_is_there_already_stays_as_it_is(interpreter):
    script = 'print(set(later.NAMES) - {"inspect", "ssl"} == set(unread()))'
    assert run(interpreter, script, before="import inspect, ssl") == "True"


def test_an_interpreter_without_ssl_says_so(interpreter):
    before = """
from importlib.machinery import PathFinder
find = PathFinder.find_spec
PathFinder.find_spec = lambda name, *rest: None if name == "_ssl" else find(name, *rest)
"""
    script = """
try:
    import ssl
except ImportError as error:
    print(error.name, asyncio.sslproto.ssl)
"""
    assert run(interpreter, script, before) == "_ssl None"


async def test_a_plain_plugin_starts_without_what_it_does_not_need(short_dir, program, interpreter):
    script = """
import sys
def imported():
    unread = [name for name, module in sys.modules.items() if type(module).__name__ == "_Later"]
    return sorted(set(sys.modules) - set(unread))
api.export({"imported": imported})
"""
    async with running_worker(short_dir, [interpreter, "-s", "-u", str(program)]) as engine:
        api = await engine.clients["browser"].start(script)
        imported = await api.imported()
    assert sorted(set(imported) & {*HEAVY, *later.NAMES}) == []
    assert len(imported) <= BUDGET, imported
