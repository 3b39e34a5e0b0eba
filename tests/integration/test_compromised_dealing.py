"""An office's login that would lend itself to limits and references which are others' to decide."""

from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from policies.vocabulary import Office
from service.kernel.failures import sqlstate
from service.kernel.identifiers import uuid7
from tests.bank import World
from tests.deals import FIXING, captured, counted, rows
from tests.intruders import Intruder, append, intruder_of
from tests.limits import MARKET_LIMITS, VALID, proposed, wish
from tests.parties import LEI
from tests.settling import Deal, fix

SHUT = "42501"
RELEASE = "SELECT public.limit_release(:deal, :entry) AS given_back"
RECHECK = "SELECT * FROM public.market_recheck('2026-10-26', null, :entry)"
HELD = "SELECT scope, used_eur FROM public.limit_use ORDER BY scope, owner_id"
VOTE = text(
    "INSERT INTO public.limit_vote (id, rev, limit_id, account_id, person_id, vote, reason) "
    "VALUES (:id, 1, :limit, :account, :person, 'approve', 'ours')"
)


@pytest.fixture
async def bank(ready_bank: World) -> World:
    """Give a bank with a deal that holds room of both its limits."""
    await captured(ready_bank)
    return ready_bank


async def vote(i: Intruder, limit: str) -> None:
    """Vote on a limit as the very person behind the office's own account, with an entry that says so."""
    row = uuid7()
    act = "limit.vote" if i.office is Office.CREDIT else "market_limit.vote"
    line = i.line(act=act, eff=[i.effect(kind="limit_vote", id=str(row))])
    async with i.open() as connection:
        facts = {"id": row, "limit": UUID(limit), "account": i.me.account, "person": i.me.person}
        await connection.execute(VOTE, facts)
        await append(connection, line)


async def test_RC_02_credit_and_risk_control_vote_on_their_own_limits_alone(bank: World) -> None:
    of_party = await proposed(bank, wish(LEI, "7.00"))
    body = {"portfolio": "FX-EUR", "amount_eur": "7.00", "reason": "less", **VALID}
    of_book = await proposed(bank, body, "other-risk-controller", MARKET_LIMITS)
    credit, risk = await intruder_of(bank, Office.CREDIT), await intruder_of(bank, Office.RISK_CONTROL)
    before = await counted(bank, "limit_vote")

    for intruder, foreign in ((credit, of_book), (risk, of_party)):
        with pytest.raises(DBAPIError, match="this office does not vote") as failure:
            await vote(intruder, str(foreign["id"]))
        assert sqlstate(failure.value) == SHUT
    assert await counted(bank, "limit_vote") == before

    await vote(credit, str(of_party["id"]))  # so that the above is no empty threat
    await vote(risk, str(of_book["id"]))
    assert await counted(bank, "limit_vote") == before + 2


async def test_the_back_office_s_login_frees_no_room_of_a_deal_that_lives(bank: World) -> None:
    (deal,) = await rows(bank, "SELECT id FROM public.trade")
    back, before = await intruder_of(bank, Office.BACK_OFFICE), await rows(bank, HELD)

    (answer,) = await back.run(RELEASE, deal=deal.id, entry=back.old_entry)

    assert answer.given_back == []
    assert await rows(bank, HELD) == before


async def test_the_back_office_s_login_frees_the_room_of_a_deal_once(bank: World) -> None:
    trade = await captured(bank)
    before = await rows(bank, HELD)
    await Deal(bank, trade["id"]).cancel()
    after = await rows(bank, HELD)
    back = await intruder_of(bank, Office.BACK_OFFICE)

    (again,) = await back.run(RELEASE, deal=UUID(trade["id"]), entry=back.old_entry)

    assert [one.used_eur - other.used_eur for one, other in zip(before, after, strict=True)] == [1000000] * 2
    assert again.given_back == []
    assert await rows(bank, HELD) == after


async def test_risk_control_s_login_checks_no_price_under_an_entry_of_yesterday(bank: World) -> None:
    intruder = await intruder_of(bank, Office.RISK_CONTROL)
    before = await counted(bank, "market_check")

    with pytest.raises(DBAPIError, match="is not of this act") as failure:
        await intruder.run(RECHECK, entry=intruder.old_entry)

    assert sqlstate(failure.value) == SHUT
    assert await counted(bank, "market_check") == before


@pytest.mark.parametrize("office", [Office.FRONT_OFFICE, Office.BACK_OFFICE, Office.RISK_CONTROL])
async def test_no_login_looks_past_the_rows_it_may_see(bank: World, office: Office) -> None:
    await fix(bank, "2026-10-27", FIXING)
    intruder = await intruder_of(bank, office)
    days = {row.day.isoformat() for row in await intruder.run("SELECT day FROM public.fixing_set")}

    assert days == {"2026-10-26"} if office is Office.FRONT_OFFICE else {"2026-10-26", "2026-10-27"}
    for statement in ("SELECT day FROM public.fixing_set", "COPY public.fixing_set TO STDOUT"):
        async with intruder.open() as connection:
            await connection.exec_driver_sql("SET LOCAL row_security = off")
            with pytest.raises(DBAPIError, match="row-level security policy") as failure:
                await connection.exec_driver_sql(statement)
            assert sqlstate(failure.value) == SHUT
