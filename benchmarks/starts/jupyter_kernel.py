"""Jupyter: an ipykernel, to the reply of its first execution."""

import sys
import time

from jupyter_client import KernelManager

for _ in sys.stdin:
    began = time.perf_counter()
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=60)
    reply = client.execute_interactive("1", timeout=60, output_hook=lambda _: None)
    if reply["content"]["status"] != "ok":
        raise AssertionError("The kernel gave back something else.")
    print((time.perf_counter() - began) * 1e3, flush=True)
    client.stop_channels()
    manager.shutdown_kernel(now=True)
