"""The peers from the package index: what is installed, and how it is set up."""

from __future__ import annotations

from benchmarks.running import Subject

OTHERS: tuple[Subject, ...] = ()
