"""Plugins: what they say of themselves, their life, and who keeps them alive."""

from imjoy_engine.plugins.consent import Consents
from imjoy_engine.plugins.detached import DetachedPlugins
from imjoy_engine.plugins.instance import PluginInstance
from imjoy_engine.plugins.lifecycle import State
from imjoy_engine.plugins.manifest import PluginManifest
from imjoy_engine.plugins.pool import PluginPool
from imjoy_engine.plugins.spares import SpareInterpreters
from imjoy_engine.plugins.tools import Tools

__all__ = [
    "Consents",
    "DetachedPlugins",
    "PluginInstance",
    "PluginManifest",
    "PluginPool",
    "SpareInterpreters",
    "State",
    "Tools",
]
