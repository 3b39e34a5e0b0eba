"""The log searched, and one entry with the proof that it stands there."""

import json
from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action
from service import page_forms, page_frame
from service.compliance import queries
from service.compliance.api import LogUnsound, NotYetSigned, directory_of, proved
from service.compliance.queries import Outcome, Wanted, instant
from service.faces import Allows
from service.gate import Gate
from service.kernel.errors import Malformed
from service.page_frame import Page
from service.settlement.pages import deal_names
from service.ui.formats import typed_moment

ROWS = 50
FORM = "filter"


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
        cursor: FromQuery[str] = "",
    ) -> Response[str]:
        """Show entries, newest first; what cannot be searched for is said beside its field."""
        typed = {"actor": actor_, "action": action, "object": object_, "outcome": outcome}
        typed |= {"from": from_, "to": to, "trade": trade}
        found: dict[str, Any] = {"items": [], "next": None}
        status = 200
        try:
            found = await queries.entries(reads, wanted(typed), ROWS, cursor or None)
        except Malformed as malformed:
            page.said = page_frame.refused(Action.ENTRY_READ, malformed, FORM, typed)
            status = malformed.status
        return page.show(
            "compliance/templates/entries.html",
            status=status,
            rows=found["items"],
            next=found["next"],
            deals=await deal_names(reads, [row for row in found["items"] if row["trade"]]),
            typed=typed,
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
                proof = await proved(directory_of(page.request), gate.key.verifier, entry["index"], leaf)
            except (NotYetSigned, LogUnsound) as refusal:
                missing = str(refusal)
        told = json.dumps(entry["entry"], indent=2, sort_keys=True, ensure_ascii=False)
        return page.show(
            "compliance/templates/entry.html",
            entry=entry,
            told=told,
            proof=proof,
            missing=missing,
            key=str(gate.key.verifier),
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


ROUTES = [EntryPages]
