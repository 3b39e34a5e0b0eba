"""No page, list or act asks the database more often because more is in it: statements are counted, few rows and many."""

from collections import defaultdict
from collections.abc import Sequence

import pytest

from policies.vocabulary import Action, Office
from service.gate import Done, Gate, Request, UseCase
from service.kernel.errors import Refusal
from service.ui.navigation import PLACES, places_for
from tests.bank import World
from tests.settling import captured, done, matched, settled
from tests.statements import statements
from tests.visiting import signed_in

DESKS = {
    Office.FRONT_OFFICE: "trader",
    Office.BACK_OFFICE: "settler",
    Office.MASTER_DATA: "steward",
    Office.ACCOUNTING: "accountant",
    Office.RISK_CONTROL: "head-of-risk",
    Office.COMPLIANCE: "compliance",
    Office.ADMINISTRATION: "rights-admin",
}
OTHERS = ("verifier", "confirmer", "releaser", "closer")
STATEMENTS_MAX = 20
ACT_STATEMENTS_MAX = 40
LIVES = 4
SLACK = 2
"""Statements a page may ask more once something is there: what an empty list need not look up."""


async def asked_by_each_page(world: World) -> dict[tuple[str, str], int]:
    """Return how many statements each page of each desk's menu takes."""
    found: dict[tuple[str, str], int] = {}
    for account in (*DESKS.values(), *OTHERS):
        visitor = await signed_in(world, account)
        told = (await (await world.as_(account)).get("/api/powers")).json()
        for place in places_for(frozenset(Action(one) for one in (*told["acts"], *told["reads"]))):
            with statements() as sent:
                await visitor.get(place.path)
            found[account, place.path] = len(sent)
        await visitor.client.aclose()
    return found


async def test_a_page_asks_the_database_no_more_often_because_more_is_in_it(ready_bank: World) -> None:
    await settled(ready_bank)
    await captured(ready_bank)
    few = await asked_by_each_page(ready_bank)
    assert {path for _, path in few} >= {place.path for place in PLACES}
    for amount in ("2000000.00", "3000000.00", "4000000.00"):
        deal = await matched(ready_bank, base_amount=amount)
        for currency in await deal.legs():
            done(await deal.settle(currency, "preparation", "settler"))
            done(await deal.settle(currency, "release", "releaser"))
        await captured(ready_bank, base_amount=amount)
    many = await asked_by_each_page(ready_bank)
    grown = {page: (few[page], count) for page, count in many.items() if count > few[page] + SLACK}
    assert grown == {}
    assert {page: count for page, count in many.items() if count > STATEMENTS_MAX} == {}


async def test_an_act_asks_the_database_no_more_often_because_more_is_in_it(
    ready_bank: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[Action, list[int]] = defaultdict(list)
    perform_many = Gate.perform_many

    async def heard(self: Gate, case: UseCase, requests: Sequence[Request]) -> list[Done | Refusal]:
        with statements() as sent:
            outcomes = await perform_many(self, case, requests)
        asked[case.action].append(len(sent))
        return outcomes

    monkeypatch.setattr(Gate, "perform_many", heard)
    asked.clear()
    for life in range(1, LIVES + 1):
        deal = await matched(ready_bank, base_amount=f"{life}000000.00")
        for currency in await deal.legs():
            done(await deal.settle(currency, "preparation", "settler"))
            done(await deal.settle(currency, "release", "releaser"))
    half = {action: (len(counts) + 1) // 2 for action, counts in asked.items()}
    first = {action: max(counts[: half[action]]) for action, counts in asked.items()}
    last = {
        action: min(counts[-half[action] :]) for action, counts in asked.items()
    }  # the roster ages anywhere
    assert {
        Action.TRADE_CAPTURE,
        Action.TRADE_VERIFY,
        Action.SETTLEMENT_PREPARE,
        Action.SETTLEMENT_RELEASE,
    } <= set(asked)
    assert {action: (first[action], count) for action, count in last.items() if count > first[action]} == {}
    assert {action: counts for action, counts in asked.items() if max(counts) > ACT_STATEMENTS_MAX} == {}
