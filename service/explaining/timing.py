"""Whether an object stands so that an act can be done now; if not, what comes first, with the rule that asks for it."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from policies.policy import Policy
from policies.vocabulary import Action
from service.absences.lifecycle import ABSENCE
from service.cases.lifecycle import CASE
from service.confirmations.lifecycle import CONFIRMATION
from service.control.lifecycle import CONTROL, REQUEST
from service.deputies.lifecycle import DELEGATION
from service.desks.lifecycle import DESK_RULE
from service.kernel.database import plain_value
from service.kernel.items import ROUTES, Item
from service.kernel.lifecycle import Lifecycle
from service.market.lifecycle import BENCHMARK
from service.organisation.lifecycle import ORGANISATION
from service.parties.lifecycle import AGREEMENT, PROPOSAL
from service.people.lifecycle import GRANT
from service.settlement.lifecycle import CALL_BACK, SETTLEMENT
from service.settlement_rules.lifecycle import SETTLEMENT_RULE
from service.transfers.lifecycle import TRANSFER

FIRST_MAX: Final = 10
KEPT_IN: Final[Mapping[str, tuple[Lifecycle[Any], str, str]]] = {
    "absence": (ABSENCE, "absence", "planned"),
    "agreement": (AGREEMENT, "agreement", "draft"),
    "benchmark": (BENCHMARK, "benchmark", "proposed"),
    "call_back": (CALL_BACK, "call_back", "made"),
    "case_file": (CASE, "case_file", "open"),
    "change_request": (REQUEST, "request_decision", "open"),
    "confirmation": (CONFIRMATION, "confirmation", "due"),
    "delegation": (DELEGATION, "delegation", "requested"),
    "desk_rule": (DESK_RULE, "desk_rule", "proposed"),
    "organisation_proposal": (ORGANISATION, "organisation_proposal", "proposed"),
    "proposal": (PROPOSAL, "proposal", "proposed"),
    "role_grant": (GRANT, "role_grant", "requested"),
    "settlement": (SETTLEMENT, "settlement", "projected"),
    "settlement_rule": (SETTLEMENT_RULE, "settlement_rule", "proposed"),
    "trade": (CONTROL, "trade_control", "due"),
    "transfer": (TRANSFER, "transfer_control", "requested"),
}
"""For each kind of object its lifecycle, the table that keeps the state, and the state where there is no row yet."""

OPEN: Final = text(
    "SELECT kind, office, subject_id, trade_id, due_at FROM public.work_item WHERE closed_entry_id IS NULL "
    "AND (subject_id = :id OR trade_id = :trade) ORDER BY due_at, id LIMIT 200"
)


async def standing_now(
    reads: AsyncSession, policy: Policy, action: Action, kind: str, object_id: UUID, trade: UUID | None
) -> dict[str, Any]:
    """Say whether the object's state lets the act be done now, and what comes first if not.

    ``possible`` is none where neither a lifecycle nor a kind of work speaks of the act.
    """
    waiting = (await reads.execute(OPEN, {"id": object_id, "trade": trade})).all()
    kinds = {item for item, route in ROUTES.items() if route.action is action}
    own = {row.kind for row in waiting if object_id in (row.subject_id, row.trade_id)}
    by_work = bool(kinds & own) if kinds else None
    state, by_state = await by_lifecycle(reads, action, kind, object_id)
    known = [one for one in (by_work, by_state) if one is not None]
    possible = all(known) if known else None
    told: dict[str, Any] = {"possible": possible, "state": state, "first": []}
    if possible is not False:
        return told
    first = [row for row in waiting if row.kind not in kinds][:FIRST_MAX]
    told["first"] = [
        {
            "item": row.kind,
            "action": ROUTES[Item(row.kind)].action.value,
            "office": row.office,
            "due": plain_value(row.due_at),
            **asked_by(policy, ROUTES[Item(row.kind)].action),
        }
        for row in first
    ]
    return told | {"sentence": sentence_for(action, state, told["first"])} | asked_by(policy, action)


async def by_lifecycle(
    reads: AsyncSession, action: Action, kind: str, object_id: UUID
) -> tuple[str | None, bool | None]:
    """Return the object's state and whether it allows the act; none where no lifecycle speaks of it."""
    if kind not in KEPT_IN:
        return None, None
    lifecycle, table, fresh = KEPT_IN[kind]
    if action not in {act for _, act in lifecycle.table}:
        return None, None
    kept = text(f"SELECT state FROM public.{table} WHERE id = :id")  # noqa: S608 - a table of ours
    state = str(await reads.scalar(kept, {"id": object_id}) or fresh)
    return state, action in {act for origin, act in lifecycle.table if origin.value == state}


def asked_by(policy: Policy, action: Action) -> dict[str, str | None]:
    """Return the rule that asks for an act, with its paragraph and its reason."""
    if (level := policy.independence.get(action)) is not None:
        return {"rule": level.control, "source": level.source, "why": level.why}
    apart = next((rule for rule in policy.apart if rule.action is action), None)
    if apart is not None:
        return {"rule": apart.control, "source": apart.source, "why": apart.why}
    right = next((right for right in policy.rights if right.action is action), None)
    if right is None:
        return {"rule": None, "source": None, "why": None}
    return {"rule": right.rule, "source": f"policy.csv, line {right.line}", "why": right.reason}


def sentence_for(action: Action, state: str | None, first: list[dict[str, Any]]) -> str:
    """Say in a sentence why the act has to wait."""
    now = f"Not now: nothing waits for {action.value}." if state is None else f"Not now: this is {state}."
    if not first:
        return now
    steps = ", ".join(dict.fromkeys(str(one["action"]) for one in first))
    return f"{now} First: {steps}."
