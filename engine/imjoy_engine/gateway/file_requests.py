"""The file manager's events: fields checked, then handed to the file service."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from imjoy_engine.errors import BadRequestError
from imjoy_engine.gateway.files import FileService
from imjoy_engine.session import Session

__all__ = ["file_requests"]

Payload = Mapping[str, Any]
FileRequest = Callable[[Session, Payload], Awaitable[dict[str, Any]]]


def file_requests(files: FileService) -> dict[str, FileRequest]:
    """Return the handlers by the names of their events."""

    async def list_dir(session: Session, payload: Payload) -> dict[str, Any]:
        return await files.list_dir(
            _text(payload, "path"),
            _text(payload, "type"),
            bool(payload.get("recursive")),
            workspace=session.workspace,
        )

    async def remove_files(session: Session, payload: Payload) -> dict[str, Any]:
        return await files.remove_files(
            _needed(payload, "path"),
            _text(payload, "type"),
            bool(payload.get("recursive")),
            workspace=session.workspace,
        )

    async def get_file_url(session: Session, payload: Payload) -> dict[str, Any]:
        answer = await files.get_file_url(_needed(payload, "path"), workspace=session.workspace)
        return _seen_from(payload, files.base_url, answer)

    async def get_file_path(session: Session, payload: Payload) -> dict[str, Any]:
        return await files.get_file_path(_needed(payload, "url"), workspace=session.workspace)

    async def request_upload_url(session: Session, payload: Payload) -> dict[str, Any]:
        answer = await files.request_upload_url(
            _text(payload, "path"),
            _text(payload, "dir"),
            bool(payload.get("overwrite")),
            workspace=session.workspace,
        )
        return _seen_from(payload, files.base_url, answer)

    handlers = (list_dir, remove_files, get_file_url, get_file_path, request_upload_url)
    return {handler.__name__: handler for handler in handlers}


def _text(payload: Payload, key: str) -> str | None:
    value = payload.get(key)
    if value is not None and not isinstance(value, str):
        raise BadRequestError(f'"{key}" is not text.', hint=f'Send "{key}" as a string.')
    return value


def _needed(payload: Payload, key: str) -> str:
    value = _text(payload, key)
    if not value:
        raise BadRequestError(f'The request has no "{key}".', hint=f'Send "{key}" as a string.')
    return value


def _seen_from(payload: Payload, own: str, answer: dict[str, Any]) -> dict[str, Any]:
    """Return the answer with its link as the client reaches the engine: through a tunnel, say."""
    base = _text(payload, "base_url")
    if not base:
        return answer
    parts = urlsplit(base)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise BadRequestError(
            f'"base_url" {base!r} is no web address.', hint="Leave it out, or send the page's own."
        )
    return {**answer, "url": base.rstrip("/") + answer["url"].removeprefix(own.rstrip("/"))}
