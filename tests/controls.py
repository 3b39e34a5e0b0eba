"""Deals of every type that meet every dealing control, for tests of what the log tells of them."""

from typing import Any

from tests import settling
from tests.bank import World
from tests.checks import OFF, at_four, deposit, forward, justify, verify
from tests.conformity import a_reference_rate, a_tolerance, agreed
from tests.deals import act, capture, captured
from tests.desks import a_mandate
from tests.limits import a_limit
from tests.parties import LEI, a_portfolio
from tests.settling import TERMS, Deal, done, post, refused

INSERTED = {
    "limit_reservation": (
        "id, trade_id, version, scope, owner_id, limit_id, why, currency, amount, eur_amount, fixing_day, entry_id"
    ),
    "limit_use": "scope, owner_id, used_eur",
    "market_check": (
        "id, trade_id, version, seq, state, why, dealt, reference, reference_day, source, deviation_bp, "
        "tolerance_bp, inverted, checked_at, entry_id"
    ),
    "position_movement": "trade_id, version, portfolio_id, currency, value_date, amount, entry_id",
    "trade_version": "trade_id, version, type, rate, spot_rate, principal, interest, value_date, end_date, location",
    "work_item": (
        "id, office, kind, subject_kind, subject_id, trade_id, version, reason, due_at, opened_by, entry_id, "
        "closed_entry_id"
    ),
}
"""What tables hold that no revision vouches for, but when work was opened and closed: that is told to its entry's time."""
USE = """
SELECT count(*) AS owners, count(*) FILTER (WHERE u.used_eur <> coalesce(r.eur, 0)) AS differs
FROM public.limit_use u
LEFT JOIN (SELECT scope, owner_id, sum(eur_amount) AS eur FROM public.limit_reservation GROUP BY 1, 2) r
  ON (r.scope, r.owner_id) = (u.scope, u.owner_id)
"""


async def dealt_with_controls(world: World) -> dict[str, Deal]:
    """Deal in every type: agreed, checked twice, justified, off the premises, returned, amended, internal, funded.

    The desk is set up already. What was refused, voted, noticed and closed about a limit comes last.
    """
    amended = await settling.matched(world)
    await agreed(world, LEI)
    await a_tolerance(world, "fx_spot", "100")
    await a_reference_rate(world, "EUR", "2026-10-26", "2.05")
    await a_mandate(world)
    off = await captured(world, rate=OFF, location="home_office")
    await settling.fix(world, "2026-10-27", settling.RATES | {"USD": "1.1680"})  # before everybody sees it
    ahead, placed, early = await forward(world), done(await deposit(world)), await captured(world)
    for trade in (off, ahead):
        assert (await justify(world, trade)).status_code == 201
    assert (await verify(world, off)).status_code == 200
    done(await act(world, "verifier", f"/api/trades/{off['id']}/premises-acknowledgement", version=1))
    await amend(world, amended)
    await settling.drain(world)
    await at_four(world)
    await correct(world, Deal(world, early["id"]))
    internal = await booked_internally(world)
    await fund(world, off["id"])
    await a_reference_rate(world, "EUR", "2026-10-27", "2.35")  # turns the deposit into an alert
    await exceed(world)
    told = {"off": off, "forward": ahead, "deposit": placed, "returned": early, **internal}
    return {"amended": amended} | {name: Deal(world, one["id"]) for name, one in told.items()}


async def amend(world: World, deal: Deal) -> None:
    """Have a deal amended: asked for by its trader, approved by a verifier."""
    new = TERMS | {"base_amount": "1200000.00", "reason": "the ticket says 1.2 million"}
    request = done(await deal.do("trader", "amendments", **new))
    decision = {"version": request["version"], "reason": "the ticket agrees"}
    done(await post(world, "other-verifier", f"/api/requests/{request['id']}/approval", decision))


async def correct(world: World, deal: Deal) -> None:
    """Send a deal back and have its trader correct it."""
    done(await deal.do("verifier", "return", reason="the amount is not on the ticket"))
    terms = TERMS | {"base_amount": "900000.00", "version": 1}
    done(await post(world, "trader", f"/api/trades/{deal.id}/resubmission", terms))


async def booked_internally(world: World) -> dict[str, dict[str, Any]]:
    """Deal between two books of the bank."""
    await a_portfolio(world, "FX-USD", "Second FX desk")
    terms = {name: value for name, value in TERMS.items() if name != "counterparty"}
    offer = terms | {"other_portfolio": "FX-USD", "purpose": "hedge"}
    first = done(await post(world, "trader", "/api/internal-deals", offer))
    path = f"/api/internal-deals/{first['id']}/acceptance"
    return {"offered": first, "accepted": done(await post(world, "second-desk-trader", path, {"version": 1}))}


async def fund(world: World, trade: str) -> None:
    """Have cash moved for a deal once as it needs it, and once more than that: held, reviewed, signed."""
    for amount in ("1185000.00", "1000.00"):
        wish = {"purpose": "own_accounts", "currency": "USD", "amount": amount, "value_date": "2026-10-29"}
        accounts = {"from_account": "NOSTRO EUR FRANKFURT", "to_account": "NOSTRO USD NEW YORK"}
        parts = {"reason": "cover for Thursday", "breakdown": [{"trade": trade, "amount": amount}]}
        transfer = done(await post(world, "trader", "/api/transfers", wish | accounts | parts))
        path = f"/api/transfers/{transfer['id']}"
        done(await post(world, "settler", f"{path}/preparation", {"version": 1}))
        seen = {"version": 2}
        if amount == "1000.00":
            verdict = {"verdict": "accept", "reason": "a margin call came on top"}
            for reviewer in ("risk-controller", "accountant"):
                done(await post(world, reviewer, f"{path}/review", seen | verdict))
        for signer in ("releaser", "other-releaser"):
            done(await post(world, signer, f"{path}/release", seen))


async def exceed(world: World) -> None:
    """Lower the counterparty's limit below what is open; have deals refused, the board told, risk control close it."""
    limit = await a_limit(world, LEI, "1500000.00")
    assert refused(await capture(world, base_amount="2000000.00"))[1] == "limit_exceeded"
    done(await act(world, "board-back", f"/api/limits/{limit['id']}/notice", version=limit["version"]))
    closing = {"cause": "the limit was lowered", "measure": "no new deals"}
    done(await act(world, "risk-controller", f"/api/limits/{limit['id']}/excess", **closing))
    assert refused(await capture(world, base_amount="100000.00"))[1] == "limit_exceeded"
    await a_limit(world, LEI)
