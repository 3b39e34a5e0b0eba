"""Money moves in four hands: one prepares, another releases, a third attests what became of it."""

import asyncio
from uuid import UUID

import pytest

from policies.vocabulary import Office
from service.gate import UseCase
from service.kernel.errors import KeptApart
from service.settlement.use_cases import (
    NotMatched,
    ProjectLegs,
    WithdrawLegs,
    complete_leg,
    fail_leg,
    prepare_leg,
    project_legs,
    release_leg,
    withdraw_legs,
)
from tests.bank import World
from tests.parties import IBAN, an_instruction
from tests.settling import (
    VALUE_DATE,
    Deal,
    act_as,
    automatic,
    done,
    drain,
    matched,
    on_business_date,
    open_account,
    post,
    refused,
    sent,
    set_up,
)

OTHER_IBAN = "GB33BUKB20201555555555"


async def prepared(world: World, by: str = "trader") -> Deal:
    """Bring a deal to where its euro leg is prepared by the settler."""
    deal = await matched(world, by)
    done(await deal.settle("EUR", "preparation", "settler"))
    return deal


async def released(world: World) -> Deal:
    """Bring a deal to where its euro leg is released by the releaser."""
    deal = await prepared(world)
    done(await deal.settle("EUR", "release", "releaser"))
    return deal


async def test_a_matched_deal_pays_both_legs_and_each_step_asks_for_the_next(ready_bank: World) -> None:
    deal = await matched(ready_bank)
    legs = await deal.legs()
    assert {currency: (leg["amount"], leg["value_date"], leg["state"]) for currency, leg in legs.items()} == {
        "EUR": ("1000000.00", VALUE_DATE, "projected"),
        "USD": ("-1165000.00", VALUE_DATE, "projected"),
    }
    assert await deal.items() == {"prepare"}

    prepared = done(await deal.settle("EUR", "preparation", "settler"))
    assert (prepared["state"], prepared["version"]) == ("prepared", 2)
    assert prepared["route"] | {"why": ""} == {
        "instruction": prepared["instruction"],
        "currency": "EUR",
        "bic": "COBADEFF",
        "account_number": IBAN,
        "why": "",
    }
    assert "approved last" in prepared["route"]["why"]
    assert await deal.items() == {"prepare", "release"}
    assert await deal.control() == "verified"

    released = done(await deal.settle("EUR", "release", "releaser"))
    assert released["state"] == "released"
    assert await deal.control() == "settling"
    assert await deal.items() == {"prepare", "complete"}

    await on_business_date(ready_bank, VALUE_DATE)
    completed = done(await deal.settle("EUR", "completion", "settler"))
    assert (completed["state"], completed["settled_on"]) == ("settled", VALUE_DATE)
    assert completed["receipt"]
    assert await deal.items() == {"prepare", "post_settlement"}


async def test_nothing_settles_before_its_value_date(ready_bank: World) -> None:
    deal = await released(ready_bank)
    assert refused(await deal.settle("EUR", "completion", "settler"))[:2] == (409, "before_value_date")
    await on_business_date(ready_bank, "2026-10-28")
    assert refused(await deal.settle("EUR", "completion", "settler"))[:2] == (409, "before_value_date")
    assert (await deal.legs())["EUR"]["state"] == "released"

    await on_business_date(ready_bank, VALUE_DATE)
    assert done(await deal.settle("EUR", "completion", "settler"))["state"] == "settled"


async def test_a_failed_leg_is_prepared_and_released_anew(ready_bank: World) -> None:
    deal = await released(ready_bank)
    failed = done(await deal.settle("EUR", "failure", "settler", reason="the correspondent rejected it"))
    assert (failed["state"], failed["failure"]) == ("failed", "the correspondent rejected it")
    assert await deal.items() == {"prepare"}
    assert refused(await deal.settle("EUR", "release", "releaser"))[:2] == (409, "illegal_transition")

    done(await deal.settle("EUR", "preparation", "other-settler"))
    assert done(await deal.settle("EUR", "release", "other-releaser"))["state"] == "released"


