"""`from imjoy import api` and `from imjoy_rpc import api`."""

from __future__ import annotations

import sys

import pytest

from imjoy_wire.errors import RemoteError


@pytest.mark.parametrize("name", ["imjoy", "imjoy_rpc"])
async def test_the_api_can_be_imported_wherever_it_is_used(started, short_dir, name):
    (short_dir / "work").mkdir()
    (short_dir / "work" / "helper.py").write_text(
        f"from {name} import api\ndef ask(value):\n    return api.echo(value).result()\n"
    )
    script = f"""
import {name}, sys
from {name} import api as imported
import helper
assert imported is api is {name}.api is helper.api
{name}.register_default_codecs()
api.export({{'ask': helper.ask, 'spec': lambda: sys.modules['{name}'].__spec__.name}})
"""
    async with started() as engine:
        api = await engine.clients["browser"].start(script)
        assert await api.ask(3) == 3
        assert await api.spec() == name


async def test_modules_of_an_installed_package_stay_importable(started, short_dir):
    package = short_dir / "work" / "imjoy_rpc"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('this would connect elsewhere')")
    (package / "hypha.py").write_text(
        "from . import api\nfrom imjoy_rpc import api as same\nlogin = 5\n"
    )
    script = """
from imjoy_rpc import hypha
assert hypha.api is hypha.same is api
api.export({'login': lambda: hypha.login})
"""
    environment = {"PYTHONPATH": str(short_dir / "work")}
    async with started(environment=environment) as engine:
        api = await engine.clients["browser"].start(script)
        assert await api.login() == 5


async def test_the_real_imjoy_rpc_of_this_environment(started):
    script = """
from imjoy_rpc import api
from imjoy_rpc.utils import dotdict
api.export({'name': lambda: dotdict(name='x').name})
"""
    async with started() as engine:
        api = await engine.clients["browser"].start(script)
        assert await api.name() == "x"


async def test_what_is_not_there_is_explained(started):
    async with started() as engine:
        browser = engine.clients["browser"]
        await browser.greet()
        with pytest.raises(RemoteError, match="connect_to_server"):
            await browser.execute("from imjoy_rpc import connect_to_server")
        with pytest.raises(RemoteError, match="which is connected already"):
            await browser.execute("import imjoy_rpc\nimjoy_rpc.connect_to_server()")
        with pytest.raises(RemoteError, match=r"No module named 'imjoy\.nothing'"):
            await browser.execute("import imjoy.nothing")


async def test_a_plugin_finds_its_own_modules_and_not_ours(started):
    script = """
import os, sys
def own(name):
    try:
        __import__(name)
    except ImportError:
        return False
    return True
os.makedirs('deep', exist_ok=True)
with open(os.path.join('deep', 'beside.py'), 'w') as file:
    file.write('value = 7')
os.chdir('deep')
from beside import value
api.export({'value': lambda: value, 'path': lambda: sys.path, 'argv': lambda: sys.argv,
            'variables': lambda: list(os.environ)})
"""
    async with started() as engine:
        api = await engine.clients["browser"].start(script)
        assert await api.value() == 7
        path = await api.path()
        assert path[0] == ""
        assert not any(entry.endswith("worker.pyz") for entry in path)
        assert await api.argv() == [""]
        assert "IMJOY_TICKET" not in await api.variables()
    assert "imjoy_plugin" not in sys.modules
