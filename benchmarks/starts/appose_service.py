"""Appose: a Python service, to the answer of its first task."""

import os
import sys
import time
from pathlib import Path

import appose

# Its system environment takes the first python that it finds.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])

for _ in sys.stdin:
    began = time.perf_counter()
    environment = appose.system()
    with environment.python() as service:
        task = service.task("task.outputs['value'] = 1")
        task.wait_for()
        if task.outputs["value"] != 1:
            raise AssertionError("The service gave back something else.")
        print((time.perf_counter() - began) * 1e3, flush=True)
