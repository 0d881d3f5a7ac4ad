"""The floor's second hop: gives back what comes over a Unix socket, and checks nothing.

Messages have a length before them. The first byte says what a message is:

    e...        give it back
    a<size>     so many bytes follow in messages of their own: give them back in pieces, when all
                have come, as a function would that takes an array and returns it
    c<count>    send "c" so many times, each after the answer to the last, then "d"

Standard library only; ends when the relay does.
"""

import socket
import sys

PIECE_BYTES = 512 * 1024


class Stream:
    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._input = connection.makefile("rb")

    def message(self) -> bytes:
        return self._input.read(int.from_bytes(self._input.read(4), "big"))

    def into(self, view: memoryview) -> int:
        """Receive one message in place; return its size."""
        size = int.from_bytes(self._input.read(4), "big")
        done = 0
        while done < size:
            done += self._input.readinto(view[done:size])
        return size

    def send(self, message: bytes) -> None:
        self._connection.sendall(len(message).to_bytes(4, "big") + message)

    def send_pieces(self, view: memoryview) -> None:
        for start in range(0, len(view), PIECE_BYTES):
            piece = view[start : start + PIECE_BYTES]
            self._connection.sendall(len(piece).to_bytes(4, "big"))
            self._connection.sendall(piece)


def main(path: str) -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        stream = Stream(connection)
        while message := stream.message():
            kind = message[:1]
            if kind == b"a":
                give_back(stream, int(message[1:]))
            elif kind == b"c":
                for _ in range(int(message[1:])):
                    stream.send(b"c")
                    stream.message()
                stream.send(b"d")
            else:
                stream.send(message)


def give_back(stream: Stream, size: int) -> None:
    view = memoryview(bytearray(size))
    done = 0
    while done < size:
        done += stream.into(view[done:])
    stream.send_pieces(view)


if __name__ == "__main__":
    main(sys.argv[1])
