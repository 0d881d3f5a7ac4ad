"""The peers from the package index: what is installed, and how each is set up.

Those that carry calls are there twice. As it comes, and at its best: its limits raised, rate limits
and compression off, TCP_NODELAY on.
"""

from __future__ import annotations

from benchmarks.environments import Wish
from benchmarks.running import Subject

# hypha imports what it does not require, and stumbles over newer ones of what it does.
_HYPHA = Wish(
    (
        "hypha==0.21.137",
        "hypha-rpc==0.21.47",
        "aiobotocore==3.10.0",
        "sqlalchemy==2.0.58",
        "sqlmodel==0.0.29",
        "numpy==2.4.6",
        "ipykernel==7.4.0",
    )
)
_JUPYTER = Wish(("jupyter_server==2.21.1", "ipykernel==7.4.0", "aiohttp==3.14.5", "numpy==2.4.6"))
_APPOSE = Wish(("appose==0.12.0",))
# It is of 2020. The janus that it pins refuses to work as it uses it from Python 3.7 on.
_IMJOY = Wish(
    ("imjoy[engine]==0.9.12", "aiohttp==3.8.6", "psutil==7.2.2", "numpy==1.21.6"),
    python=">=3.7,<3.10",
    instead=("janus==0.4.0",),
)


def _hypha(best: bool, opener: str) -> Subject:
    return Subject(_named("hypha", best), "hypha", {"best": best}, _HYPHA, opener)


def _jupyter(best: bool, opener: str) -> Subject:
    return Subject(_named("Jupyter", best), "jupyter", {"best": best}, _JUPYTER, opener)


def _original(best: bool, opener: str) -> Subject:
    name = _named("imjoy 0.9.12", best)
    return Subject(name, "original", {"best": best}, _IMJOY, opener, is_apart=True)


def _named(name: str, best: bool) -> str:
    return f"{name}, {'at its best' if best else 'as it comes'}"


CARRIERS: tuple[Subject, ...] = tuple(
    made(best, "opened") for made in (_hypha, _jupyter, _original) for best in (False, True)
)
"""They carry calls, arrays and callbacks."""

HOSTS: tuple[Subject, ...] = tuple(made(True, "hosting") for made in (_hypha, _jupyter, _original))
"""They start plugins. Their limits play no part then: each is there once, at its best."""

STARTERS: tuple[Subject, ...] = (
    Subject("appose", "appose_services", {}, _APPOSE, "hosting"),
    Subject("jupyter kernel", "kernels", {"conda": False}, _JUPYTER, "hosting"),
    Subject("hypha's conda worker", "kernels", {"conda": True}, _HYPHA, "hosting"),
)
"""They start processes for calls, with nothing between."""
