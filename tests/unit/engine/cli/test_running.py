from __future__ import annotations

import json
import os
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from imjoy_engine.cli.running import NoEngineError, engine_lives, running_engine
from imjoy_engine.errors import EngineError


class Answers(BaseHTTPRequestHandler):
    """Tells what it was asked, refuses what is wrong, and answers nonsense to `/nonsense`."""

    def do_GET(self):
        self._say(200, {"key": self.headers["Authorization"]})

    def do_POST(self):
        if self.path == "/nonsense":
            self._say(502, "nginx")
            return
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self._say(404, {"message": f"No {body.decode()}.", "hint": "Ask for another."})

    def log_message(self, *_):
        pass

    def _say(self, status, said):
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(said).encode())


@pytest.fixture
def workspace(tmp_path: Path):
    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        record(tmp_path, local=f"http://127.0.0.1:{server.server_port}", key="k", pid=os.getpid())
        yield tmp_path
        server.shutdown()
        thread.join()


def record(workspace: Path, **fields: object) -> None:
    path = workspace / ".imjoy-engine" / "engine.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(fields))


def test_the_engine_is_asked_with_the_key_it_left(workspace):
    assert running_engine(workspace).ask("/status") == {"key": "Bearer k"}
    assert engine_lives(workspace)


def test_its_refusal_is_told_in_its_words(workspace):
    with pytest.raises(EngineError, match=r'No \{"a": 1\}') as refused:
        running_engine(workspace).ask("/kill", {"a": 1})
    assert refused.value.hint == "Ask for another."
    with pytest.raises(EngineError, match="Something else"):
        running_engine(workspace).ask("/nonsense", {})


def test_no_record_a_broken_one_and_an_old_one_are_all_no_engine(tmp_path):
    def none(words):
        with pytest.raises(NoEngineError, match=words) as none:
            running_engine(tmp_path).ask("/status")
        assert none.value.exit_code == 3
        assert "--workspace" in none.value.hint
        assert not engine_lives(tmp_path)

    none(f"No engine runs at {tmp_path}")
    record(tmp_path)
    none("No engine runs")
    (tmp_path / ".imjoy-engine" / "engine.json").write_text("{")
    none("No engine runs")
    record(tmp_path, local="http://127.0.0.1:1", key="k", pid=2**22 + 1)
    none("No engine runs at http://127.0.0.1:1")
