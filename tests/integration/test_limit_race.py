"""Five hundred captures at once against one nearly used limit."""

import asyncio
import re
from decimal import Decimal
from typing import Any

from tests.bank import World
from tests.deals import TERMS, counted, refusals, rows
from tests.limits import a_limit, got, shown
from tests.parties import LEI

DEAL, FITTING, MANY = Decimal("1000000.00"), 37, 500
AT_ONCE = 20
SENTENCE = re.compile(
    r"The limit of this counterparty is EUR (?P<limit>[0-9.]+), EUR (?P<used>[0-9.]+) of it are used: "
    r"there is room for EUR (?P<room>[0-9.]+), and this deal needs EUR (?P<asked>[0-9.]+)\."
)


async def alone(world: World, by: str) -> list[dict[str, Any]]:
    answer = await (await world.as_(by)).post("/api/trades", TERMS)
    return [answer.json()]


async def in_a_batch(world: World, by: str) -> list[dict[str, Any]]:
    answer = await (await world.as_(by)).post("/api/trades/batch", [TERMS] * AT_ONCE)
    return list(answer.json())


async def by_acts(world: World, by: str) -> list[dict[str, Any]]:
    acts = [{"action": "trade.capture", "command": TERMS}] * AT_ONCE
    answer = await (await world.as_(by)).post("/api/acts", acts)
    return [one.get("problem") or one["answer"] for one in answer.json()]


async def test_RC_03_reservations_never_pass_the_limit_however_many_want_it_at_once(
    ready_bank: World,
) -> None:
    limit = await a_limit(ready_bank, LEI, str(DEAL * FITTING + DEAL / 2))
    await asyncio.gather(*(ready_bank.as_(by) for by in ("trader", "other-trader")))
    ways = [alone] * 300 + [in_a_batch, by_acts] * 5
    many = await asyncio.gather(
        *(way(ready_bank, ("trader", "other-trader")[n % 2]) for n, way in enumerate(ways))
    )
    outcomes = [one for some in many for one in some]

    assert len(outcomes) == MANY
    refused = [one for one in outcomes if "code" in one]
    assert {(one["status"], one["code"], one["rule"]) for one in refused} == {
        (409, "limit_exceeded", "RC-03")
    }
    assert len(outcomes) - len(refused) == FITTING
    for one in refused:
        told = SENTENCE.fullmatch(one["detail"])
        assert told is not None, one["detail"]
        limit_eur, used, room, asked = (Decimal(told[name]) for name in ("limit", "used", "room", "asked"))
        assert (limit_eur, asked) == (Decimal(limit["amount_eur"]), DEAL)
        assert room == limit_eur - used < asked, one["detail"]

    seen = [one["checks"]["limit"] for one in outcomes if "code" not in one]
    assert sorted(Decimal(one["used_eur"]) for one in seen) == [DEAL * n for n in range(1, FITTING + 1)]
    now = await shown(ready_bank, limit)
    assert (now["used_eur"], now["headroom_eur"]) == (str(DEAL * FITTING), str(DEAL / 2))
    await everything_adds_up(ready_bank, limit)


async def everything_adds_up(world: World, limit: dict[str, Any]) -> None:
    sums = await rows(
        world,
        "SELECT u.used_eur, sum(r.eur_amount) AS reserved, count(*) AS deals FROM public.limit_use u "
        "JOIN public.limit_reservation r ON (r.scope, r.owner_id) = (u.scope, u.owner_id) GROUP BY u.scope, 1",
    )
    assert {(row.used_eur, row.reserved, row.deals) for row in sums} == {
        (DEAL * FITTING, DEAL * FITTING, FITTING)
    }
    for table in ("trade", "trade_version", "deal_number"):
        assert await counted(world, table) == FITTING
    told = [row for row in await refusals(world) if row.data["code"] == "limit_exceeded"]
    assert len(told) == MANY - FITTING
    listed, place = 0, None
    while place is not None or listed == 0:
        query = {"limit": 200} | ({"cursor": place} if place else {})
        page = await got(world, "board-trading", "/api/excesses", **query)
        assert {one["limit"] for one in page["items"]} <= {limit["id"]}
        listed, place = listed + len(page["items"]), page["next"]
    assert listed == MANY - FITTING