async def test_SET_01_trading_moves_no_money_and_sees_no_payment_route(ready_bank: World) -> None:
    deal = await prepared(ready_bank)
    leg = (await deal.legs())["EUR"]
    path, seen = f"/api/settlements/{leg['id']}", {"version": leg["version"]}
    for account in ("trader", "head-of-trading"):
        for what, more in (
            ("preparation", {}),
            ("release", {}),
            ("completion", {}),
            ("failure", {"reason": "x"}),
        ):
            assert refused(await post(ready_bank, account, f"{path}/{what}", seen | more))[:2] == (
                403,
                "not_permitted",
            )
        caller = await ready_bank.as_(account)
        assert (await caller.get(path)).status_code == 403
        assert (await caller.get("/api/settlements")).status_code == 403
    assert (await deal.legs())["EUR"] == leg

    shown = await (await ready_bank.as_("trader")).get(f"/api/trades/{deal.id}")
    assert [one["state"] for one in shown.json()["legs"]] == ["prepared", "projected"]
    assert IBAN not in shown.text


@pytest.mark.parametrize(
    ("account", "what"),
    [
        ("releaser", "preparation"),
        ("settler", "release"),
        ("verifier", "release"),
        ("confirmer", "release"),
        ("accountant", "release"),
        ("steward-approver", "release"),
        ("releaser", "completion"),
        ("compliance", "completion"),
    ],
)
async def test_S_01_each_step_has_its_own_role(bank_world: World, account: str, what: str) -> None:
    path = f"/api/settlements/00000000-0000-7000-8000-000000000001/{what}"
    assert refused(await post(bank_world, account, path, {"version": 1}))[:2] == (403, "not_permitted")


async def test_only_those_who_pay_along_a_route_see_its_account_number(ready_bank: World) -> None:
    deal = await prepared(ready_bank)
    path = f"/api/settlements/{(await deal.legs())['EUR']['id']}"
    for account, sees in {
        "settler": True,
        "releaser": True,
        "compliance": True,
        "verifier": False,
        "accountant": False,
    }.items():
        shown = await (await ready_bank.as_(account)).get(path)
        assert shown.status_code == 200
        assert (IBAN in shown.text) is sees
        assert ("route" in shown.json()) is sees


async def test_SET_05_no_money_moves_before_the_counterparty_agreed(ready_bank: World) -> None:
    deal = await sent(ready_bank)
    project = ProjectLegs(trade_id=UUID(deal.id), version=1)
    with pytest.raises(NotMatched) as early:
        await automatic(ready_bank, Office.BACK_OFFICE, project_legs, project)
    assert early.value.rule == "SET-05"

    ours = (await deal.confirmation())["ours"]
    done(await deal.confirm("counter", fields=ours | {"rate": "1.2"}))
    assert done(await deal.confirm("match"))["state"] == "mismatched"
    with pytest.raises(NotMatched):
        await automatic(ready_bank, Office.BACK_OFFICE, project_legs, project)
    assert await deal.legs() == {}


async def test_X07_a_leg_without_an_approved_payment_route_is_not_prepared(bank_world: World) -> None:
    counterparty = await set_up(bank_world, currencies=("EUR",))
    deal = await matched(bank_world)
    assert refused(await deal.settle("USD", "preparation", "settler")) == (409, "no_instruction", "X07")

    await an_instruction(bank_world, counterparty, "USD")
    assert done(await deal.settle("USD", "preparation", "settler"))["state"] == "prepared"


async def test_SET_17_a_route_replaced_after_preparation_stops_the_payment(bank_world: World) -> None:
    counterparty = await set_up(bank_world)
    deal = await prepared(bank_world)
    assert refused(await deal.settle("EUR", "preparation", "other-settler"))[:2] == (409, "already_prepared")

    replaced = await an_instruction(bank_world, counterparty, "EUR", OTHER_IBAN)
    assert refused(await deal.settle("EUR", "release", "releaser")) == (409, "instruction_replaced", "SET-17")

    again = done(await deal.settle("EUR", "preparation", "other-settler"))
    assert (again["instruction"], again["route"]["account_number"]) == (replaced, OTHER_IBAN)
    assert await deal.items() == {"prepare", "release"}
    assert done(await deal.settle("EUR", "release", "releaser"))["state"] == "released"


