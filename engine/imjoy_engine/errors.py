"""Every error of the engine, drawn as a tree.

    EngineError
    ├── UsageError               the person: an option, a path, a port
    │   ├── PortTakenError
    │   └── WorkspaceTakenError
    ├── ClientError              the connected client sent something wrong
    │   ├── NotRegisteredError
    │   ├── TokenError
    │   ├── BadRequestError
    │   ├── NotFoundError
    │   ├── ConflictError
    │   └── TooLargeError
    ├── PluginError              the plugin's own code or manifest
    │   ├── ManifestError
    │   ├── PluginStartError
    │   └── PluginExitedError
    ├── EnvironmentBuildError    the environment could not be made
    │   ├── UnsupportedSpecError
    │   ├── NoSuchPackageError   no index has a package of that name
    │   ├── NoSuchVersionError   the package exists, that version does not
    │   ├── NoWheelError         it exists, but not ready-made for this machine and Python
    │   ├── RequirementsConflictError  two requirements exclude each other
    │   ├── IndexUnreachableError
    │   ├── DiskFullError
    │   ├── PythonNotFoundError
    │   ├── CommandRefusedError  nobody allowed the plugin's commands
    │   ├── CommandFailedError   one of them failed
    │   ├── LockMissingError     only what a lock says may be built, and there is none
    │   ├── VerifyFailedError    what was built or unpacked does not work
    │   └── BuildCancelledError
    └── MachineError             the machine lacks something (disk, permission, tool)

What is not here: errors of frames and codecs, which `imjoy_wire.errors` draws.
"""

from __future__ import annotations

from typing import Any, ClassVar

__all__ = [
    "BadRequestError",
    "BuildCancelledError",
    "ClientError",
    "CommandFailedError",
    "CommandRefusedError",
    "ConflictError",
    "DiskFullError",
    "EngineError",
    "EnvironmentBuildError",
    "IndexUnreachableError",
    "LockMissingError",
    "MachineError",
    "ManifestError",
    "NoSuchPackageError",
    "NoSuchVersionError",
    "NoWheelError",
    "NotFoundError",
    "NotRegisteredError",
    "PluginError",
    "PluginExitedError",
    "PluginStartError",
    "PortTakenError",
    "PythonNotFoundError",
    "RequirementsConflictError",
    "TokenError",
    "TooLargeError",
    "UnsupportedSpecError",
    "UsageError",
    "VerifyFailedError",
    "WorkspaceTakenError",
]


class EngineError(Exception):
    """Say in one sentence what went wrong, whose fault it is and what to do next.

    `code` is stable and kebab-case; `fault` is one of user, client, plugin, machine, engine.
    """

    code: ClassVar[str] = "engine-error"
    fault: ClassVar[str] = "engine"
    exit_code: ClassVar[int] = 1
    """Of the command that ends with it: 2 when the person asked for something impossible."""

    def __init__(self, message: str, *, hint: str = "", log_tail: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.log_tail = log_tail
        self.actions: list[dict[str, Any]] = []
        """What a person could try, for a client to offer."""

    def as_dict(self) -> dict[str, Any]:
        """Return the form that acks, events and logs carry."""
        return {
            "code": self.code,
            "fault": self.fault,
            "message": self.message,
            "hint": self.hint,
            "log_tail": self.log_tail,
            **({"actions": self.actions} if self.actions else {}),
        }


class UsageError(EngineError):
    """The person who runs the engine asked for something impossible."""

    code = "usage"
    fault = "user"
    exit_code = 2


class PortTakenError(UsageError):
    """Another program listens on the port."""

    code = "port-taken"


class WorkspaceTakenError(UsageError):
    """Another engine runs on the workspace."""

    code = "workspace-taken"


class ClientError(EngineError):
    """A connected client sent something wrong."""

    code = "client-error"
    fault = "client"


class NotRegisteredError(ClientError):
    """The client must register with a token first."""

    code = "not-registered"


class TokenError(ClientError):
    """The token is wrong, or too many wrong ones came from there.

    `wait_s`: how long no token from there is looked at, in seconds.
    """

    code = "token-mismatch"

    def __init__(self, message: str, *, hint: str = "", wait_s: int = 0) -> None:
        super().__init__(message, hint=hint)
        self.wait_s = wait_s

    def as_dict(self) -> dict[str, Any]:
        """Return the form that acks carry, with the time to wait, if there is any."""
        return {**super().as_dict(), **({"wait_s": self.wait_s} if self.wait_s else {})}


class BadRequestError(ClientError):
    """A payload lacks a field or has one of the wrong type."""

    code = "bad-request"


class NotFoundError(ClientError):
    """The named plugin, file or peer does not exist, or is not this client's to see."""

    code = "not-found"


class ConflictError(ClientError):
    """Something of that name is already there."""

    code = "conflict"


class TooLargeError(ClientError):
    """What was sent is over a stated limit."""

    code = "too-large"


class PluginError(EngineError):
    """The plugin's own code or manifest is at fault."""

    code = "plugin-error"
    fault = "plugin"
    ending = ""
    """How a process ended that was ended because of this: its own report does not know."""


class ManifestError(PluginError):
    """The plugin's config cannot be used."""

    code = "bad-manifest"


class PluginStartError(PluginError):
    """The worker did not come up."""

    code = "start-failed"


class PluginExitedError(PluginError):
    """The worker ended while somebody needed it."""

    code = "plugin-exited"


class EnvironmentBuildError(EngineError):
    """The environment could not be built; `log_tail` holds the tool's own words."""

    code = "build-failed"
    fault = "plugin"


class UnsupportedSpecError(EnvironmentBuildError):
    """A field asks for something that this engine cannot do yet."""

    code = "not-supported"


class NoSuchPackageError(EnvironmentBuildError):
    """No package index that this machine uses has a package of that name."""

    code = "no-such-package"


class NoSuchVersionError(EnvironmentBuildError):
    """The package exists, but not in the version asked for."""

    code = "no-such-version"


class NoWheelError(EnvironmentBuildError):
    """The package is not offered ready-made for this machine and Python, only as source."""

    code = "no-wheel"


class RequirementsConflictError(EnvironmentBuildError):
    """No set of versions fulfils all requirements."""

    code = "resolve-conflict"


class IndexUnreachableError(EnvironmentBuildError):
    """A package index does not answer, or refuses to."""

    code = "index-unreachable"
    fault = "machine"


class DiskFullError(EnvironmentBuildError):
    """The disk that holds the environments is full."""

    code = "disk-full"
    fault = "machine"


class PythonNotFoundError(EnvironmentBuildError):
    """The interpreter that the environment is to be built on is not there."""

    code = "python-not-found"
    fault = "machine"


class CommandRefusedError(EnvironmentBuildError):
    """The plugin wants commands run for its environment, and nobody has allowed them."""

    code = "command-refused"
    fault = "user"


class CommandFailedError(EnvironmentBuildError):
    """A command of the plugin's failed while its environment was made."""

    code = "command-failed"


class LockMissingError(EnvironmentBuildError):
    """Only exactly what a lock says may be built, and there is none, or it is of another wish."""

    code = "lock-missing"
    fault = "user"


class VerifyFailedError(EnvironmentBuildError):
    """An environment is there, but it does not work as it should."""

    code = "verify-failed"
    fault = "machine"


class BuildCancelledError(EnvironmentBuildError):
    """A person cancelled the build; nothing of it is left."""

    code = "cancelled"
    fault = "user"


class MachineError(EngineError):
    """The machine lacks something: disk space, a permission, a tool."""

    code = "machine"
    fault = "machine"
