"""The log over JSON and as files: searched by compliance and internal audit, fetched by whoever verifies it."""

import asyncio
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from litestar.response import File
from sqlalchemy.ext.asyncio import AsyncSession

from audit.note import VerifierKey
from policies.vocabulary import Action, Office
from service.audit_trail import published
from service.audit_trail.published import NoSuchFile, NotYetPublished
from service.audit_trail.sequencer import LogContradiction
from service.compliance import catalogue_api, evidence, queries, rebuild, rights_api
from service.compliance.evidence import Wish
from service.compliance.queries import Outcome, Wanted, instant
from service.faces import Allows, IdempotencyKey, actor_of, answer, asked, checked_key
from service.gate import Gate
from service.kernel.actor import Actor as Acting
from service.kernel.errors import NotFound, NotPermitted, Refusal
from service.kernel.paging import Order
from service.kernel.texts import Reason
from service.settings import Settings
from service.trades.api import Past

OCTETS = "application/octet-stream"
ZIP = "application/zip"
NDJSON = "application/x-ndjson"
TEXT = "text/plain"

Limit = Annotated[int, QueryParameter(ge=1, le=200)]
Actor = Annotated[str | None, QueryParameter(name="actor", min_length=1, max_length=64)]
Object = Annotated[UUID | None, QueryParameter(name="object")]
From = Annotated[str | None, QueryParameter(name="from", max_length=40)]
To = Annotated[str | None, QueryParameter(max_length=40)]
Moment = Annotated[str, msgspec.Meta(max_length=40)] | None


class NotYetSigned(Refusal):
    """404. The entry waits for the next checkpoint; within a second or two it is signed."""

    status = 404


class LogUnsound(Refusal):
    """503. The published files do not bear out what the database says; the verifier tells more."""

    status = 503


class EntryApi(Controller):
    """The log, searched. Looking is an entry too."""

    path = "/api/entries"
    tags = ("log",)

    @get(guards=[Allows(Action.ENTRY_READ, sensitive=True)])
    async def index(
        self,
        reads: NamedDependency[AsyncSession],
        actor_: Actor = None,
        action: FromQuery[Action | None] = None,
        object_: Object = None,
        outcome: FromQuery[Outcome | None] = None,
        from_: From = None,
        to: To = None,
        trade: FromQuery[UUID | None] = None,
        office: FromQuery[Office | None] = None,
        sort: FromQuery[Order] = Order.NEWEST,
        cursor: FromQuery[str | None] = None,
        limit: Limit = 50,
    ) -> dict[str, Any]:
        """List entries, newest first or oldest first. ``actor``: an account's name or id, or a person's id; ``to`` is exclusive."""
        wanted = Wanted(
            actor=actor_,
            action=action,
            object_id=object_,
            outcome=outcome,
            since=instant(from_, "from"),
            before=instant(to, "to"),
            trade_id=trade,
            office=office,
        )
        return await queries.entries(reads, wanted, limit, cursor, sort)

    @get("/trades/{trade:uuid}", guards=[Allows(Action.ENTRY_READ, sensitive=True)])
    async def story(
        self,
        reads: NamedDependency[AsyncSession],
        trade: FromPath[UUID],
        office: FromQuery[Office | None] = None,
        outcome: FromQuery[Outcome | None] = None,
        cursor: FromQuery[str | None] = None,
        limit: Limit = 50,
    ) -> dict[str, Any]:
        """Tell what a deal went through in every office, refusals too, oldest first."""
        wanted = Wanted(trade_id=trade, office=office, outcome=outcome)
        return await queries.story(reads, wanted, limit, cursor)


class LogApi(Controller):
    """The log as files (C2SP tlog-tiles), and single proofs, for those who verify it themselves."""

    path = "/audit/v1"
    tags = ("log",)

    @get("/checkpoint", guards=[Allows(Action.LOG_READ)], media_type=TEXT)
    async def checkpoint(self, request: Request[Any, Any, Any]) -> Response[bytes]:
        """Return the newest signed checkpoint, a signed note."""
        return await log_file(TEXT, published.checkpoint, directory_of(request))

    @get("/tile/entries/{path:path}", guards=[Allows(Action.LOG_READ, sensitive=True)], media_type=OCTETS)
    async def entries(self, request: Request[Any, Any, Any], path: FromPath[str]) -> Response[bytes]:
        """Return a bundle of entries, each behind its length in two bytes."""
        return await log_file(OCTETS, published.tile, directory_of(request), f"entries{path}")

    @get("/tile/{path:path}", guards=[Allows(Action.LOG_READ)], media_type=OCTETS)
    async def tile(self, request: Request[Any, Any, Any], path: FromPath[str]) -> Response[bytes]:
        """Return a tile of hashes, 32 bytes each."""
        return await log_file(OCTETS, published.tile, directory_of(request), path.removeprefix("/"))

    @get("/proof/{leaf_hash:str}", guards=[Allows(Action.LOG_READ)])
    async def proof(
        self,
        reads: NamedDependency[AsyncSession],
        gate: NamedDependency[Gate],
        request: Request[Any, Any, Any],
        leaf_hash: FromPath[str],
    ) -> dict[str, Any]:
        """Return where the entry of this leaf hash stands, with the hashes and the checkpoint that prove it."""
        index, leaf = await queries.index_of(reads, leaf_hash)
        return await proved(directory_of(request), gate.log_key, index, leaf)


class EvidenceAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of what evidence is wanted: a deal, a person, a period (``to`` is exclusive), or all business rows; and why."""

    scope: Literal["trade", "person", "period", "rows"]
    reason: Reason
    trade: UUID | None = None
    person: UUID | None = None
    from_: Moment = msgspec.field(default=None, name="from")
    to: Moment = None


class EvidenceApi(Controller):
    """Evidence packs, and the past of a deal told again from its entries."""

    path = "/api/evidence"
    tags = ("log",)

    @post(guards=[Allows(Action.EVIDENCE_EXPORT)], status_code=201)
    async def export(
        self,
        request: Request[Any, Any, Any],
        gate: NamedDependency[Gate],
        actor: NamedDependency[Acting],
        key: IdempotencyKey,
        data: JSONBody[EvidenceAsked],
    ) -> Response[Any]:
        """Make a pack that proves itself; the export is an entry with its digest."""
        times = instant(data.from_, "from"), instant(data.to, "to")
        wish = Wish(data.scope, data.reason, data.trade, data.person, *times)
        bank = request.app.state.bank
        done = await evidence.export(
            gate, bank.settings, actor, wish, publish=bank.publish, key=checked_key(key)
        )
        return answer(done)

    @get("/trades/{trade:uuid}", guards=[Allows(Action.ENTRY_READ, sensitive=True)])
    async def trade(
        self,
        reads: NamedDependency[AsyncSession],
        gate: NamedDependency[Gate],
        trade: FromPath[UUID],
        as_of: Annotated[str | None, QueryParameter(max_length=40)] = None,
    ) -> dict[str, Any]:
        """Return a deal as of an instant (with its zone; without one: now), told by entries alone."""
        return await rebuild.trade_as_of(reads, trade, instant(as_of, "as_of") or gate.clock.now())

    @get(
        "/{digest:str}",
        guards=[Allows(Action.EVIDENCE_EXPORT, sensitive=True)],
        media_type=ZIP,
        opt={"answers_as": (ZIP, NDJSON)},
    )
    async def fetch(
        self, request: Request[Any, Any, Any], actor: NamedDependency[Acting], digest: FromPath[str]
    ) -> File:
        """Return a pack that the caller's own office exported, as a file."""
        return evidence_file(request.app.state.bank.settings, actor, digest)


async def provide_past(request: Request[Any, Any, Any]) -> Past:
    """Dependency ``past``: a deal as it was, for whoever may read the log; that they looked is an entry."""
    gate: Gate = request.app.state.gate
    actor = actor_of(request)

    async def past(reads: AsyncSession, trade: UUID, as_of: str) -> dict[str, Any]:
        decision = gate.policy.decide(actor.roles, Action.ENTRY_READ)
        if not decision.allowed:
            raise NotPermitted(decision.reason, rule=decision.rule)
        until = instant(as_of, "as_of")
        assert until is not None
        await gate.record_read(actor, Action.ENTRY_READ, **await asked(request.scope, gate, actor))
        return await rebuild.trade_as_of(reads, trade, until)

    return past


def evidence_file(settings: Settings, actor: Acting, digest: str) -> File:
    """Return what an office exported, as a file to be kept. Raises NotFound."""
    path = evidence.file_of(settings, actor, digest)
    kind = ZIP if path.suffix == ".zip" else NDJSON
    return File(path, filename=f"evidence-{digest[:16]}{path.suffix}", media_type=kind)


def directory_of(request: Request[Any, Any, Any]) -> Path:
    """Return where this bank's log is published."""
    directory: Path = request.app.state.bank.settings.log_directory
    return directory


async def log_file(kind: str, read: Any, *where: Any) -> Response[bytes]:
    """Return one file of the log, read beside the event loop. Raises NotFound."""
    try:
        content = await asyncio.to_thread(read, *where)
    except NoSuchFile:
        raise NotFound("file of the log") from None
    return Response(content, media_type=kind)


async def proved(directory: Path, key: VerifierKey, index: int, leaf: bytes) -> dict[str, Any]:
    """Return the checked proof. Raises NotYetSigned or LogUnsound."""
    try:
        proof = await asyncio.to_thread(published.prove, directory, key, index, leaf)
    except (NotYetPublished, NoSuchFile):
        raise NotYetSigned("This entry has its place, but no checkpoint reaches it yet. Ask again.") from None
    except LogContradiction as broken:
        raise LogUnsound("The published log does not bear this entry out. Verify the log.") from broken
    return {
        "index": proof.index,
        "size": proof.size,
        "leaf": proof.leaf.hex(),
        "proof": [one.hex() for one in proof.hashes],
        "checkpoint": proof.note.decode(),
    }


ROUTES = [EntryApi, EvidenceApi, LogApi, *rights_api.ROUTES, *catalogue_api.ROUTES]
