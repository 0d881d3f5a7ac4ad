"""Modules that asyncio or we import and many plugins never look into.

Together they are a quarter of a worker's start, and of its memory. Each is put into `sys.modules`
unread, and read when something of it is looked at or changed: whoever imports it finds what was
always there, and pays for it then.
"""

from __future__ import annotations

import importlib
import sys
import threading
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any, Dict, List, Optional, Set

__all__ = ["NAMES", "postpone"]

NAMES = (
    "ssl",
    "asyncio.sslproto",
    "inspect",
    "datetime",
    "locale",
    "imjoy_worker.pickles",
)
"""Nothing that a traceback needs: it is written where files may have run out."""

_KNOWN_UNREAD = frozenset({"__class__", "__file__", "__loader__", "__name__", "__package__"})
_KNOWN_UNREAD |= {"__cached__", "__spec__"}
"""What the import system asks of a module that it finds; anything else has it read."""
_reading_by: Dict[str, Any] = {}
_being_read: Set[str] = set()


class _Later(ModuleType):
    """A module that is read at the first look at it; an ordinary one from then on."""

    def __getattribute__(self, name: str) -> Any:
        if name not in _KNOWN_UNREAD:
            _read(self)
        return ModuleType.__getattribute__(self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        _read(self)
        ModuleType.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        _read(self)
        ModuleType.__delattr__(self, name)

    def __dir__(self) -> Any:
        _read(self)
        return ModuleType.__dir__(self)


def postpone() -> None:
    """Have the modules of `NAMES` read when they are needed, and import asyncio without them.

    Not those that were imported before, and those that this interpreter does not have.
    """
    if sys.implementation.name != "cpython" or "asyncio" in sys.modules:
        return
    put_off = [name for name in NAMES if name not in sys.modules and _put_off(name)]
    importlib.import_module("asyncio")
    for name in put_off:
        parent, _, own = name.rpartition(".")
        if parent:  # the import system does so for a module that it reads itself
            setattr(sys.modules[parent], own, sys.modules[name])


def _put_off(name: str) -> bool:
    """Let a module wait to be read; return False if it does not, since it may not be there."""
    if "ssl" in name and "_ssl" not in sys.builtin_module_names and _found("_ssl") is None:
        return False  # an interpreter that was built without it: asyncio is to know
    spec = _found(name)
    if spec is None or not hasattr(spec.loader, "exec_module"):
        return False
    module = ModuleType(name)
    module.__spec__, module.__loader__ = spec, spec.loader
    module.__package__ = spec.parent
    module.__file__, module.__cached__ = spec.origin, spec.cached  # type: ignore[attr-defined]
    _reading_by[name] = threading.RLock()
    module.__class__ = _Later
    sys.modules[name] = module
    return True


def _found(name: str) -> Optional[ModuleSpec]:
    """Return where a module is, without importing what it is a part of."""
    path: Optional[List[str]] = None
    parent, _, _ = name.rpartition(".")
    if parent:
        whole = _found(parent)
        if whole is None or whole.submodule_search_locations is None:
            return None
        path = list(whole.submodule_search_locations)
    return PathFinder.find_spec(name, path)


def _read(module: ModuleType) -> None:
    """Run the module's code, once; other threads that look at it wait until that is done."""
    name = ModuleType.__getattribute__(module, "__name__")
    with _reading_by[name]:
        if type(module) is not _Later or name in _being_read:
            return  # it was read meanwhile, or we are the thread that reads it
        _being_read.add(name)
        try:
            ModuleType.__getattribute__(module, "__loader__").exec_module(module)
        finally:
            _being_read.discard(name)
        ModuleType.__setattr__(module, "__class__", ModuleType)
