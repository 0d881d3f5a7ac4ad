"""A shim whose command may outlive the engine, for the next engine to find.

Run as a script with the engine's own interpreter, without its packages, or forked by `forking.py`:

    python -I -S keeper.py [HELD_FD ...]

What `shim.py` says of orders, reports and held descriptors holds here too, but the first two travel
over one connection, a Unix socket, which is standard input at first. Before the words that tell a
shim what to run come four more: DIRECTORY, LIMIT_S, LOG and LOG_BYTES. When the connection ends the
engine has gone.
Without the order `keep` before, the tree is ended then. With it the command goes on, and the socket
DIRECTORY/keeper.sock waits for another engine: what connects there is the engine from then on.
After LIMIT_S seconds without one the tree is ended all the same.

The command prints into pipes whose reading ends the keeper keeps, so that they never break. Every
engine is first sent `streams` with those two ends, and reads them itself; while there is none the
keeper reads them, and appends what comes to LOG, which is replaced once when it exceeds LOG_BYTES;
when it came stands beside it, as `plugins/log_times.py` has it.

At the end the reports lie in DIRECTORY/ending, written whole or not at all. `expired` among them
says that no engine came in time; `unkept ERRNO` is all there is when the socket cannot be made.
"""

from __future__ import annotations

import _socket
import os
import select
import sys
import time

# This runs without packages: its sibling is beside it.
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from shim import Shim, Told, prepare, told  # type: ignore[import-not-found]

del sys.path[0]

SOCKET, ENDING = "keeper.sock", "ending"
_CHUNK_BYTES = 64 * 1024
_NOBODY = -1


