"""Ends a plugin that nobody has used for long, so that others can have its memory and GPU.

Only the plugin's own process knows whether a call is under way, so it is asked; rarely, and only
when it could have been idle long enough.
"""

from __future__ import annotations

from imjoy_engine.clock import Clock
from imjoy_engine.errors import PluginError
from imjoy_engine.plugins.instance import PluginInstance
from imjoy_engine.resources.quantities import seconds_in_words

__all__ = ["PluginIdleError", "end_when_idle"]


class PluginIdleError(PluginError):
    """The plugin was stopped because nobody used it."""

    code = "plugin-idle"
    fault = "user"


async def end_when_idle(instance: PluginInstance, timeout_s: float, clock: Clock) -> None:
    """Return when the plugin was idle for `timeout_s` seconds and has been asked to leave.

    One that does not answer, because its interpreter is held up in C code, is at work.
    """
    wait_s = timeout_s
    while True:
        await clock.sleep(wait_s)
        idle_s = await instance.idle_for()
        if idle_s >= timeout_s:
            break
        wait_s = timeout_s - idle_s
    words = seconds_in_words(timeout_s)
    error = PluginIdleError(
        f"The plugin {instance.manifest.name!r} was stopped: nobody used it for {words}.",
        hint="Start it again to use it. limits.idle_timeout in its config changes the time.",
    )
    error.ending = f"stopped, since nobody used it for {words}"
    instance.evict(error)
