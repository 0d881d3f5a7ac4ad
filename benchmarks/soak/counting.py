"""Counts what lives in a process. It stands alone: a plugin's script begins with this text."""

import ctypes
import gc
from pathlib import Path


def own_census():
    """Return how many objects and bytes live here when what nobody refers to is gone."""
    for _ in range(3):
        gc.collect()
    objects = len(gc.get_objects())
    # What is free is nobody's; how much of it malloc still holds is chance.
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
    lines = Path("/proc/self/smaps_rollup").read_text(encoding="ascii").splitlines()
    dirty = [line for line in lines if line.startswith("Private_Dirty:")]
    return objects, int(dirty[0].split()[1]) * 1024