class Keeper(Shim):  # type: ignore[misc]  # mypy does not see the sibling
    """A shim that stays without an engine."""

    control_fd: int
    orders_fd: int

    def __init__(self, words: list[bytes]) -> None:
        super().__init__(os.dup(0), Told(words[4:]))
        self.orders_fd = self.control_fd
        os.set_blocking(self.control_fd, False)
        self.directory = os.fsdecode(words[0])
        self.limit_s = float(words[1])
        self.keeps = False
        self.alone_since_s: float | None = None
        self.noted_s = 0
        self.told = b""
        self.streams: list[int] = []
        self.log = (os.fsdecode(words[2]), int(words[3]))
        self.server = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)

    def open_doors(self) -> None:
        """Make the socket and the pipes; OSError when the directory cannot hold a socket."""
        handle = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY)
        path = os.path.join(self.directory, SOCKET)
        if sys.platform.startswith("linux"):
            # The path of a socket has at most 108 bytes; this one is short wherever it leads.
            path = "/proc/self/fd/%d/%s" % (handle, SOCKET)
        self.server.bind(path)
        os.close(handle)
        self.server.listen(1)
        self.poller.register(self.server.fileno(), select.POLLIN)
        for number in (1, 2):
            reading, writing = os.pipe()
            os.dup2(writing, number)
            os.close(writing)
            self.streams.append(reading)
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 0)
        os.close(null)
        self.send_streams()

    def close_streams(self) -> None:
        """Leave the writing ends to the command, so that their end can be seen."""
        for number in (1, 2):
            os.dup2(0, number)

    def begin(self) -> bool:
        """Start the command; return whether it runs."""
        begun: bool = super().begin()
        self.close_streams()
        return begun

    def report(self, *words: object) -> None:
        """Tell the engine, and remember it for the next one."""
        self.told += " ".join(map(str, words)).encode() + b"\n"
        if self.control_fd != _NOBODY:
            try:
                super().report(*words)
            except ConnectionError:
                pass

    def heard(self, fd: int) -> None:
        """Deal with an order, an engine that comes or goes, or output that nobody else reads."""
        if fd == self.server.fileno():
            self.welcome(self.server._accept()[0])  # type: ignore[attr-defined]
        elif fd in self.streams:
            self.read(fd)
        elif fd == self.orders_fd and not self.listens():
            self.be_alone()
            if not self.keeps:
                self.end(self.grace_s)

    def carry_out(self, order: list[bytes]) -> None:
        """Signal, or promise to stay."""
        if order == [b"keep"]:
            self.keeps = True
        else:
            super().carry_out(order)

    def listens(self) -> bool:
        """Obey; return False when the engine has gone."""
        try:
            return bool(self.obey())
        except BlockingIOError:
            return True
        except ConnectionError:
            return False

    def welcome(self, connection: int) -> None:
        """Serve the engine that has connected, and no other."""
        if self.control_fd != _NOBODY:
            self.hang_up()
        self.control_fd = self.orders_fd = connection
        os.set_blocking(connection, False)
        self.orders = b""
        self.alone_since_s = None
        self.poller.register(connection, select.POLLIN)
        for stream in self.streams:
            try:
                self.poller.unregister(stream)
            except KeyError:
                pass
        try:
            self.send_streams()
            os.write(connection, self.told)
        except ConnectionError:
            self.be_alone()

    def send_streams(self) -> None:
        """Hand the reading ends of the command's output to the engine."""
        rights = b"".join(fd.to_bytes(4, sys.byteorder) for fd in self.streams)
        connection = _socket.socket(fileno=os.dup(self.control_fd))
        try:
            connection.sendmsg([b"streams\n"], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, rights)])
        finally:
            connection.close()

    def be_alone(self) -> None:
        """Read what is printed from now on, and count the time."""
        self.hang_up()
        self.alone_since_s = time.monotonic()
        for stream in self.streams:
            self.poller.register(stream, select.POLLIN)

    def hang_up(self) -> None:
        """Forget the engine."""
        self.poller.unregister(self.control_fd)
        os.close(self.control_fd)
        self.control_fd = self.orders_fd = _NOBODY

    def read(self, stream: int) -> bool:
        """Move a chunk of output to the log; return whether there was one."""
        try:
            chunk = os.read(stream, _CHUNK_BYTES)
        except BlockingIOError:
            return False
        if not chunk:
            try:
                self.poller.unregister(stream)
            except KeyError:
                pass
            return False
        path, most_bytes = self.log
        # A full disk must not stop the command.
        try:
            log = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                offset = os.fstat(log).st_size
                os.write(log, chunk)
                self.note_time(os.path.splitext(path)[0] + ".times", offset)
                if os.fstat(log).st_size > most_bytes:
                    os.replace(path, os.path.splitext(path)[0] + ".1.log")
            finally:
                os.close(log)
        except OSError:
            pass
        return True

    def note_time(self, path: str, offset: int) -> None:
        """Write down when the log goes on at `offset`, once a second."""
        now_s = int(time.time())
        if now_s == self.noted_s and offset > 0:
            return
        fresh = 0 if offset else os.O_TRUNC
        times = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | fresh, 0o600)
        try:
            os.write(times, b"%d %d\n" % (offset, now_s))
        finally:
            os.close(times)
        self.noted_s = now_s

    def press(self) -> None:
        """Kill whoever is left when patience is over, also the patience with missing engines."""
        if self.deadline_s is None and self.waits_s() <= 0:
            self.report("expired")
            self.end(self.grace_s)
        super().press()

    def patience_ms(self) -> float | None:
        """Return how long to wait for news."""
        patience_ms: float | None = super().patience_ms()
        if patience_ms is None and self.alone_since_s is not None:
            # poll takes no more than a C int.
            return min(self.waits_s() * 1000 + 1, 1e9)
        return patience_ms

    def waits_s(self) -> float:
        """Return how much longer the tree may be without an engine."""
        if self.alone_since_s is None:
            return float("inf")
        return max(0.0, self.alone_since_s + self.limit_s - time.monotonic())

    def conclude(self) -> None:
        """Leave the reports, and what was printed last, where the next engine looks."""
        if self.alone_since_s is not None:
            for stream in self.streams:
                os.set_blocking(stream, False)
                while self.read(stream):
                    pass
        path = os.path.join(self.directory, ENDING)
        try:
            with open(path + ".new", "wb") as file:
                file.write(self.told)
                file.flush()
                os.fsync(file.fileno())
            os.replace(path + ".new", path)
        except OSError:
            pass


def main(*held_fds: int) -> None:
    """Run what standard input tells to its end."""
    prepare(*held_fds)
    words = told()
    if words is None:
        return
    keeper = Keeper(words)
    try:
        keeper.open_doors()
    except OSError as error:
        keeper.report("unkept", error.errno)
        return
    keeper.run()
    keeper.conclude()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
    os._exit(0)