async def test_a_leg_projected_is_not_released_and_a_version_not_seen_not_touched(ready_bank: World) -> None:
    deal = await matched(ready_bank)
    assert refused(await deal.settle("EUR", "release", "releaser"))[:2] == (409, "illegal_transition")
    assert refused(await deal.settle("EUR", "completion", "settler"))[:2] == (409, "illegal_transition")

    path = f"/api/settlements/{(await deal.legs())['EUR']['id']}"
    stale = await post(ready_bank, "settler", f"{path}/preparation", {"version": 2})
    assert refused(stale)[:2] == (409, "stale_version")
    hidden = await post(ready_bank, "settler", f"{path}/failure", {"version": 1, "reason": "a\u0000b"})
    assert refused(hidden)[:2] == (400, "malformed")
    nowhere = "/api/settlements/00000000-0000-7000-8000-000000000001"
    assert (await post(ready_bank, "settler", f"{nowhere}/preparation", {"version": 1})).status_code == 404


# Different hands ------------------------------------------------------------------------------------


async def must_be_kept_apart(
    world: World, rule: str, account: str, role: str, case: UseCase, deal: Deal, **more: str
) -> None:
    """Assert that the account's person, given the role, is kept from the act on the euro leg by ``rule``."""
    leg = (await deal.legs())["EUR"]
    command = case.command(settlement_id=UUID(leg["id"]), version=leg["version"], **more)
    with pytest.raises(KeptApart) as kept:
        await act_as(world, account, {role}, case, command)
    assert kept.value.rule == rule
    assert (await deal.legs())["EUR"] == leg


async def test_D_01_whoever_entered_a_deal_never_moves_money_for_it(ready_bank: World) -> None:
    deal = await matched(ready_bank, "mover-trading")
    await must_be_kept_apart(ready_bank, "D-01", "mover-control", "settler", prepare_leg, deal)
    done(await deal.settle("EUR", "preparation", "settler"))
    await must_be_kept_apart(ready_bank, "D-01", "mover-control", "releaser", release_leg, deal)
    done(await deal.settle("EUR", "release", "releaser"))
    await on_business_date(ready_bank, VALUE_DATE)
    await must_be_kept_apart(ready_bank, "D-01", "mover-control", "settler", complete_leg, deal)
    await must_be_kept_apart(ready_bank, "D-01", "mover-control", "settler", fail_leg, deal, reason="late")


async def test_D_01_whoever_asked_for_a_cancellation_never_moves_money_for_it(ready_bank: World) -> None:
    deal = await matched(ready_bank)
    done(await deal.do("mover-trading", "cancellations", reason="second thoughts"))

    await must_be_kept_apart(ready_bank, "D-01", "mover-control", "settler", prepare_leg, deal)


async def test_D_02_whoever_prepared_a_payment_never_releases_it(ready_bank: World) -> None:
    deal = await prepared(ready_bank)

    await must_be_kept_apart(ready_bank, "D-02", "settler", "releaser", release_leg, deal)
    assert done(await deal.settle("EUR", "release", "releaser"))["state"] == "released"


async def test_D_02_whoever_released_a_failed_payment_never_prepares_it_anew(ready_bank: World) -> None:
    deal = await released(ready_bank)
    done(await deal.settle("EUR", "failure", "settler", reason="rejected"))

    await must_be_kept_apart(ready_bank, "D-02", "releaser", "settler", prepare_leg, deal)


async def test_D_04_whoever_released_a_payment_never_attests_what_became_of_it(ready_bank: World) -> None:
    deal = await released(ready_bank)
    await on_business_date(ready_bank, VALUE_DATE)

    await must_be_kept_apart(ready_bank, "D-04", "releaser", "settler", complete_leg, deal)
    await must_be_kept_apart(ready_bank, "D-04", "releaser", "settler", fail_leg, deal, reason="rejected")


async def test_D_04_whoever_attested_a_failure_never_signs_the_payment_anew(ready_bank: World) -> None:
    deal = await released(ready_bank)
    done(await deal.settle("EUR", "failure", "other-settler", reason="rejected"))
    done(await deal.settle("EUR", "preparation", "settler"))

    await must_be_kept_apart(ready_bank, "D-04", "other-settler", "releaser", release_leg, deal)


