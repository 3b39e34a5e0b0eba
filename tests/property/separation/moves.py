"""What could be done next with a deal: each act with its command, its address and the object it concerns."""

import json
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tests.property.separation.oracle import Thing

DEAL = text(
    "SELECT t.id::text, t.version, t.offered_to_id IS NOT NULL AND NOT EXISTS "
    "(SELECT FROM public.trade m WHERE m.mirrors_id = t.id) AS offered, "
    "c.state AS control, f.id::text AS confirmation, f.rev AS confirmation_rev, f.state AS confirmed, f.ours "
    "FROM public.trade t LEFT JOIN public.trade_control c ON c.id = t.id "
    "LEFT JOIN public.confirmation f ON f.trade_id = t.id AND f.version = t.version WHERE t.id = CAST(:id AS uuid)"
)
LEGS = text(
    "SELECT s.id::text, s.rev, s.state FROM public.settlement s WHERE s.trade_id = CAST(:id AS uuid) "
    "ORDER BY s.currency"
)
REQUESTS = text(
    "SELECT r.id::text, r.rev FROM public.change_request r WHERE r.trade_id = CAST(:id AS uuid) "
    "AND NOT EXISTS (SELECT FROM public.request_decision d WHERE d.request_id = r.id) ORDER BY r.requested_at"
)
WHY = {"reason": "looked into and found so"}
CONFIRMED = {"due": ("dispatch",), "sent": ("counter", "counter", "match"), "mismatched": ("match",)}
PAID: dict[str, tuple[tuple[str, str, dict[str, str]], ...]] = {
    "projected": (("prepare", "preparation", {}), ("prepare", "preparation", {}), ("hold", "hold", WHY)),
    "prepared": (("release", "release", {}), ("release", "release", {}), ("hold", "hold", WHY)),
    "held": (("free", "freeing", WHY),),
    "signed": (("countersign", "countersignature", {}),),
    "released": (("complete", "completion", {}), ("complete", "completion", {}), ("fail", "failure", WHY)),
    "failed": (("prepare", "preparation", {}),),
}


@dataclass(frozen=True)
class Move:
    """One act: as a command for the batch and the command line, and as a request to its own address."""

    act: str
    command: dict[str, Any]
    path: str
    trade: str | None = None
    things: frozenset[Thing] = frozenset()
    named: frozenset[str] = field(default=frozenset())  # fields of the command that stand in the address

    @property
    def body(self) -> dict[str, Any]:
        """Return the body for the act's own address."""
        return {name: value for name, value in self.command.items() if name not in self.named}

    @property
    def written(self) -> str:
        """Return the command as it is typed."""
        return json.dumps(self.command)


def on(act: str, name: str, key: str, path: str, trade: str | None, thing: Thing, **more: Any) -> Move:
    """Return an act on one object whose id stands in the address."""
    return Move(act, {name: key, **more}, path, trade, frozenset({thing}), frozenset({name}))


async def moves(connection: AsyncConnection, trade: str) -> list[Move]:
    """Return what the state of a deal invites to, and some of what it does not."""
    deal = (await connection.execute(DEAL, {"id": trade})).one()
    path, seen, whole = f"/api/trades/{trade}", {"version": deal.version}, ("trade", trade)
    found = []
    if deal.offered:
        accept = on(
            "internal.accept", "trade_id", trade, f"/api/internal-deals/{trade}/acceptance", trade, whole
        )
        return [Move(accept.act, accept.command | seen, accept.path, trade, accept.things, accept.named)]
    for request in await connection.execute(REQUESTS, {"id": trade}):
        for act, last in (("approve", "approval"), ("approve", "approval"), ("refuse", "refusal")):
            at = f"/api/requests/{request.id}/{last}"
            thing = ("change_request", request.id)
            facts = {"version": request.rev, **WHY}
            found.append(on(f"request.{act}", "request_id", request.id, at, trade, thing, **facts))
    if deal.control in (None, "due"):
        found += 2 * [on("trade.verify", "trade_id", trade, f"{path}/verification", trade, whole, **seen)]
        found.append(on("trade.return", "trade_id", trade, f"{path}/return", trade, whole, **seen, **WHY))
    if deal.confirmation:
        found += confirming(trade, deal)
    for leg in await connection.execute(LEGS, {"id": trade}):
        for act, last, more in PAID.get(leg.state, ()):
            at = f"/api/settlements/{leg.id}/{last}"
            facts = {"version": leg.rev, **more}
            thing = ("settlement", leg.id)
            found.append(on(f"settlement.{act}", "settlement_id", leg.id, at, trade, thing, **facts))
    ask = on("cancellation.request", "trade_id", trade, f"{path}/cancellations", trade, whole, **seen, **WHY)
    return [*found, ask] if not found or deal.control != "verified" else found


def confirming(trade: str, deal: Any) -> list[Move]:
    """Return what comes next for the confirmation of a deal."""
    found = []
    for act in CONFIRMED.get(deal.confirmed, ()):
        at = f"/api/confirmations/{deal.confirmation}/{act}"
        facts: dict[str, Any] = {"version": deal.confirmation_rev}
        if act == "counter":
            facts["fields"] = deal.ours | {"reference": "CP 4711"}
        thing = ("confirmation", deal.confirmation)
        name = "confirmation_id"
        found.append(on(f"confirmation.{act}", name, deal.confirmation, at, trade, thing, **facts))
    return found
