"""What JSON and HTML faces share: who calls, what a route allows, bodies read strictly, refusals written out."""

import json
import re
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Annotated, Any, cast
from urllib.parse import parse_qsl, quote, urlencode
from uuid import UUID

import msgspec
from litestar import Request, Response
from litestar.connection import ASGIConnection
from litestar.enums import ScopeType
from litestar.exceptions import HTTPException, ValidationException
from litestar.handlers import BaseRouteHandler
from litestar.params import HeaderParameter
from litestar.types import ASGIApp, HTTPReceiveMessage, Receive, Scope, Send
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from policies.vocabulary import Action
from service.counting import count_refusal
from service.gate import Done, Gate
from service.kernel.actor import THIS_MACHINE, Actor
from service.kernel.errors import (
    Malformed,
    NotFound,
    NotPermitted,
    NotSignedIn,
    Refusal,
)
from service.kernel.failures import is_no_text, is_out_of_time, translated, unanswered
from service.kernel.letting_in import kept_out
from service.kernel.problems import problem
from service.kernel.texts import Reason

BODY_BYTES_MAX = 65_536
BATCH_BYTES_MAX = 1_048_576
DOCUMENT_BYTES_MAX = 14 * 1024 * 1024  # ten megabytes in base64, and what is said about them
QUERY_CHARACTERS_MAX = 2_000
WHO = "actor"  # the query parameter that may hold the name of an account
ACCOUNT = text("SELECT id FROM public.account WHERE name = :name")
KEY = re.compile(r"[\x21-\x7e]{1,128}\Z")
CONTRACT = frozenset({"/api", "/api/openapi.json", "/api/{path:str}"})
FIELD = re.compile(r"`\$\.([A-Za-z_][A-Za-z0-9_.\[\]]*)`|field `([A-Za-z_][A-Za-z0-9_]*)`")
"""How a decoder names the field it stumbled over: its path, or a field that is missing or unknown."""
PROBLEM_JSON = "application/problem+json"

HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}

IdempotencyKey = Annotated[
    str,
    HeaderParameter(
        name="Idempotency-Key",
        description="Scoped to the account: the same key and body give the same answer.",
    ),
]


class Seen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The version of the object that the caller looked at."""

    version: int


class SeenWithReason(Seen, frozen=True, forbid_unknown_fields=True):
    """The version seen, and why."""

    reason: Reason


class WrongMediaType(Malformed):
    """415. The body's content type is not the declared one."""

    status = 415


class BodyTooLarge(Malformed):
    """413. The body exceeds the limit of the route."""

    status = 413


class ForeignQuery(Malformed):
    """400. A query parameter this route does not know."""


