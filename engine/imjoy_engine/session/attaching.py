"""Which running plugin a client means when it starts one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from imjoy_engine.errors import NotFoundError
from imjoy_engine.plugins import PluginInstance, PluginManifest, PluginPool
from imjoy_engine.session.attendance import ALLOW_DETACH, Attendance

__all__ = ["instance_by_id", "running_plugin"]


def running_plugin(
    payload: Mapping[str, Any],
    workspace: str,
    pool: PluginPool,
    attendance: Attendance,
) -> PluginInstance | None:
    """Return the running plugin that an `init_plugin` is to attach to, or None to start one.

    The core makes a new id on every load, so a plugin is known by workspace, name and tag.

    - `instance` names one, used or not.
    - `single-instance`: the one that runs is shared by everybody.
    - `allow-detach`: one that no client is connected to.
    - `resume: true`: the same without a flag, if its source is the same where both are known.
    """
    if payload.get("instance") is not None:
        return instance_by_id(payload["instance"], workspace, pool)
    manifest = PluginManifest.from_config(payload.get("config"))
    if (shared := pool.shared(manifest, workspace)) is not None:
        return shared
    for instance in reversed(pool.instances(workspace)):
        theirs = instance.manifest
        if (theirs.name, theirs.tag) != (manifest.name, manifest.tag):
            continue
        if instance.lifecycle.is_final or attendance.is_attended(instance):
            continue
        same_source = not (theirs.source and manifest.source) or theirs.source == manifest.source
        if ALLOW_DETACH in theirs.flags or (payload.get("resume") is True and same_source):
            return instance
    return None


def instance_by_id(wanted: object, workspace: str, pool: PluginPool) -> PluginInstance:
    """Return a running plugin of the workspace by its id. Raises NotFoundError."""
    for instance in pool.instances(workspace):
        if instance.id == wanted and not instance.lifecycle.is_final:
            return instance
    raise NotFoundError(
        f"No plugin of this workspace runs as {str(wanted)[:80]!r} (any more).",
        hint="The status lists those that can be attached to.",
    )
