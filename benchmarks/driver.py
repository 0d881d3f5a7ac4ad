"""One subject in a process of its own: `python -m benchmarks.driver MODULE OPENER OPTIONS`.

Each line on standard input is one workload, {"workload", "arguments"}; each is answered by one
line: {"figures"}, {"error"} or, if the subject is only not made for that, {"refusal"}. Whatever
else is printed goes to standard error. When the input ends, the subject is closed at once, also in
the middle of a workload.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import sys
from collections.abc import Callable
from typing import Any

from benchmarks import lives, spending, workloads

WORKLOADS: dict[str, Callable[..., Any]] = {
    **workloads.WORKLOADS,
    **lives.WORKLOADS,
    **spending.WORKLOADS,
}


async def main(name: str, opener: str, options: dict[str, Any]) -> None:
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)

    def answer(**fields: Any) -> None:
        answers.write(json.dumps(fields) + "\n")

    requests: asyncio.Queue[str] = asyncio.Queue()
    serving = asyncio.ensure_future(_serve(name, opener, options, requests, answer))
    reading = asyncio.ensure_future(_read(requests))
    await asyncio.wait({serving, reading}, return_when=asyncio.FIRST_COMPLETED)
    serving.cancel()
    try:
        await serving
    except asyncio.CancelledError:
        pass
    except Exception as error:
        answer(error=_words(error))
        raise


async def _read(requests: asyncio.Queue[str]) -> None:
    while line := await asyncio.to_thread(sys.stdin.readline):
        requests.put_nowait(line)


async def _serve(
    name: str,
    opener: str,
    options: dict[str, Any],
    requests: asyncio.Queue[str],
    answer: Callable[..., None],
) -> None:
    module = importlib.import_module(f"benchmarks.subjects.{name}")
    async with getattr(module, opener)(**options) as subject:
        answer(ready=True)
        while True:
            request = json.loads(await requests.get())
            workload = WORKLOADS[request["workload"]]
            try:
                answer(figures=await workload(subject, **request["arguments"]))
            except NotImplementedError as error:
                answer(refusal=str(error))
            except Exception as error:  # noqa: BLE001 - the table says what it was
                answer(error=_words(error))


def _words(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], json.loads(sys.argv[3])))
