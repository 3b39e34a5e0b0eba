"""The log searched, and one entry with the proof that it stands there."""

import json
from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import File, Redirect
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action
from service import page_forms, page_frame
from service.compliance import catalogue_pages, evidence, person_pages, queries
from service.compliance.api import (
    EvidenceAsked,
    LogUnsound,
    NotYetSigned,
    directory_of,
    evidence_file,
    proved,
)
from service.compliance.evidence import Wish
from service.compliance.queries import Outcome, Wanted, instant
from service.faces import Allows, checked_key
from service.gate import Gate
from service.kernel.actor import Actor
from service.kernel.errors import Malformed, Refusal
from service.kernel.paging import Order
from service.page_frame import Page
from service.settlement.pages import deal_names
from service.ui.formats import typed_moment
from service.ui.languages import N_, Words

ROWS = 50
FORM = "filter"
EXPORT = "evidence.export"
ABOUT = {
    "trade": N_("a deal"),
    "person": N_("a person"),
    "period": N_("a period"),
    "rows": N_("all business rows"),
}


class EntryPages(Controller):
    """The log."""

    path = "/entries"
    include_in_schema = False

    @get("/", guards=[Allows(Action.ENTRY_READ, sensitive=True)])
    async def index(
        self,
        page: NamedDependency[Page],
        reads: NamedDependency[AsyncSession],
        actor_: Annotated[str, QueryParameter(name="actor")] = "",
        action: FromQuery[str] = "",
        object_: Annotated[str, QueryParameter(name="object")] = "",
        outcome: FromQuery[str] = "",
        from_: Annotated[str, QueryParameter(name="from")] = "",
        to: FromQuery[str] = "",
        trade: FromQuery[str] = "",
        sort: FromQuery[str] = "",
        hide: FromQuery[str] = "",
        cursor: FromQuery[str] = "",
    ) -> Response[str]:
        """Show entries, newest first or oldest first; what cannot be searched for is said beside its field."""
        typed = {"actor": actor_, "action": action, "object": object_, "outcome": outcome}
        typed |= {"from": from_, "to": to, "trade": trade}
        found: dict[str, Any] = {"items": [], "next": None}
        status, order = 200, Order.NEWEST
        try:
            order = page_forms.one_of(Order, sort, "sort") or order
            found = await queries.entries(reads, wanted(typed), ROWS, cursor or None, order)
        except Malformed as malformed:
            page.said = page_frame.refused(Action.ENTRY_READ, malformed, FORM, typed)
            status = malformed.status
        return page.show(
            "compliance/templates/entries.html",
            status=status,
            hide=hide,
            rows=found["items"],
            next=found["next"],
            deals=await deal_names(reads, [row for row in found["items"] if row["trade"]]),
            typed=typed,
            order=order.value,
            actions=list(Action),
            outcomes=list(Outcome),
        )

    @get("/{entry_id:uuid}", guards=[Allows(Action.ENTRY_READ, sensitive=True)])
    async def show(
        self,
        page: NamedDependency[Page],
        reads: NamedDependency[AsyncSession],
        gate: NamedDependency[Gate],
        entry_id: FromPath[UUID],
    ) -> Response[str]:
        """Show an entry as it was hashed, with its inclusion proof under the newest signed checkpoint."""
        entry = await queries.entry(reads, entry_id)
        proof, missing = None, None
        if entry["index"] is None:
            missing = "This entry waits for its place in the log; the sequencer gives it within seconds."
        else:
            try:
                leaf = bytes.fromhex(entry["leaf"])
                proof = await proved(directory_of(page.request), gate.log_key, entry["index"], leaf)
            except (NotYetSigned, LogUnsound) as refusal:
                missing = str(refusal)
        told = json.dumps(entry["entry"], indent=2, sort_keys=True, ensure_ascii=False)
        return page.show(
            "compliance/templates/entry.html",
            entry=entry,
            told=told,
            proof=proof,
            missing=missing,
            key=str(gate.log_key),
        )


