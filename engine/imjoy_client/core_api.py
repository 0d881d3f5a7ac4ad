"""What a plugin gets in place of the page: the functions that make sense without one.

Messages, logs and progress go to one function; whatever needs a person or a window raises a
sentence where the plugin awaits it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["OnMessage", "core_api"]

OnMessage = Callable[[str, Any], Any]
"""Called with the name of the function ("log", "alert", "showProgress", ...) and its arguments."""

_TOLD = (
    "alert",
    "log",
    "error",
    "progress",
    "showMessage",
    "showSnackbar",
    "showStatus",
    "showProgress",
)
_NEEDS_A_PAGE = (
    "prompt",
    "confirm",
    "showDialog",
    "showFileDialog",
    "createWindow",
    "getWindow",
    "exportFile",
    "installPlugin",
    "uninstallPlugin",
    "register",
    "registerService",
    "unregister",
    "unregisterService",
    "getServices",
    "getFileManager",
    "getFileUrl",
    "requestUploadUrl",
    "getEngine",
    "getEngineFactory",
    "getAttachment",
)


def core_api(
    on_message: OnMessage,
    find_plugin: Callable[[str], Any],
    extra: Mapping[str, Callable[..., Any]],
) -> dict[str, Any]:
    """Return the functions; those of `extra` win, `find_plugin` answers getPlugin, run and call."""
    settings: dict[str, Any] = {}

    async def get_plugin(name: Any, *_: Any) -> Any:
        wanted = name.get("name") if isinstance(name, dict) else name
        return await find_plugin(str(wanted)).interface()

    async def call(name: str, function: str, *args: Any) -> Any:
        return await (await get_plugin(name))[function](*args)

    async def run(name: str, ctx: Any = None) -> Any:
        return await call(name, "run", ctx or {})

    api: dict[str, Any] = {
        "echo": lambda value: value,
        "getConfig": settings.get,
        "setConfig": lambda key, value: settings.__setitem__(key, value),
        "getPlugin": get_plugin,
        "loadPlugin": get_plugin,
        "call": call,
        "run": run,
    }
    api.update({name: _teller(name, on_message) for name in _TOLD})
    api.update({name: _refuser(name) for name in _NEEDS_A_PAGE})
    return {**api, **extra}


def _teller(name: str, on_message: OnMessage) -> Callable[..., Any]:
    async def tell(*args: Any) -> None:
        result = on_message(name, args[0] if len(args) == 1 else list(args))
        if inspect.isawaitable(result):
            await result

    return tell


def _refuser(name: str) -> Callable[..., Any]:
    def refuse(*_: Any, **__: Any) -> None:
        raise RuntimeError(
            f"api.{name} needs a page, and this plugin was started by a program. "
            f"The program can provide it: start_plugin(..., api={{{name!r}: function}})."
        )

    return refuse
