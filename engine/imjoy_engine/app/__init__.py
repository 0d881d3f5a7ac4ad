"""The composition root: here, and only here, concrete parts are chosen and joined."""

from imjoy_engine.app.engine import Engine

__all__ = ["Engine"]
