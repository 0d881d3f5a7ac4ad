"""How the plugin has come up, for the engine: only its own process knows of that."""

from typing import Any, Callable, Optional

__all__ = ["Begun", "has_setup"]

MAX_CHARACTERS = 300
"""Of what went wrong; the whole of it is in the plugin's log."""


class Begun:
    """Tells each piece of news once: None when the plugin can be called, else what went wrong.

    `tell` is called from the thread that has the news.
    """

    def __init__(self, tell: Callable[[Optional[str]], None]) -> None:
        self._tell = tell
        self._has_told = False
        self._error: Optional[str] = None

    def script_ended(self, error: Optional[str], exported: Any) -> None:
        """Take note of the end of a script, and of what the plugin has exported by then."""
        if error is not None:
            self._news("its script failed: " + _last_line(error))
        elif exported is not None and not has_setup(exported):
            self._news(None)

    def setup_ended(self, error: Optional[str]) -> None:
        """Take note of the end of `setup`."""
        self._news(None if error is None else "its setup failed: " + _last_line(error))

    def nothing_exported(self) -> None:
        """Take note that nothing will ever be exported."""
        self._news("its script has not called api.export(...)")

    def tell_again(self) -> None:
        """Tell another engine what this one was told."""
        if self._has_told:
            self._tell(self._error)

    def _news(self, error: Optional[str]) -> None:
        if self._has_told and error == self._error:
            return
        self._has_told, self._error = True, error
        self._tell(error)


def has_setup(exported: Any) -> bool:
    """Return whether what a plugin has exported is to be set up before it is used."""
    if isinstance(exported, dict):
        return callable(exported.get("setup"))
    return callable(getattr(exported, "setup", None))


def _last_line(text: str) -> str:
    """Return what went wrong: the last line of a traceback."""
    return (text.strip().splitlines() or [""])[-1].strip()[:MAX_CHARACTERS]