async def test_D_04_whoever_decided_a_change_of_the_deal_never_moves_money_for_it(ready_bank: World) -> None:
    deal = await matched(ready_bank)
    request = done(await deal.do("trader", "cancellations", reason="second thoughts"))
    body = {"version": 1, "reason": "the counterparty insists"}
    done(await post(ready_bank, "verifier", f"/api/requests/{request['id']}/refusal", body))

    await must_be_kept_apart(ready_bank, "D-04", "verifier", "settler", prepare_leg, deal)
    done(await deal.settle("EUR", "preparation", "settler"))
    await must_be_kept_apart(ready_bank, "D-04", "verifier", "releaser", release_leg, deal)


@pytest.mark.parametrize("maker", ["steward", "steward-approver"])
async def test_D_04_whoever_made_or_approved_a_route_never_pays_along_it(
    ready_bank: World, maker: str
) -> None:
    deal = await prepared(ready_bank)
    second_account = await open_account(ready_bank, maker, Office.BACK_OFFICE)

    await must_be_kept_apart(ready_bank, "D-04", second_account, "releaser", release_leg, deal)


# Cancelled meanwhile, and at the same moment ----------------------------------------------------------


async def test_a_cancelled_deal_s_legs_are_withdrawn_and_pay_nothing(ready_bank: World) -> None:
    deal = await prepared(ready_bank)
    await deal.cancel()
    assert refused(await deal.settle("EUR", "release", "releaser"))[:2] == (409, "not_verified")
    assert refused(await deal.settle("USD", "preparation", "settler"))[:2] == (409, "not_verified")

    await drain(ready_bank)
    assert {leg["state"] for leg in (await deal.legs()).values()} == {"withdrawn"}
    assert await deal.items() == set()
    assert refused(await deal.settle("EUR", "release", "releaser"))[:2] == (409, "not_verified")


async def test_legs_are_projected_before_they_are_withdrawn(ready_bank: World) -> None:
    deal = await sent(ready_bank)
    ours = (await deal.confirmation())["ours"]
    done(await deal.confirm("counter", fields=ours))
    done(await deal.confirm("match"))
    withdraw = WithdrawLegs(trade_id=UUID(deal.id), version=1)
    with pytest.raises(Exception, match="stands"):
        await automatic(ready_bank, Office.BACK_OFFICE, withdraw_legs, withdraw)
    await deal.cancel()
    with pytest.raises(Exception, match="still to be projected"):
        await automatic(ready_bank, Office.BACK_OFFICE, withdraw_legs, withdraw)

    await drain(ready_bank)
    assert {leg["state"] for leg in (await deal.legs()).values()} == {"withdrawn"}
    assert await deal.items() == set()


async def test_of_64_releases_at_the_same_moment_exactly_one_lets_the_money_go(ready_bank: World) -> None:
    deal = await prepared(ready_bank)
    leg = (await deal.legs())["EUR"]
    path = f"/api/settlements/{leg['id']}/release"
    callers = [await ready_bank.as_(account) for account in ("releaser", "other-releaser")]

    answers = await asyncio.gather(
        *(callers[n % 2].post(path, {"version": leg["version"]}) for n in range(64))
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 63
    assert {answer.json()["code"] for answer in answers if answer.status_code != 200} == {"stale_version"}
    assert (await deal.legs())["EUR"]["version"] == leg["version"] + 1
    shown = (await (await ready_bank.as_("trader")).get(f"/api/trades/{deal.id}/timeline")).json()
    assert [one["act"] for one in shown].count("settlement.release") == 1


async def test_legs_are_listed_by_state_value_date_and_page(ready_bank: World) -> None:
    deal = await matched(ready_bank)
    await matched(ready_bank, value_date="2026-10-28")
    caller = await ready_bank.as_("auditor")
    due = (await caller.get("/api/settlements", value_date=VALUE_DATE)).json()["items"]
    assert [leg["trade"] for leg in due] == [deal.id, deal.id]

    first = (await caller.get("/api/settlements", state="projected", limit=3)).json()
    rest = (await caller.get("/api/settlements", state="projected", limit=3, cursor=first["next"])).json()
    assert len({leg["id"] for leg in first["items"] + rest["items"]}) == 4
    assert (await caller.get("/api/settlements", state="settled")).json() == {"items": [], "next": None}
