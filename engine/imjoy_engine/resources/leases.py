"""Who holds which card, and who waits for one: the engine's one book of GPUs.

Waiting is in order of arrival. A later plugin passes an earlier one only with cards that the
earlier one could not use, so nobody is passed for ever and no card lies idle without need.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from imjoy_engine.clock import Clock, SystemClock
from imjoy_engine.errors import MachineError
from imjoy_engine.resources.gpu_choice import GpuWish, Hold, Refuse, Take, Wait, decide, suitable
from imjoy_engine.resources.gpu_locks import lock_card
from imjoy_engine.resources.gpus import GpuInventory
from imjoy_engine.resources.probes import GpuProbe

__all__ = ["GpuLease", "GpuLeases", "NoGpuError", "Place"]

_LOG = logging.getLogger(__name__)
_LOOK_AGAIN_S = 5.0
_OTHER_ENGINE = "a plugin of another engine"


class NoGpuError(MachineError):
    """The machine has not the GPUs that the plugin cannot do without."""

    code = "no-gpu"


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the queue, from 1, and why it is not over yet."""

    position: int
    length: int
    reason: str

    @property
    def words(self) -> str:
        """Return what a person is told."""
        return f"Waiting for a GPU: {self.position} of {self.length} in the queue. {self.reason}."


class GpuLease:
    """The right to use some cards, until `release`; made by `GpuLeases`.

    `variables` make a process see these cards and no others. `held_fds` are the file locks that
    keep other engines off; whoever is handed them keeps the cards beyond the engine's end.
    """

    def __init__(
        self,
        uuids: tuple[str, ...],
        hold: Hold,
        *,
        indices: tuple[int, ...] = (),
        variables: Mapping[str, str] | None = None,
        held_fds: tuple[int, ...] = (),
        on_release: Callable[[GpuLease], None] | None = None,
    ) -> None:
        self.uuids = uuids
        self.hold = hold
        self.indices = indices
        self.variables = dict(variables or {})
        self.held_fds = held_fds
        self._on_release = on_release

    def release(self) -> None:
        """Give the cards back; a second call does nothing."""
        on_release, self._on_release = self._on_release, None
        if on_release is not None:
            on_release(self)

    def as_record(self) -> dict[str, Any]:
        """Return what `GpuLeases.adopt` needs, in a form for JSON."""
        return {
            "uuids": list(self.uuids),
            "indices": list(self.indices),
            "holder": self.hold.holder,
            "shared": self.hold.shared,
            "memory_bytes": self.hold.memory_bytes,
        }


@dataclass(eq=False, slots=True)
class _Waiting:
    holder: str
    wish: GpuWish
    on_place: Callable[[Place], None]
    granted: asyncio.Future[GpuLease]
    place: Place | None = None


@dataclass(slots=True)
class _Books:
    held: dict[str, list[Hold]] = field(default_factory=dict)
    queue: list[_Waiting] = field(default_factory=list)


