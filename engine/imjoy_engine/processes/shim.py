"""Holds one command and everything it starts, and ends all of it when the engine goes.

Run as a script with the engine's own interpreter, without its packages, or forked by `forking.py`:

    python -I -S shim.py CONTROL_FD [HELD_FD ...]

The shim is a process of its own so that it outlives a SIGKILL of the engine and keeps its word when
the command's interpreter is stuck in C code. It makes itself the reaper of all descendants (Linux),
so one that left its session or lost its parent is still found; where that does not exist (macOS) it
falls back to the command's process group.

Standard input says first what to run (`told`), then carries orders, one per line: `signal NUMBER
leader` and `signal NUMBER tree`. Its end means that the engine is gone: every descendant gets
SIGTERM, and after the seconds of grace SIGKILL until none is left. Standard output and error belong
to the command.

CONTROL_FD carries reports, one per line: `started PID`, or `failed ERRNO` when the command could
not be executed; `exited PID CODE SIGNAL MAXRSS_BYTES SECONDS` with `-` for the one of CODE and
SIGNAL that does not apply; `gone` when no descendant is left. Plain words, because importing json
would double the time of a start. Each HELD_FD stays open as long as the shim lives and is not
handed to the command: a file lock taken on one outlives the engine until the tree is gone.
"""

from __future__ import annotations

# `signal` and `contextlib` are left out for what they import: half of the shim's start, and so of
# every plugin's.
import _signal as signal  # type: ignore[import-not-found]
import ctypes
import os
import resource  # noqa: F401  # os.wait4 would import it anew in each fork
import select
import sys
import time

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_CLONE_NEWNS = 0x20000
_MS_RDONLY, _MS_REMOUNT, _MS_BIND, _MS_REC, _MS_SLAVE = 1, 32, 4096, 16384, 1 << 19
_MS_KEPT = 2 | 4 | 8  # nosuid, nodev, noexec; the same bits in statvfs
_LEFTOVER_GRACE_S = 0.5
_KILL_INTERVAL_S = 0.01
_KILL_INTERVAL_MAX_S = 0.5
_ON_LINUX = sys.platform.startswith("linux")
_LIBC = ctypes.CDLL(None)


class Told:
    """What to run: words as the engine has told them.

    `mounts` says where the command may not write even as a superuser: one a line, `r` and a folder
    that is read-only for it, or `w` and one within that is not; it may be empty. Who may not mount
    is stopped by the rights on the files instead.
    """

    def __init__(self, words: list[bytes]) -> None:
        self.grace_s = float(words[0])
        self.mounts, self.folder = words[1:3]
        end = 4 + int(words[3])
        self.argv = words[4:end]
        self.environment = dict(pair.split(b"=", 1) for pair in words[end:])


def prctl(option: int, value: int | bytes) -> None:
    """Set an attribute of this process, where the system has the call."""
    if _ON_LINUX:
        _LIBC.prctl(option, value, 0, 0, 0)


def restrict(mounts: bytes) -> None:
    """Give this process a view of the disk of its own, in which folders are read-only."""
    if not mounts or not _ON_LINUX:
        return
    if _LIBC.unshare(_CLONE_NEWNS) != 0:
        return
    # What is mounted outside later still arrives; what is mounted here stays here.
    _LIBC.mount(None, b"/", None, ctypes.c_ulong(_MS_REC | _MS_SLAVE), None)
    for line in mounts.split(b"\n"):
        path = line[1:]
        if os.path.isdir(path):
            _LIBC.mount(path, path, None, ctypes.c_ulong(_MS_BIND | _MS_REC), None)
            flags = _MS_BIND | _MS_REMOUNT | os.statvfs(path).f_flag & _MS_KEPT
            flags |= _MS_RDONLY if line[:1] == b"r" else 0
            _LIBC.mount(None, path, None, ctypes.c_ulong(flags), None)


