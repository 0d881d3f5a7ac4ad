"""What survives a reconnect: sessions, the plugins they use, and the port to their client."""

from imjoy_engine.session.links import ClientLink
from imjoy_engine.session.registry import SessionRegistry
from imjoy_engine.session.session import Session

__all__ = ["ClientLink", "Session", "SessionRegistry"]
