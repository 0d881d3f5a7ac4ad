"""The peers from the package index: what is installed, and how each is set up, twice.

As it comes, and at its best: its limits raised, rate limits and compression off, TCP_NODELAY on.
"""

from __future__ import annotations

from benchmarks.running import Subject

# hypha imports what it does not require, and stumbles over newer ones of what it does.
_HYPHA = (
    "hypha==0.21.137",
    "hypha-rpc",
    "aiobotocore",
    "sqlalchemy<2.1",
    "sqlmodel<0.0.30",
    "numpy",
)
_JUPYTER = ("jupyter_server", "ipykernel==7.4.0", "aiohttp", "numpy")

OTHERS: tuple[Subject, ...] = tuple(
    Subject(f"{name}, {'at its best' if best else 'as it comes'}", module, {"best": best}, packages)
    for name, module, packages in (
        ("hypha", "hypha", _HYPHA),
        ("Jupyter", "jupyter", _JUPYTER),
    )
    for best in (False, True)
)
