"""What settlement owes the controls around it: no money for what is not agreed, and one fate for every deal."""

import asyncio
from uuid import UUID

import pytest

from policies.vocabulary import Office
from service.settlement.legs import NotMatched
from service.settlement.use_cases import ProjectLegs, project_legs
from tests.bank import World
from tests.intruders import intruder_of
from tests.settling import (
    TERMS,
    VALUE_DATE,
    automatic,
    captured,
    done,
    drain,
    matched,
    post,
    refused,
    sent,
)

MOVED = "2026-10-28"


async def test_SET_14_another_rate_of_the_counterparty_is_a_break_and_no_leg_is_laid_out(
    ready_bank: World,
) -> None:
    deal = await sent(ready_bank)
    ours = (await deal.confirmation())["ours"]
    done(await deal.confirm("counter", fields=ours | {"reference": "CP 1", "rate": "1.1560"}))
    told = done(await deal.confirm("match"))
    assert (told["state"], [one["field"] for one in told["breaks"]]) == ("mismatched", ["rate"])
    await drain(ready_bank)
    assert await deal.legs() == {}
    with pytest.raises(NotMatched):
        await automatic(
            ready_bank, Office.BACK_OFFICE, project_legs, ProjectLegs(trade_id=UUID(deal.id), version=1)
        )

    # SET-16: off the market, nothing is verified before risk control said why, and so nothing is paid.
    off = await captured(ready_bank, rate="1.3000")
    assert off.market != "ok"
    early = await off.do("verifier", "verification")
    assert early.status_code == 409
    assert await off.legs() == {}


async def test_SET_16_and_SET_18_an_amended_deal_keeps_no_release_and_is_checked_and_prepared_anew(
    ready_bank: World,
) -> None:
    deal = await matched(ready_bank)
    done(await deal.settle("USD", "preparation", "settler"))
    asked = TERMS | {"value_date": MOVED, "reason": "they want it earlier"}
    request = done(await deal.do("trader", "amendments", **asked))
    undecided = await deal.settle("USD", "release", "releaser")
    assert refused(undecided)[:2] == (409, "change_undecided")
    assert (await deal.legs())["USD"]["value_date"] == VALUE_DATE  # CSD-03: asked for is not moved
    own = await post(
        ready_bank, "trader", f"/api/requests/{request['id']}/approval", {"version": 1, "reason": "x"}
    )
    assert refused(own)[:2] == (403, "not_permitted")
    body = {"version": request["version"], "reason": "the counterparty agrees"}
    done(await post(ready_bank, "other-verifier", f"/api/requests/{request['id']}/approval", body))
    await drain(ready_bank)
    caller = await ready_bank.as_("settler")
    old = (await caller.get("/api/settlements", trade=deal.id)).json()["items"]
    assert {leg["state"] for leg in old} == {"withdrawn"}
    assert "verify" in await deal.items()
    front = await intruder_of(ready_bank, Office.FRONT_OFFICE)
    for column in ("value_date", "pay_on", "state", "net_id"):
        statement = f"UPDATE public.settlement SET {column} = NULL"
        assert await front.outcome_of(statement) == "42501"


async def test_SET_19_of_a_release_and_a_cancellation_at_once_exactly_one_wins_and_the_log_says_so(
    ready_bank: World,
) -> None:
    for _ in range(3):
        deal = await matched(ready_bank)
        done(await deal.settle("USD", "preparation", "settler"))
        asked, released = await asyncio.gather(
            deal.do("trader", "cancellations", reason="second thoughts"),
            deal.settle("USD", "release", "releaser"),
        )
        if asked.status_code < 300:
            body = {"version": asked.json()["version"], "reason": "agreed with the counterparty"}
            path = f"/api/requests/{asked.json()['id']}/approval"
            decided, released_again = await asyncio.gather(
                post(ready_bank, "other-verifier", path, body),
                deal.settle("USD", "release", "other-releaser"),
            )
        else:
            decided, released_again = asked, released
        await drain(ready_bank)
        acts = [
            one["act"]
            for one in (await (await ready_bank.as_("trader")).get(f"/api/trades/{deal.id}/timeline")).json()
        ]
        gone = (await deal.legs())["USD"]["state"] == "released"
        cancelled = await deal.control() == "cancelled"
        assert gone is not cancelled
        assert gone is (released.status_code == 200 or released_again.status_code == 200)
        assert cancelled is (decided.status_code == 200 and "request.approve" in acts)
        assert acts.count("settlement.release") == int(gone)