class GpuLeases:
    """Grants leases; one for each engine.

    `locks` is a directory that engines of this machine share, or None when this is the only one.
    `share_all` treats every wish as one that shares. `on_request` hides all cards from plugins that
    ask for none; otherwise they see those that nobody holds for himself.
    """

    def __init__(
        self,
        probe: GpuProbe,
        clock: Clock | None = None,
        *,
        locks: Path | None = None,
        share_all: bool = False,
        on_request: bool = False,
    ) -> None:
        self.probe = probe
        self._clock = clock or SystemClock()
        self._locks = locks
        self._share_all = share_all
        self._on_request = on_request
        self._books = _Books()
        self._settling = asyncio.Lock()
        self._looking = False
        self._tasks: set[asyncio.Task[None]] = set()

    async def inventory(self) -> GpuInventory:
        """Return the cards as they are now."""
        return await asyncio.to_thread(self.probe.inventory)

    def holders(self) -> dict[str, list[str]]:
        """Return who holds which card, by UUID."""
        return {
            uuid: [hold.holder for hold in holds]
            for uuid, holds in self._books.held.items()
            if holds
        }

    @property
    def waiting(self) -> int:
        """Return how many plugins wait."""
        return len(self._books.queue)

    async def acquire(
        self, holder: str, wish: GpuWish, on_place: Callable[[Place], None]
    ) -> GpuLease:
        """Return a lease of what `wish` asks for, as soon as it can be had.

        `on_place` hears of every change of the place in the queue; it is not called when nobody has
        to wait. Cancelled, the place is given up. A wish that is not required is answered at once,
        perhaps with a lease of nothing.

        Raises NoGpuError when no waiting would help.
        """
        entry = _Waiting(holder, wish, on_place, asyncio.get_running_loop().create_future())
        self._books.queue.append(entry)
        try:
            await self._settle()
            if not entry.granted.done() and not self._looking:
                self._looking = True
                self._spawn(self._look_again())
            return await asyncio.shield(entry.granted)
        except BaseException:
            self._give_up(entry)
            raise

    async def unasked(self) -> Mapping[str, str]:
        """Return the variables of a plugin that asks for no GPU: it sees what nobody holds."""
        if self._on_request:
            return self.probe.variables(())
        taken = {
            uuid
            for uuid, holds in self._books.held.items()
            if any(not hold.shared for hold in holds)
        }
        if not taken:
            return {}
        inventory = await self.inventory()
        return self.probe.variables([gpu.uuid for gpu in inventory.gpus if gpu.uuid not in taken])

    def adopt(self, record: Mapping[str, Any]) -> GpuLease:
        """Return the lease of a plugin that outlived its engine, from `GpuLease.as_record`."""
        hold = Hold(str(record["holder"]), bool(record["shared"]), int(record["memory_bytes"]))
        lease = GpuLease(
            tuple(record["uuids"]),
            hold,
            indices=tuple(record.get("indices", ())),
            variables=self.probe.variables(record["uuids"]),
            on_release=self._released,
        )
        for uuid in lease.uuids:
            self._books.held.setdefault(uuid, []).append(hold)
        return lease

    async def close(self) -> None:
        """Let nobody wait any more."""
        for entry in self._books.queue:
            entry.granted.cancel()
        self._books.queue.clear()
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _give_up(self, entry: _Waiting) -> None:
        if entry in self._books.queue:
            self._books.queue.remove(entry)
            self._spawn(self._settle())
            return
        if not entry.granted.done() or entry.granted.cancelled():
            return
        if entry.granted.exception() is None:
            entry.granted.result().release()

    def _released(self, lease: GpuLease) -> None:
        for uuid in lease.uuids:
            # One of equal holds is as good as the other.
            self._books.held[uuid].remove(lease.hold)
        for descriptor in lease.held_fds:
            os.close(descriptor)
        if self._books.queue:
            self._spawn(self._settle())

    async def _look_again(self) -> None:
        """While somebody waits: others, outside of any lease, may have left a card."""
        try:
            while self._books.queue:
                await self._clock.sleep(_LOOK_AGAIN_S)
                await self._settle()
        finally:
            self._looking = False

    async def _settle(self) -> None:
        """Give everybody who waits what he can have now, in order, and tell the others."""
        async with self._settling:
            inventory = await self.inventory()
            promised: set[str] = set()
            places: list[tuple[_Waiting, str]] = []
            for entry in list(self._books.queue):
                reason = await self._serve(entry, inventory, promised)
                if reason is not None:
                    places.append((entry, reason))
                    promised.update(gpu.uuid for gpu in suitable(entry.wish, inventory))
            for position, (entry, reason) in enumerate(places, start=1):
                place = Place(position, len(places), reason)
                if place != entry.place:
                    entry.place = place
                    entry.on_place(place)

    async def _serve(
        self, entry: _Waiting, inventory: GpuInventory, promised: set[str]
    ) -> str | None:
        """Answer an entry of the queue; return why it has to wait instead, if it has."""
        wish = replace(entry.wish, shared=entry.wish.shared or self._share_all)
        elsewhere: dict[str, list[Hold]] = {}
        while True:
            decision = decide(wish, inventory, {**self._books.held, **elsewhere}, promised)
            if isinstance(decision, Wait):
                return decision.reason
            if isinstance(decision, Refuse):
                error = NoGpuError(decision.message, hint=decision.hint)
                self._answer(entry, error)
                return None
            foreign = await self._take(entry, decision, shared=wish.shared)
            if foreign is None:
                return None
            elsewhere[foreign] = [Hold(_OTHER_ENGINE)]

    async def _take(self, entry: _Waiting, decision: Take, *, shared: bool) -> str | None:
        """Lock the cards and grant the lease; return the card that another engine has, if any."""
        uuids = tuple(gpu.uuid for gpu in decision.gpus)
        descriptors: list[int] = []
        for uuid in uuids if self._locks is not None else ():
            assert self._locks is not None
            try:
                descriptor = await asyncio.to_thread(lock_card, self._locks, uuid, shared=shared)
            except OSError as error:
                _LOG.warning("GPU leases are not seen by other engines: %s", error)
                break
            if descriptor is None:
                for held in descriptors:
                    os.close(held)
                return uuid
            descriptors.append(descriptor)
        if entry not in self._books.queue:
            # Who wished has left meanwhile.
            for held in descriptors:
                os.close(held)
            return None
        hold = Hold(entry.holder, shared, entry.wish.memory_bytes)
        for uuid in uuids:
            self._books.held.setdefault(uuid, []).append(hold)
        lease = GpuLease(
            uuids,
            hold,
            indices=tuple(gpu.index for gpu in decision.gpus),
            variables=self.probe.variables(uuids),
            held_fds=tuple(descriptors),
            on_release=self._released,
        )
        self._answer(entry, lease)
        return None

    def _answer(self, entry: _Waiting, answer: GpuLease | NoGpuError) -> None:
        self._books.queue.remove(entry)
        if isinstance(answer, NoGpuError):
            entry.granted.set_exception(answer)
        else:
            entry.granted.set_result(answer)

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
