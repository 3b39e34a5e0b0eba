"""The market's check of deals over JSON: read, justified, taken notice of."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action
from service.conformity import queries
from service.conformity.grounds import Ground
from service.conformity.lifecycle import CheckState, Finding, NoticeState
from service.conformity.use_cases import Digest, JustifyTrade, TakeNotice, justify_trade, take_notice
from service.faces import Allows, IdempotencyKey, Seen, SeenWithReason, answer, checked_key
from service.gate import Gate
from service.kernel.actor import Actor
from service.kernel.cursors import place_of
from service.kernel.money import parse_amount
from service.kernel.texts import Reason

Limit = Annotated[int, QueryParameter(ge=1, le=200)]
Beyond = Annotated[str | None, QueryParameter(pattern=r"^[0-9]{1,7}(\.[0-9]{1,8})?$")]
CheckWanted = Annotated[CheckState | None, QueryParameter(name="state")]
NoticeWanted = Annotated[NoticeState, QueryParameter(name="state")]


class Grounds(SeenWithReason, frozen=True, forbid_unknown_fields=True):
    """Why the deal may stand; a customer's wish only with the digest of the customer's document."""

    ground: Ground
    document_sha256: Digest | None = None


class Noticed(Seen, frozen=True, forbid_unknown_fields=True):
    """The version of the deal or limit that the board looked at, and what it has to say."""

    note: Reason | None = None


class CheckApi(Controller):
    """Deals beside the independent reference."""

    path = "/api/checks"
    tags = ("conformity",)

    @get(guards=[Allows(Action.CONFORMITY_READ)])
    async def index(
        self,
        reads: NamedDependency[AsyncSession],
        trade: FromQuery[UUID | None] = None,
        state_: CheckWanted = None,
        finding: FromQuery[Finding | None] = None,
        beyond_bp: Beyond = None,
        first_day: FromQuery[date | None] = None,
        last_day: FromQuery[date | None] = None,
        cursor: FromQuery[str | None] = None,
        limit: Limit = 50,
    ) -> dict[str, Any]:
        """List the last check of every deal, or every check of one deal, newest first.

        ``beyond_bp``: only deals further from the reference than so many basis points, up or down; ``first_day``
        and ``last_day``: only deals dealt in that period.
        """
        beyond = None if beyond_bp is None else parse_amount(beyond_bp)
        wanted = queries.Wanted(trade, state_, finding, beyond, first_day, last_day)
        return await queries.checks(reads, wanted, after=place_of(cursor), limit=limit)

    @get("/kinds", guards=[Allows(Action.CONFORMITY_READ)])
    async def kinds(self, reads: NamedDependency[AsyncSession]) -> dict[str, Any]:
        """Count the deals that are not simply within the market, by what was found and what became of it."""
        return {"items": await queries.kinds(reads)}


class JustificationApi(Controller):
    """Risk control's grounds."""

    path = "/api/trades"
    tags = ("conformity",)

    @post("/{trade:uuid}/justification", guards=[Allows(Action.TRADE_JUSTIFY)])
    async def justify(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        trade: FromPath[UUID],
        data: JSONBody[Grounds],
    ) -> Response[Any]:
        """Justify a deal off the market or without a reference."""
        command = JustifyTrade(
            trade_id=trade,
            version=data.version,
            ground=data.ground,
            reason=data.reason,
            document_sha256=data.document_sha256,
        )
        return answer(await gate.perform(actor, justify_trade, command, key=checked_key(key)))

    @post("/{trade:uuid}/notice", guards=[Allows(Action.NOTICE_TAKE)])
    async def notice(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        trade: FromPath[UUID],
        data: JSONBody[Noticed],
    ) -> Response[Any]:
        """Take notice of what the board was told about a deal."""
        command = TakeNotice(trade_id=trade, version=data.version, note=data.note)
        return answer(await gate.perform(actor, take_notice, command, key=checked_key(key)))


class NoticeApi(Controller):
    """What the board was told at once."""

    path = "/api/notices"
    tags = ("conformity",)

    @get(guards=[Allows(Action.CONFORMITY_READ)])
    async def index(
        self,
        reads: NamedDependency[AsyncSession],
        state_: NoticeWanted = NoticeState.OPEN,
        cursor: FromQuery[str | None] = None,
        limit: Limit = 50,
    ) -> dict[str, Any]:
        """List what waits for the board's notice, or its receipts, newest first."""
        return await queries.notices(reads, state=state_, after=place_of(cursor), limit=limit)


class ExcessNoticeApi(Controller):
    """The board's receipt for excesses of a limit."""

    path = "/api/limits"
    tags = ("limits",)

    @post("/{limit_id:uuid}/notice", guards=[Allows(Action.NOTICE_TAKE)])
    async def notice(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        limit_id: FromPath[UUID],
        data: JSONBody[Noticed],
    ) -> Response[Any]:
        """Take notice of what the board was told about excesses of a limit."""
        command = TakeNotice(limit_id=limit_id, version=data.version, note=data.note)
        return answer(await gate.perform(actor, take_notice, command, key=checked_key(key)))


ROUTES = [CheckApi, JustificationApi, NoticeApi, ExcessNoticeApi]
