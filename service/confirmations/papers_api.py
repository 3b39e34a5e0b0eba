"""The papers of a deal over JSON: the broker's statement, the long form, the signature under the checklist."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action
from service.confirmations import manual, queries
from service.confirmations.inbound import Encoded
from service.confirmations.signing import (
    Code,
    FileLongForm,
    RecordBrokerStatement,
    SignChecklist,
    file_long_form,
    record_broker_statement,
    sign_checklist,
)
from service.confirmations.use_cases import Fields
from service.faces import Allows, IdempotencyKey, Seen, SeenWithReason, answer, checked_key
from service.gate import Gate
from service.kernel.actor import Actor
from service.kernel.texts import Name


class BrokerSays(Seen, frozen=True, forbid_unknown_fields=True):
    """What the broker says, in our fields and from our point of view, with the paper in base64."""

    fields: Fields
    name: Name
    content: Encoded


class Contract(Seen, frozen=True, forbid_unknown_fields=True):
    """The contract as the counterparty drafted it, in base64; ``version``: that of the long form."""

    name: Name
    content: Encoded


class Signature(SeenWithReason, frozen=True, forbid_unknown_fields=True):
    """Why a paper came late or was typed by hand; ``version``: that of the checklist."""

    code: Annotated[Code, msgspec.Meta(description="The kind of reason.")]


class ManualApi(Controller):
    """How much goes by hand."""

    path = "/api/confirmations/manual-share"
    tags = ("confirmations",)

    @get(guards=[Allows(Action.CONFIRMATION_READ)])
    async def share(
        self,
        reads: NamedDependency[AsyncSession],
        first: Annotated[date | None, QueryParameter(name="from")] = None,
        last: Annotated[date | None, QueryParameter(name="to")] = None,
    ) -> dict[str, Any]:
        """Report how many deals were agreed by hand, per counterparty, clerk and type of deal."""
        return await manual.manual_share(reads, first, last)


class PapersApi(Controller):
    """The papers of a confirmed deal."""

    path = "/api/confirmations/{confirmation_id:uuid}"
    tags = ("confirmations",)

    @get("/papers", guards=[Allows(Action.CONFIRMATION_READ)])
    async def papers(
        self, reads: NamedDependency[AsyncSession], confirmation_id: FromPath[UUID]
    ) -> dict[str, Any]:
        """Show which papers belong to the deal, by when, and which came."""
        return await queries.papers(reads, confirmation_id)

    @post("/broker-statement", guards=[Allows(Action.BROKER_STATEMENT_RECORD)])
    async def broker_statement(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        confirmation_id: FromPath[UUID],
        data: JSONBody[BrokerSays],
    ) -> Response[Any]:
        """Lay the broker's statement beside our side; the answer names every break."""
        command = RecordBrokerStatement(
            confirmation_id=confirmation_id,
            version=data.version,
            fields=data.fields,
            name=data.name,
            content=data.content,
        )
        return answer(await gate.perform(actor, record_broker_statement, command, key=checked_key(key)))

    @post("/long-form", guards=[Allows(Action.LONG_FORM_FILE)], status_code=200)
    async def long_form(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        confirmation_id: FromPath[UUID],
        data: JSONBody[Contract],
    ) -> Response[Any]:
        """File the contract that the counterparty drafted after the short confirmation."""
        command = FileLongForm(
            confirmation_id=confirmation_id, version=data.version, name=data.name, content=data.content
        )
        return answer(await gate.perform(actor, file_long_form, command, key=checked_key(key)))

    @post("/checklist", guards=[Allows(Action.CHECKLIST_SIGN)], status_code=200)
    async def checklist(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        confirmation_id: FromPath[UUID],
        data: JSONBody[Signature],
    ) -> Response[Any]:
        """Sign that the papers of the deal are in order."""
        command = SignChecklist(
            confirmation_id=confirmation_id, version=data.version, code=data.code, reason=data.reason
        )
        return answer(await gate.perform(actor, sign_checklist, command, key=checked_key(key)))
