"""`from imjoy import api` and `from imjoy_rpc import api`, wherever a plugin has them.

Packages of these names may be installed in the environment. What a plugin gets under them is ours,
since theirs would connect to somewhere else; their other modules stay importable.
"""

import sys
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any, Dict, List

__all__ = ["install"]

NAMES = ("imjoy", "imjoy_rpc")


class ApiModule(ModuleType):
    """A package that has `api` and little else."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise AttributeError(
            "{}.{} is not there inside a plugin of the engine, which is connected already; "
            "use `from {} import api`".format(self.__name__, name, self.__name__)
        )


def register_default_codecs(options: Any = None) -> None:
    """Do nothing: what the original registers here (zarr arrays and groups) is always known."""


def install(api: Any) -> None:
    """Make both packages give this `api`."""
    for name in NAMES:
        module = ApiModule(name, "The ImJoy API, as this plugin has it.")
        members: Dict[str, Any] = {
            "api": api,
            "register_default_codecs": register_default_codecs,
            "default_config": {},
            "__all__": ["api", "register_default_codecs"],
            "__path__": _installed_path(name),
        }
        module.__dict__.update(members)
        spec = ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = members["__path__"]
        module.__spec__ = spec
        sys.modules[name] = module


def _installed_path(name: str) -> List[str]:
    spec = PathFinder.find_spec(name)
    locations = None if spec is None else spec.submodule_search_locations
    return list(locations or ())
