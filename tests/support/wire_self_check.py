"""Checks the wire under whatever Python runs this file: no test framework, syntax of Python 3.7.

Prints the version and what went wrong, if anything; the vectors are those of `tests/vectors/`.
"""

from __future__ import annotations

import collections
import datetime
import json
import math
import sys
from pathlib import Path

from imjoy_wire import codec, events, frames, values
from imjoy_wire.arrays import ArrayData
from imjoy_wire.errors import RemoteError, UnsupportedValueError, WireError
from imjoy_wire.forms import File

VECTORS = Path(__file__).parent.parent / "vectors"


class References:
    """The least that values ask of a peer."""

    codecs = {}

    def __init__(self):
        self.exported = {}

    def callback(self, function):
        return {"_rtype": "callback", "_rtarget_id": "us", "_rvalue": 1}

    def method(self, function, object_id, path):
        return {"_rtype": "interface", "_rtarget_id": "us", "_rintf": object_id, "_rvalue": path}

    def export(self, value, object_id):
        self.exported["o1"] = value
        return "o1"

    def remote(self, value):
        return None

    def remote_callback(self, tree):
        return lambda: tree

    def remote_method(self, tree):
        return lambda: tree

    def remote_object(self, value, object_id):
        return value


class Plugin:
    threshold = 7

    def run(self):
        pass


def build(described):
    kind, value = described["t"], described.get("v")
    if kind in ("int", "bigint"):
        return int(value)
    if kind == "float":
        return float(value)
    if kind == "bytes":
        return bytes.fromhex(value)
    if kind == "list":
        return [build(item) for item in value]
    if kind == "dict":
        return {key: build(item) for key, item in value}
    if kind == "map":
        return {codec_key(key): build(item) for key, item in value}
    return value


def codec_key(described):
    if described["t"] == "list":
        return tuple(codec_key(item) for item in described["v"])
    return build(described)


def plain(tree):
    """Return a tree with bytes for every part of a buffer."""
    if isinstance(tree, dict):
        return {key: plain(item) for key, item in tree.items()}
    if isinstance(tree, list):
        return [plain(item) for item in tree]
    return bytes(tree) if isinstance(tree, memoryview) else tree


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


def refuses(function, *arguments):
    try:
        function(*arguments)
    except WireError:
        return True
    return False


def check_codec():
    vectors = json.loads((VECTORS / "codec.json").read_text("utf-8"))
    for case in vectors["both"]:
        value, buffers = build(case["value"]), [bytes.fromhex(part) for part in case["buffers"]]
        body, packed = codec.pack(value)
        expect(body == case["body"].encode("utf-8"), case["name"])
        expect([bytes(part) for part in packed] == buffers, case["name"])
        expect(repr(plain(codec.unpack(body, buffers))) == repr(value), case["name"])
    for case in vectors["read"]:
        buffers = [bytes.fromhex(part) for part in case["buffers"]]
        codec.unpack(case["body"], buffers)
    for case in vectors["refused"]:
        body = bytes.fromhex(case["body_hex"]) if "body_hex" in case else case["body"]
        buffers = [bytes.fromhex(part) for part in case["buffers"]]
        expect(refuses(codec.unpack, body, buffers), case["name"])
    for hostile in ("[" * 100_000, '{"a":' * 100_000, "[" + "9" * 100_000 + "]"):
        expect(refuses(codec.unpack, hostile), hostile[:10])
    largest = 2**14_284 - 1
    expect(codec.unpack(*codec.pack(largest)) == largest, "the largest integer")


def check_frames():
    vectors = json.loads((VECTORS / "frames.json").read_text("utf-8"))
    for case in vectors["both"]:
        data = bytes.fromhex(case["frame"])
        frame = frames.decode_frame(data)
        expect(b"".join(frames.encode_frame(frame)) == data, case["name"])
        decoder = frames.FrameDecoder()
        arrived = [one for at in range(len(data)) for one in decoder.feed(data[at : at + 1])]
        expect(b"".join(frames.encode_frame(arrived[0])) == data, case["name"])
        event = events.from_event(events.to_event(frame))
        expect(b"".join(frames.encode_frame(event)) == data, case["name"])
    for case in vectors["refused"]:
        expect(refuses(frames.decode_frame, bytes.fromhex(case["frame"])), case["name"])
    large = bytes(9 * 1024 * 1024)
    data = b"".join(frames.encode_frame(frames.Frame("a", "b", "rpc", b"1", (large,))))
    expect(frames.FrameDecoder().feed(data)[0].buffers[0] == large, "a large buffer")


def check_values():
    references = References()

    def travelled(value):
        body, buffers = codec.pack(values.encode(value, references))
        return values.decode(codec.unpack(body, [bytearray(part) for part in buffers]), references)

    moment = datetime.datetime(2020, 1, 2, 3, 4, 5, 678, datetime.timezone(datetime.timedelta(0)))
    for value in (
        [None, True, 2**70, 1.5, "\ud800", b"x"],
        {"a": {"b": 1}, "$x": 2},
        {1: "a", (1, 2): "b"},
        {1, (2, 3)},
        collections.OrderedDict([("b", 1), ("a", 2)]),
        moment,
        moment.date(),
    ):
        expect(travelled(value) == value, value)
    expect(math.isnan(travelled(float("nan"))), "nan")
    expect(travelled(memoryview(b"ab")).tobytes() == b"ab", "memoryview")
    expect(travelled(File(b"ab", "a.txt")).name == "a.txt", "file")
    expect(travelled({"a": 1}).a == 1, "attribute")
    array = travelled(ArrayData([2, 2], "uint16", bytes(8)))
    expect("numpy" in sys.modules or isinstance(array, ArrayData), "array")
    expect(tuple(array.shape) == (2, 2), "shape")
    plugin = travelled(Plugin())
    expect(plugin.threshold == 7 and callable(plugin.run), "instance")
    try:
        raise ValueError("bad") from KeyError("first")
    except ValueError as error:
        arrived = travelled(error)
    expect(isinstance(arrived, RemoteError) and arrived.name == "ValueError", "error")
    expect("in check_values" in arrived.trace and arrived.cause.name == "KeyError", arrived.trace)
    try:
        values.encode_arguments([1, {"image": 1j}], {}, references)
    except UnsupportedValueError as error:
        expect(str(error).startswith("argument 2, key 'image': "), error)


def main():
    for check in (check_codec, check_frames, check_values):
        check()
    sys.stdout.write("right on {}.{}\n".format(*sys.version_info[:2]))


main()