class EvidencePages(Controller):
    """Evidence: asked for, listed, fetched, and how to verify it."""

    path = "/evidence"
    include_in_schema = False

    @get("/", guards=[Allows(Action.EVIDENCE_EXPORT)])
    async def index(
        self,
        page: NamedDependency[Page],
        reads: NamedDependency[AsyncSession],
        gate: NamedDependency[Gate],
        trade: FromQuery[str] = "",
        person: FromQuery[str] = "",
    ) -> Response[str]:
        """Show what the reader's office has exported, and the form for more, begun where a page leads here."""
        assert page.actor is not None
        about = {"trade": page_forms.id_in(trade, "trade"), "person": page_forms.id_in(person, "person")}
        rows = await queries.exports(reads, page.actor.office, ROWS)
        settings = page.request.app.state.bank.settings
        say = Words(page.language)
        return page.show(
            "compliance/templates/evidence.html",
            rows=[row | {"held": evidence.is_held(settings, page.actor, row["sha256"])} for row in rows],
            named={code: say(text) for code, text in (ABOUT | {"report": N_("a report")}).items()},
            scopes=[(code, say(text)) for code, text in ABOUT.items()],
            about={name: "" if value is None else str(value) for name, value in about.items()},
            form=EXPORT,
            key=str(gate.log_key),
        )

    @post("/", guards=[Allows(Action.EVIDENCE_EXPORT)])
    async def export(
        self, page: NamedDependency[Page], actor: NamedDependency[Actor], gate: NamedDependency[Gate]
    ) -> Redirect:
        """Make the pack that the form asks for."""
        bank = page.request.app.state.bank
        try:
            key = checked_key(page.form.get("_key", ""))
            done = await evidence.export(
                gate, bank.settings, actor, wish_of(page.form), publish=bank.publish, key=key
            )
        except Refusal as refusal:
            if refusal.decision is None:
                await gate.refuse(actor, Action.EVIDENCE_EXPORT, refusal)
            return page.back("/evidence", page_frame.refused(EXPORT, refusal, EXPORT, page.form))
        return page.back("/evidence", page_frame.done(Action.EVIDENCE_EXPORT, done))

    @get("/{digest:str}", guards=[Allows(Action.EVIDENCE_EXPORT, sensitive=True)])
    async def fetch(self, page: NamedDependency[Page], digest: FromPath[str]) -> File:
        """Return a pack that the reader's own office exported, as a file."""
        assert page.actor is not None
        return evidence_file(page.request.app.state.bank.settings, page.actor, digest)


def wish_of(form: Mapping[str, str]) -> Wish:
    """Return what the form asks evidence of. Raises Malformed naming the field."""
    scope, reason = form.get("scope", ""), form.get("reason", "").strip()
    if scope not in ABOUT:
        raise Malformed("There is no such choice.", field="scope")
    if not reason:
        raise Malformed("This has to be filled in.", field="reason")
    asked = msgspec.convert({"scope": scope, "reason": reason}, EvidenceAsked, strict=False)
    return Wish(
        asked.scope,
        asked.reason,
        page_forms.id_in(form.get("trade", "").strip(), "trade"),
        page_forms.id_in(form.get("person", "").strip(), "person"),
        instant(typed_moment(form.get("from", "")) or None, "from"),
        instant(typed_moment(form.get("to", "")) or None, "to"),
    )


def wanted(typed: dict[str, str]) -> Wanted:
    """Return which entries the form asks for. Raises Malformed naming the field."""
    return Wanted(
        actor=typed["actor"].strip() or None,
        action=page_forms.one_of(Action, typed["action"], "action"),
        object_id=page_forms.id_in(typed["object"].strip(), "object"),
        outcome=page_forms.one_of(Outcome, typed["outcome"], "outcome"),
        since=instant(typed_moment(typed["from"]) or None, "from"),
        before=instant(typed_moment(typed["to"]) or None, "to"),
        trade_id=page_forms.id_in(typed["trade"].strip(), "trade"),
    )


ROUTES = [EntryPages, EvidencePages, *person_pages.ROUTES, *catalogue_pages.ROUTES]
