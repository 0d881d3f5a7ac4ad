"""The way between the engine and its workers: a listener with tickets, and channels of frames."""

from imjoy_engine.transport.channel import Channel
from imjoy_engine.transport.listener import Arrival, Ticket, WorkerListener, arrival_or_exit
from imjoy_engine.transport.numbered import Receiver, receive_numbered

__all__ = [
    "Arrival",
    "Channel",
    "Receiver",
    "Ticket",
    "WorkerListener",
    "arrival_or_exit",
    "receive_numbered",
]