@dataclass(frozen=True, slots=True)
class Allows:
    """Guard of a route: the action it stands for. A sensitive read leaves an entry."""

    action: Action
    sensitive: bool = False

    async def __call__(self, connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        """Let the caller pass, or refuse and record it."""
        gate: Gate = connection.app.state.gate
        actor = actor_of(connection)
        if (why := kept_out(actor, self.action)) is not None:
            raise why
        decision = gate.policy.decide(actor.roles, self.action)
        if not decision.allowed:
            raise NotPermitted(decision.reason, rule=decision.rule)
        refuse_foreign_query(connection)
        if self.sensitive:
            await gate.record_read(actor, self.action, **await asked(connection.scope, gate, actor))


async def asked(scope: Scope, gate: Gate, reader: Actor) -> dict[str, str]:
    """Return what a read asked for, spelled so that it can stand in an entry. Raises Malformed if it is too long.

    Persons stand in the log by identifiers only: the name of an account that was asked for becomes its id.
    """
    query = scope["query_string"].decode("latin-1")
    if len(query) > QUERY_CHARACTERS_MAX:
        raise Malformed(f"A query has at most {QUERY_CHARACTERS_MAX} characters.")
    named = parse_qsl(query, keep_blank_values=True)
    if any(name == WHO and value for name, value in named):
        async with gate.offices[reader.office].connect() as connection:
            by_id = [
                (name, await id_of(connection, value) if name == WHO else value) for name, value in named
            ]
        query = urlencode(by_id)
    told = {"path": quote(scope["path"]), "query": quote(query, safe="%&+,-./:=_~")}
    return {name: value for name, value in told.items() if value}


async def id_of(connection: AsyncConnection, said: str) -> str:
    """Return the id of the account of this name; what is an id stays, and what nobody is called is not repeated."""
    try:
        return str(UUID(said))
    except ValueError:
        found = None if "\x00" in said else await connection.scalar(ACCOUNT, {"name": said})
        return "unknown" if found is None else str(found)


def device_of(scope: Scope) -> str | None:
    """Return the machine that a request comes from: its address; this very one goes by whatever address."""
    client = scope.get("client")
    if not client:
        return None
    try:
        return THIS_MACHINE if ip_address(client[0]).is_loopback else client[0]
    except ValueError:
        return client[0]


def actor_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Actor:
    """Return who is signed in on this connection. Raises NotSignedIn, Misdirected."""
    state = connection.scope.get("state", {})
    if "misdirected" in state:
        raise state["misdirected"]
    actor = state.get("actor")
    if actor is None:
        raise NotSignedIn
    return cast("Actor", actor)


def refuse_foreign_query(connection: ASGIConnection[Any, Any, Any, Any]) -> None:
    """Refuse a query parameter that the route does not name, or that no database could look up."""
    if not connection.query_params:
        return
    handler = connection.scope["route_handler"]
    known = set(handler.parsed_fn_signature.parameters)
    for name, value in connection.query_params.multi_items():
        if name.replace("-", "_") not in known and name.removesuffix("_") + "_" not in known:
            raise ForeignQuery(f"There is no query parameter {name!r} here.", field=name)
        if not value.isprintable():
            raise ForeignQuery(f"The query parameter {name!r} holds what cannot be seen.", field=name)


async def provide_actor(request: Request[Any, Any, Any]) -> Actor:
    """Dependency ``actor``."""
    return actor_of(request)


async def provide_gate(request: Request[Any, Any, Any]) -> Gate:
    """Dependency ``gate``."""
    return cast("Gate", request.app.state.gate)


async def provide_reads(request: Request[Any, Any, Any]) -> AsyncIterator[AsyncSession]:
    """Dependency ``reads``: a read-only session on the caller's own office login."""
    gate: Gate = request.app.state.gate
    engine = gate.offices[actor_of(request).office].execution_options(postgresql_readonly=True)
    async with AsyncSession(engine) as session:
        yield session


def checked_key(key: str) -> str:
    """Return a usable idempotency key. Raises Malformed."""
    if KEY.match(key) is None:
        raise Malformed("An Idempotency-Key has 1 to 128 visible ASCII characters.", field="Idempotency-Key")
    return key


def answer(done: Done) -> Response[Any]:
    """Return the act's answer with its own status."""
    if done.status == 204:  # noqa: PLR2004
        return Response(None, status_code=204)
    return Response(done.answer, status_code=done.status)


class StrictBodies:
    """Middleware of ``/api``: content type, size, and no duplicate keys, before anything is decoded."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body whole, check it, hand it on."""
        if (
            scope["type"] != ScopeType.HTTP
            or scope["method"] in ("GET", "HEAD", "OPTIONS")
            or not is_api(scope["path"])
        ):
            await self.app(scope, receive, send)
            return
        must_stand_once(scope)
        body = await whole_body(receive, bytes_max(scope["path"]))
        if body or scope["method"] != "DELETE":
            check_json(dict(scope["headers"]).get(b"content-type", b"").decode("latin-1"), body)

        async def replay() -> HTTPReceiveMessage:
            return {"type": "http.request", "body": body, "more_body": False}

        await self.app(scope, replay, send)


def must_stand_once(scope: Scope) -> None:
    """Raise Malformed if a header that decides how a request is read stands twice."""
    names = [name for name, _ in scope["headers"]]
    for header in ("Content-Type", "Idempotency-Key"):
        if names.count(header.lower().encode()) > 1:
            raise Malformed(f"The header {header} stands twice.", field=header)


def bearer_token(scope: Scope) -> str | None:
    """Return the token of the one ``Authorization`` header; two of them name nobody."""
    said = [value.decode("latin-1") for name, value in scope["headers"] if name == b"authorization"]
    words = said[0].split(" ") if len(said) == 1 else []
    return words[1] if len(words) == 2 and words[0].lower() == "bearer" else None  # noqa: PLR2004


def is_api(path: str) -> bool:
    """Tell whether a path belongs to the JSON interface."""
    return path == "/api" or path.startswith(("/api/", "/audit/"))


def is_batch(path: str) -> bool:
    """Tell whether a route takes many commands at once."""
    return path.rstrip("/") in ("/api/trades/batch", "/api/acts")


def bytes_max(path: str) -> int:
    """Return how large the body of a request may be."""
    if path.rstrip("/") == "/api/documents":
        return DOCUMENT_BYTES_MAX
    large = is_batch(path) or path.rstrip("/") == "/api/policy/drafts"
    return BATCH_BYTES_MAX if large else BODY_BYTES_MAX


async def whole_body(receive: Receive, bytes_max: int) -> bytes:
    """Return the request's body. Raises BodyTooLarge without reading on."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise Malformed("The body ended early.")
        body += message.get("body") or b""
        if len(body) > bytes_max:
            raise BodyTooLarge(f"The body exceeds {bytes_max} bytes.")
        if not message.get("more_body"):
            return bytes(body)


def check_json(content_type: str, body: bytes) -> None:
    """Refuse a body that is not declared as JSON, is none, or names a key twice."""
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise WrongMediaType("The body must be application/json.", field="Content-Type")
    try:
        json.loads(body.decode("utf-8"), object_pairs_hook=unique_keys, parse_constant=no_constant)
    except (ValueError, RecursionError) as failure:  # no UTF-8, no JSON, a number of thousands of digits
        raise Malformed(f"The body is not JSON: {failure}.") from failure


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the object. Raises Malformed if a key stands twice."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            said = key.encode(errors="backslashreplace").decode()  # half a surrogate pair cannot be answered
            raise Malformed(f"The key {key!r} stands twice.", field=said)
        found[key] = value
    return found


def no_constant(name: str) -> None:
    """Refuse NaN and Infinity, which JSON does not know."""
    raise Malformed(f"{name} is not JSON.")


def as_refusal(failure: Exception) -> Refusal | None:
    """Return the refusal that a framework's exception amounts to; None for a bug."""
    if isinstance(failure, Refusal):
        return failure
    if is_out_of_time(failure) or is_no_text(failure):
        return translated(failure)
    if isinstance(failure, ValidationException):
        return shape_refusal(failure)
    if isinstance(failure, HTTPException) and failure.status_code < 500:  # noqa: PLR2004
        if failure.status_code == 404:  # noqa: PLR2004
            return NotFound("address")
        refusal = Malformed(failure.detail or "The request cannot be read.")
        refusal.status = failure.status_code  # type: ignore[misc]
        return refusal
    return None


def shape_refusal(failure: ValidationException) -> Refusal:
    """Return a 400 that names the field and the rule in words."""
    extra: Iterable[Any] = failure.extra if isinstance(failure.extra, list) else []
    for finding in extra:
        if isinstance(finding, dict):
            sentence, key = str(finding.get("message", failure.detail)), str(finding.get("key") or "")
            key = key.removesuffix("_")  # a handler's name for a parameter whose own name is taken
            return Malformed(sentence, field=key if key not in ("", "data") else named_field(sentence))
    return Malformed(failure.detail)


def named_field(sentence: str) -> str | None:
    """Return the field that a decoder's message names, if it does."""
    found = FIELD.search(sentence)
    return next(filter(None, found.groups()), None) if found else None


async def record_outside_gate(failure: Exception, scope: Scope) -> None:
    """Hook after an exception: a signed-in caller's refusal that the gate did not record is recorded now."""
    refusal = as_refusal(failure)
    scope["state"]["refusal"] = refusal  # None too: a refusal whose entry could not be written is none
    if refusal is None:
        return
    actor = scope["state"].get("actor")
    action = action_of(scope.get("route_handler"))
    if actor is None and isinstance(refusal, NotSignedIn) and refusal.decision is None:
        client = scope.get("client")
        scope["litestar_app"].state.bank.hear(client[0] if client else "unknown")
    if actor is None or action is None or refusal.decision is not None:
        return
    count_refusal(action, refusal)
    gate: Gate = scope["litestar_app"].state.gate
    trade: object = scope.get("path_params", {}).get("trade")
    await gate.refuse(actor, action, refusal, trade if isinstance(trade, UUID) else None)


def action_of(handler: object) -> Action | None:
    """Return the action a route stands for."""
    if not isinstance(handler, BaseRouteHandler):
        return None
    return next((guard.action for guard in handler.resolve_guards() if isinstance(guard, Allows)), None)


def write_problem(request: Request[Any, Any, Any], failure: Exception) -> Response[Any]:
    """Exception handler of the interface: problem+json with code, rule and decision id."""
    refusal = request.scope["state"].get("refusal") or as_refusal(failure) or unanswered(failure)
    if refusal is None:
        body = {
            "type": "urn:trennwand:problem:internal",
            "title": "Internal error",
            "status": 500,
            "detail": "This is a fault of the service; nothing was changed. It has been logged.",
            "code": "internal",
        }
        return Response(body, status_code=500, media_type=PROBLEM_JSON, headers=HEADERS)
    return Response(problem(refusal), status_code=refusal.status, media_type=PROBLEM_JSON, headers=HEADERS)
