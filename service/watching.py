"""Around the whole application: each request gets an id, is counted, and becomes one line of what the process says."""

import itertools
import time
from functools import lru_cache
from typing import Any, Final

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from service.faces import action_of
from service.journal import Requests, stated
from service.kernel.actor import Actor
from service.kernel.errors import Refusal
from service.kernel.identifiers import traced, uuid7
from service.measures import MEASURES

NOWHERE: Final = "none"
"""The route of an address that leads nowhere; what was typed is not repeated."""
METHODS: Final = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
ID_HEADER: Final = b"x-request-id"
PROCESS: Final = uuid7()
NUMBERS: Final = itertools.count(1)
"""A request's id is its process and its number there."""


class Watched:
    """The application with somebody who looks on."""

    def __init__(self, app: ASGIApp, requests: Requests) -> None:
        self.app = app
        self.requests = requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, and tell of it; whatever the application does to the request is seen in ``scope``."""
        if scope["type"] != ScopeType.HTTP:
            await self.app(scope, receive, send)
            return
        http: HTTPScope = scope
        told_id, status, began = f"{PROCESS}-{next(NUMBERS):x}", 0, time.perf_counter()

        async def seen(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (ID_HEADER, told_id.encode())]
            await send(message)

        MEASURES.in_progress += 1
        try:
            await self.app(scope, receive, seen)
        finally:
            MEASURES.in_progress -= 1
            self._tell(http, told_id, status, time.perf_counter() - began)

    def _tell(self, scope: HTTPScope, told_id: str, status: int, seconds: float) -> None:
        """Count the request and write its line; 0 stands for a caller that went before its answer began."""
        method = scope["method"] if scope["method"] in METHODS else "OTHER"
        route = scope.get("path_template") or NOWHERE
        road = MEASURES.roads[method, route]
        road.statuses[status] += 1
        road.seconds.add(seconds)
        if self.requests.style != "quiet":
            told: dict[str, object] = {
                "ts": stated(time.time_ns() // 1_000_000),
                "level": "error" if status >= 500 else "info",  # noqa: PLR2004
                "event": "request",
                "id": told_id,
                "method": method,
                "route": route,
                "status": status,
                "ms": round(seconds * 1000, 3),
            }
            self.requests.tell(told | who_and_what(scope, status))


def who_and_what(scope: HTTPScope, status: int) -> dict[str, Any]:
    """Return actor, office, act and outcome, by identifiers and names of ours; ``req`` ties the line to the log's entry."""
    state = scope.get("state") or {}
    actor, act, refusal = state.get("actor"), act_of(scope.get("route_handler")), state.get("refusal")
    told = {"outcome": "failed" if status >= 500 or not status else "refused" if status >= 400 else "done"}  # noqa: PLR2004
    if isinstance(actor, Actor):
        told |= {"actor": str(actor.account), "office": actor.office.value}
    if act is not None:
        told["act"] = act
    if isinstance(refusal, Refusal):
        told["code"] = refusal.code
        if refusal.decision is not None:
            told["decision"] = refusal.decision
    for name, value in scope["headers"]:
        if name == b"idempotency-key":
            told["req"] = traced(value.decode("latin-1")) or ""
    return told


@lru_cache(4096)
def act_of(handler: object) -> str | None:
    """Return the act that a route stands for."""
    action = action_of(handler)
    return None if action is None else action.value
