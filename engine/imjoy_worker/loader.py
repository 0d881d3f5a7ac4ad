"""A plugin's scripts, run as one module whose lines are those of the plugin's own file."""

import io
import linecache
import sys
from types import ModuleType
from typing import Any, Callable, Dict, List, Optional

from . import tracebacks

__all__ = ["MODULE_NAME", "Loader"]

MODULE_NAME = "imjoy_plugin"
"""The plugin's functions and classes are found under it, by pickle for one."""

PYTHON_NAMES = frozenset({"", "python", "python3", "py"})


class Loader:
    """Runs scripts one after the other in the same namespace; once each, unless one fails.

    `names` are what a script finds without importing it; `module` is where it runs, if there is
    one already. `on_done` is told of the `code` of each script that has run.
    """

    def __init__(
        self,
        names: Dict[str, Any],
        on_done: Optional[Callable[[Dict[str, Any]], None]] = None,
        module: Optional[ModuleType] = None,
    ) -> None:
        self.module = ModuleType(MODULE_NAME) if module is None else module
        self.module.__dict__.update(names)
        sys.modules[MODULE_NAME] = self.module
        self._done: Dict[str, bool] = {}
        self._lines: Dict[str, List[str]] = {}
        self._on_done = on_done

    @property
    def has_run(self) -> bool:
        """Whether a script has run to its end."""
        return bool(self._done)

    def run(self, code: Dict[str, Any]) -> Optional[str]:
        """Return None when the script has run, now or before, and else what went wrong.

        `code` is that of an `execute` message. The text is for a person; it names the plugin's file
        and its lines.
        """
        kind = code.get("type", "script")
        if kind == "requirements":
            return None  # the environment was made before this process was
        if kind != "script":
            return "A worker runs scripts; {!r} is none.".format(kind)
        lang = _language(code)
        if lang not in PYTHON_NAMES:
            return (
                "This script is written in {!r}; a native-python plugin runs Python. "
                'Give it <script lang="python">.'.format(lang)
            )
        content = code.get("content")
        if not isinstance(content, str):
            return "The script has no content."
        if content in self._done:
            return None
        error = self._run(content, str(code.get("filename") or "<plugin>"), _line(code))
        if error is None:
            self._done[content] = True
            if self._on_done is not None:
                self._on_done(code)
        return error

    def _run(self, content: str, filename: str, first_line: int) -> Optional[str]:
        content = content.lstrip("\ufeff")
        self._show_lines(content, filename, first_line)
        self.module.__file__ = filename
        try:
            # Blank lines in front make every number that Python prints the file's own.
            source = "\n" * (first_line - 1) + content
            exec(compile(source, filename, "exec", dont_inherit=True), self.module.__dict__)
        except SystemExit as error:
            return "{}The script ended itself with {}; a plugin lives on after its script.".format(
                tracebacks.text_of(error), _exit_in_words(error)
            )
        except BaseException as error:  # noqa: BLE001 - whatever a script raises is told, not ours
            return tracebacks.text_of(error)
        return None

    def _show_lines(self, content: str, filename: str, first_line: int) -> None:
        """Let tracebacks show the script's lines at their places in the file."""
        lines = self._lines.setdefault(filename, [])
        # Not `splitlines`: for Python a line ends in fewer ways than for a text.
        own = [line.rstrip("\n") + "\n" for line in io.StringIO(content, newline=None)]
        missing = first_line - 1 + len(own) - len(lines)
        lines.extend(["\n"] * max(0, missing))
        lines[first_line - 1 : first_line - 1 + len(own)] = own
        # Without a time of change the entry is never compared with a file on disk.
        linecache.cache[filename] = (sum(map(len, lines)), None, lines, filename)


def _language(code: Dict[str, Any]) -> str:
    attrs = code.get("attrs")
    lang = code.get("lang") or (attrs.get("lang") if isinstance(attrs, dict) else None) or ""
    return str(lang).strip().lower()


def _line(code: Dict[str, Any]) -> int:
    first_line = code.get("first_line")
    return first_line if isinstance(first_line, int) and 0 < first_line < 1_000_000 else 1


def _exit_in_words(error: SystemExit) -> str:
    return "sys.exit()" if error.code is None else "sys.exit({!r})".format(error.code)
