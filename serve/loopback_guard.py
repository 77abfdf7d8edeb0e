"""Keeps web pages away from an API that has no password because it listens on loopback only.

A page on the internet can make the browser of whoever runs Ludus send requests to 127.0.0.1. Two checks stop it:
a Host that is not loopback means the page's own name was made to point here (DNS rebinding); an Origin that is not
loopback on anything but a read means a page elsewhere sent it (cross-site request forgery).
"""
from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

LOOPBACK_HOSTS = {"127.0.0.1", "localhost", "::1"}
READS = {"GET", "HEAD", "OPTIONS"}


class LoopbackGuard:
    """ASGI middleware: answers 421 to a foreign Host, 403 to a change asked for by a foreign Origin."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on, or answers it."""
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            host, origin = headers.get("host", ""), headers.get("origin")
            if _hostname(f"//{host}") not in LOOPBACK_HOSTS:
                refusal = _refusal(421, f'Host "{host}" is not this machine: use 127.0.0.1 or localhost')
                return await refusal(scope, receive, send)
            if scope["method"] not in READS and origin is not None and _hostname(origin) not in LOOPBACK_HOSTS:
                refusal = _refusal(403, f'a page of "{origin}" may not change runs on this machine')
                return await refusal(scope, receive, send)
        return await self._app(scope, receive, send)


def _hostname(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:  # "//[" and the like
        return None


def _refusal(status: int, sentence: str) -> JSONResponse:
    return JSONResponse({"detail": sentence}, status)