def start(command: Told) -> int:
    """Return the id of a new session leader that executes it; OSError when it cannot."""
    shim_pid = os.getpid()
    failure_read, failure_write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            become(command, shim_pid)
        except OSError as error:
            os.write(failure_write, str(error.errno).encode())
        finally:
            os._exit(127)
    os.close(failure_write)
    words = os.read(failure_read, 64)
    os.close(failure_read)
    if words:
        os.waitpid(pid, 0)
        raise OSError(int(words), os.strerror(int(words)))
    return pid


def become(command: Told, shim_pid: int) -> None:
    """Turn this forked process into the command; it dies when the shim is killed."""
    os.setsid()
    prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != shim_pid:
        os._exit(127)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    restrict(command.mounts)
    os.chdir(command.folder)
    for number in (
        signal.SIGINT,
        signal.SIGTERM,
        signal.SIGHUP,
        signal.SIGCHLD,
        signal.SIGPIPE,
        signal.SIGXFSZ,
    ):
        signal.signal(number, signal.SIG_DFL)
    os.execvpe(command.argv[0], command.argv, command.environment)


def descendants() -> list[int]:
    """Return every process below this one, by the parents that /proc names."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    # The command's name, in parentheses, may hold anything.
                    parent = int(file.read().rpartition(b")")[2].split()[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(name))
    found = list(children.get(os.getpid(), ()))
    for pid in found:
        found.extend(children.get(pid, ()))
    return found


def send(pid: int, number: int) -> None:
    """Signal one process, which may be gone by now or belong to another user."""
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        pass


class Shim:
    """The tree's state: who leads it, whether the leader lives, and when patience ends."""

    def __init__(self, control_fd: int, command: Told) -> None:
        self.control_fd = control_fd
        self.command = command
        self.grace_s = command.grace_s
        self.leader = 0
        self.leader_lives = False
        self.rest_ends = False
        self.started_s = 0.0
        self.killing = False
        self.kill_interval_s = _KILL_INTERVAL_S
        self.deadline_s: float | None = None
        self.orders_fd = 0
        self.orders = b""
        self.poller = select.poll()
        self.wake_read, wake_write = os.pipe()
        os.set_blocking(self.wake_read, False)
        os.set_blocking(wake_write, False)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)

    def report(self, *words: object) -> None:
        """Tell the engine, if it still listens."""
        try:
            os.write(self.control_fd, " ".join(map(str, words)).encode() + b"\n")
        except BrokenPipeError:
            pass

    def run(self) -> None:
        """Return when the command and everything it started are gone."""
        if not self.begin():
            return
        self.poller.register(self.wake_read, select.POLLIN)
        while self.reap():
            for fd, _ in self.poller.poll(self.patience_ms()):
                if fd == self.wake_read:
                    os.read(self.wake_read, 4096)
                else:
                    self.heard(fd)
            self.press()
        self.report("gone")

    def begin(self) -> bool:
        """Start the command; return whether it runs."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, self.on_terminate)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self.poller.register(self.orders_fd, select.POLLIN)
        self.started_s = time.monotonic()
        try:
            self.leader = start(self.command)
        except OSError as error:
            self.report("failed", error.errno)
            return False
        self.leader_lives = True
        self.report("started", self.leader)
        return True

    def heard(self, fd: int) -> None:
        """Obey what the engine says; without an engine, end the tree."""
        if not self.obey():
            self.poller.unregister(fd)
            self.end(self.grace_s)

    def on_terminate(self, *_: object) -> None:
        """End the tree as if the engine had gone."""
        self.end(self.grace_s)

    def reap(self) -> bool:
        """Collect who died; return whether anybody is left."""
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                lives = not _ON_LINUX and self.group_lives()
                if lives:
                    self.end_rest()
                return lives
            if pid == 0:
                self.end_rest()
                return True
            if pid == self.leader and self.leader_lives:
                self.leader_lives = False
                maxrss_bytes = usage.ru_maxrss * (1024 if _ON_LINUX else 1)
                code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else "-"
                number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else "-"
                seconds = round(time.monotonic() - self.started_s, 6)
                self.report("exited", pid, code, number, maxrss_bytes, seconds)

    def end_rest(self) -> None:
        """End what the leader has left behind; to look for it takes longer than to know of none."""
        if not self.leader_lives and not self.rest_ends:
            self.rest_ends = True
            self.end(min(self.grace_s, _LEFTOVER_GRACE_S))

    def group_lives(self) -> bool:
        """Return whether the leader's process group has members (where nobody is a reaper)."""
        try:
            os.killpg(self.leader, 0)
        except (ProcessLookupError, PermissionError):
            return False
        return True

    def obey(self) -> bool:
        """Carry out the orders that arrived; return False at the end of orders."""
        chunk = os.read(self.orders_fd, 4096)
        *lines, self.orders = (self.orders + chunk).split(b"\n")
        for line in lines:
            self.carry_out(line.split())
        return bool(chunk)

    def carry_out(self, order: list[bytes]) -> None:
        """Signal the leader or everybody."""
        _, number, whom = order
        if whom == b"tree":
            self.signal_tree(int(number))
            self.killing = self.killing or int(number) == signal.SIGKILL
        elif self.leader_lives:
            send(self.leader, int(number))

    def signal_tree(self, number: int) -> None:
        """Signal every descendant; a stopped one is continued so that it can answer."""
        if not _ON_LINUX:
            try:
                os.killpg(self.leader, number)
            except (ProcessLookupError, PermissionError):
                pass
            return
        for pid in descendants():
            send(pid, number)
            if number == signal.SIGTERM:
                send(pid, signal.SIGCONT)

    def end(self, grace_s: float) -> None:
        """Ask everybody to leave within `grace_s` seconds; asked again, only shorten them."""
        deadline_s = time.monotonic() + grace_s
        if self.deadline_s is None and grace_s > 0:
            self.signal_tree(signal.SIGTERM)
        if self.deadline_s is None or deadline_s < self.deadline_s:
            self.deadline_s = deadline_s

    def press(self) -> None:
        """Kill whoever is left when patience is over; called again until nobody is."""
        if self.deadline_s is not None and time.monotonic() >= self.deadline_s:
            self.killing = True
        if self.killing:
            self.signal_tree(signal.SIGKILL)
            self.kill_interval_s = min(self.kill_interval_s * 1.5, _KILL_INTERVAL_MAX_S)

    def patience_ms(self) -> float | None:
        """Return how long to wait for news."""
        if self.killing:
            return self.kill_interval_s * 1000
        if self.deadline_s is None:
            return None
        return max(0.0, (self.deadline_s - time.monotonic()) * 1000 + 1)


def told() -> list[bytes] | None:
    """Wait for what to run and return it; None when the engine has gone without a word.

    A length and a line's end, then that many bytes: words between zeros. They are GRACE_S, MOUNTS,
    the folder, how many words the command has, its words, and its variables as NAME=VALUE.
    """
    length = b""
    while not length.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            return None
        length += byte
    body = b""
    while len(body) < int(length):
        chunk = os.read(0, int(length) - len(body))
        if not chunk:
            return None
        body += chunk
    return body.split(b"\0")


def prepare(*fds: int) -> None:
    """Be the reaper of all descendants, and keep these descriptors from them."""
    for fd in fds:
        os.set_inheritable(fd, False)
    prctl(_PR_SET_CHILD_SUBREAPER, 1)


def main(control_fd: int, *held_fds: int) -> None:
    """Run what standard input tells to its end."""
    prepare(control_fd, *held_fds)
    words = told()
    if words is not None:
        Shim(control_fd, Told(words)).run()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
    # What remains is to take the interpreter apart, and the engine waits for that.
    os._exit(0)
