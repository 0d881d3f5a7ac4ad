"""The floor's second hop: return every length-prefixed message that comes over a Unix socket.

Standard library only, nothing decoded, nothing checked; ends when the relay does.
"""

import socket
import sys


def main(path: str) -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        stream = connection.makefile("rb")
        while prefix := stream.read(4):
            message = stream.read(int.from_bytes(prefix, "big"))
            connection.sendall(prefix + message)


if __name__ == "__main__":
    main(sys.argv[1])
