"""The peers from the package index: what is installed, and how each is set up, twice.

As it comes, and at its best: its limits raised, rate limits and compression off, TCP_NODELAY on.
"""

from __future__ import annotations

from benchmarks.running import Subject

# hypha imports what it does not require, and stumbles over newer ones of what it does.
_HYPHA = (
    "hypha==0.21.137",
    "hypha-rpc==0.21.47",
    "aiobotocore==3.10.0",
    "sqlalchemy==2.0.58",
    "sqlmodel==0.0.29",
    "numpy==2.4.6",
)
_JUPYTER = ("jupyter_server==2.21.1", "ipykernel==7.4.0", "aiohttp==3.14.5", "numpy==2.4.6")

OTHERS: tuple[Subject, ...] = tuple(
    Subject(f"{name}, {'at its best' if best else 'as it comes'}", module, {"best": best}, packages)
    for name, module, packages in (
        ("hypha", "hypha", _HYPHA),
        ("Jupyter", "jupyter", _JUPYTER),
    )
    for best in (False, True)
)
