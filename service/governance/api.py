"""The policy over JSON: in force, as text, drafted, approved, refused."""

from typing import Annotated, Any, Literal
from uuid import UUID

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from policies import prose
from policies.vocabulary import Action
from service.faces import Allows, IdempotencyKey, Seen, SeenWithReason, answer, checked_key
from service.gate import Gate
from service.governance import queries
from service.governance.use_cases import (
    ApprovePolicy,
    DraftPolicy,
    RefusePolicy,
    approve_policy,
    draft_policy,
    refuse_policy,
)
from service.kernel.actor import Actor

Limit = Annotated[int, QueryParameter(ge=1, le=200)]


class PolicyApi(Controller):
    """Who may do what, and how that is changed."""

    path = "/api/policy"
    tags = ("policy",)

    @get(guards=[Allows(Action.POLICY_READ)])
    async def in_force(self, gate: NamedDependency[Gate]) -> dict[str, Any]:
        """Return the policy in force with its files."""
        policy = gate.policy
        return {
            "policy": policy.version,
            "files": {file: content.decode() for file, content in policy.texts.items()},
        }

    @get("/text", guards=[Allows(Action.POLICY_READ)])
    async def text(
        self, gate: NamedDependency[Gate], language: FromQuery[Literal["de", "en"]] = "en"
    ) -> dict[str, Any]:
        """Return the policy in force as text that people read."""
        return {
            "policy": gate.policy.version,
            "language": language,
            "text": "\n".join(prose.rendered(gate.policy, language)) + "\n",
        }

    @get("/drafts", guards=[Allows(Action.POLICY_READ)])
    async def drafts(
        self,
        reads: NamedDependency[AsyncSession],
        cursor: FromQuery[UUID | None] = None,
        limit: Limit = 50,
    ) -> dict[str, Any]:
        """List drafts, newest first."""
        return await queries.drafts(reads, cursor=cursor, limit=limit)

    @get("/drafts/{draft:uuid}", guards=[Allows(Action.POLICY_READ)])
    async def show(
        self,
        gate: NamedDependency[Gate],
        reads: NamedDependency[AsyncSession],
        draft: FromPath[UUID],
    ) -> dict[str, Any]:
        """Show a draft: what it changes in German and English, objections, and 90 days decided again."""
        row = await queries.draft_of(reads, draft)
        return await queries.draft_shown(reads, gate.policy, row, gate.clock.now())

    @post("/drafts", guards=[Allows(Action.POLICY_DRAFT)])
    async def draft(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        data: JSONBody[DraftPolicy],
    ) -> Response[Any]:
        """Draft a change: the whole set of files, read and proved before it is kept."""
        return answer(await gate.perform(actor, draft_policy, data, key=checked_key(key)))

    @post("/drafts/{draft:uuid}/approval", guards=[Allows(Action.POLICY_APPROVE)], status_code=200)
    async def approve(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        draft: FromPath[UUID],
        data: JSONBody[Seen],
    ) -> Response[Any]:
        """Approve a change as one of two."""
        command = ApprovePolicy(draft=draft, version=data.version)
        return answer(await gate.perform(actor, approve_policy, command, key=checked_key(key)))

    @post("/drafts/{draft:uuid}/refusal", guards=[Allows(Action.POLICY_REFUSE)], status_code=200)
    async def refuse(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        draft: FromPath[UUID],
        data: JSONBody[SeenWithReason],
    ) -> Response[Any]:
        """Turn a change down."""
        command = RefusePolicy(draft=draft, version=data.version, reason=data.reason)
        return answer(await gate.perform(actor, refuse_policy, command, key=checked_key(key)))


ROUTES = [PolicyApi]
