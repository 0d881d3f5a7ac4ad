"""One subject in a process of its own: `python -m benchmarks.driver MODULE OPTIONS`.

Each line on standard input is one workload, {"workload", "arguments"}; each is answered by one
line, {"figures"} or {"error"}. Whatever else is printed goes to standard error.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import sys
from typing import Any

from benchmarks.workloads import WORKLOADS


async def main(name: str, options: dict[str, Any]) -> None:
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)

    def answer(**fields: Any) -> None:
        answers.write(json.dumps(fields) + "\n")

    try:
        module = importlib.import_module(f"benchmarks.subjects.{name}")
        async with module.opened(**options) as subject:
            answer(ready=True)
            while line := await asyncio.to_thread(sys.stdin.readline):
                request = json.loads(line)
                workload = WORKLOADS[request["workload"]]
                try:
                    answer(figures=await workload(subject, **request["arguments"]))
                except Exception as error:  # noqa: BLE001 - the table says what it was
                    answer(error=_words(error))
    except Exception as error:
        answer(error=_words(error))
        raise


def _words(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], json.loads(sys.argv[2])))
