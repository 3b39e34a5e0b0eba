"""A front office that lies about limits: its own program altered, or statements of its own on its database login."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Office
from service.kernel.errors import Refusal
from service.kernel.failures import sqlstate
from service.kernel.identifiers import uuid7
from service.kernel.money import Money
from service.limits import reserving, use_cases
from service.limits.lifecycle import LimitState
from service.limits.reserving import Reserved, Wanted
from service.trades import entering
from service.trades.model import Trade
from tests.bank import World
from tests.deals import TERMS, act, capture, captured, counted, returned, rows, written
from tests.intruders import Intruder, append, intruder_of
from tests.limits import LIMITS, MARKET_LIMITS, a_limit, ballot, proposed, shown, used, wish
from tests.parties import LEI, OTHER_LEI, a_counterparty

Lie = Callable[[AsyncSession, Sequence[Wanted]], Awaitable[Mapping[UUID, Reserved | Refusal]]]
RESERVE = text("SELECT * FROM public.limit_reserve(CAST(:deals AS jsonb))")
SHUT, WRONG, LONELY = "42501", "23514", "23503"
CENT = Decimal("0.01")


def asks_for(**changed: Any) -> Lie:
    """Return a reservation of something else than the deal is."""

    async def lie(session: AsyncSession, wanted: Sequence[Wanted]) -> Mapping[UUID, Reserved | Refusal]:
        return await reserving.reserve(session, [replace(one, **changed) for one in wanted])

    return lie


async def asks_for_nothing(_: AsyncSession, wanted: Sequence[Wanted]) -> Mapping[UUID, Reserved | Refusal]:
    return {one.trade_id: Reserved(Decimal(0), Decimal(0), Decimal(0), ()) for one in wanted}


async def takes_it_back(session: AsyncSession, wanted: Sequence[Wanted]) -> Mapping[UUID, Reserved | Refusal]:
    """Ask for the right room, then give it back by asking for less as if for a later version."""
    taken = await reserving.reserve(session, wanted)
    await reserving.reserve(
        session, [replace(one, version=2, exposure=tiny(), nominal=tiny()) for one in wanted]
    )
    return taken


async def takes_another_deal_s(
    session: AsyncSession, wanted: Sequence[Wanted]
) -> Mapping[UUID, Reserved | Refusal]:
    """Free the room of the desk's oldest deal beside taking the own."""
    oldest = await session.scalar(select(Trade.id).order_by(Trade.id).limit(1))
    assert oldest is not None
    foreign = [replace(one, trade_id=oldest, version=2, exposure=tiny(), nominal=tiny()) for one in wanted]
    await reserving.reserve(session, foreign)
    return await reserving.reserve(session, wanted)


def tiny() -> Money:
    return Money(CENT, "EUR")


@pytest.fixture
async def bank(ready_bank: World) -> World:
    """Give a bank with a deal, its limits and another counterparty."""
    await a_counterparty(ready_bank, OTHER_LEI, "Second")
    await captured(ready_bank)
    return ready_bank


async def sums(world: World) -> list[Any]:
    return await rows(
        world,
        "SELECT u.scope, u.used_eur, (SELECT coalesce(sum(r.eur_amount), 0) FROM public.limit_reservation r "
        "WHERE (r.scope, r.owner_id) = (u.scope, u.owner_id)) AS reserved FROM public.limit_use u ORDER BY 1, 2",
    )


async def test_a_program_that_reserves_something_else_than_its_deal_writes_nothing(
    bank: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    (other,) = await rows(bank, "SELECT id FROM public.counterparty WHERE lei = :lei", lei=OTHER_LEI)
    lies: dict[str, Lie] = {
        "less": asks_for(exposure=Money(CENT, "EUR")),
        "less of the book": asks_for(nominal=Money(CENT, "EUR")),
        "nothing": asks_for_nothing,
        "a cheaper currency": asks_for(exposure=Money(Decimal(1000000), "USD")),
        "of another counterparty": asks_for(counterparty_id=other.id),
        "and gives it back": takes_it_back,
        "and gives another deal's back": takes_another_deal_s,
        "of a version to come": asks_for(version=2),
        "for another deal": asks_for(trade_id=uuid4()),
        "less than nothing": asks_for(exposure=Money(Decimal(-1000000), "EUR")),
        "not a number": asks_for(exposure=Money(Decimal("NaN"), "EUR")),
    }
    before, held = await written(bank), await sums(bank)
    for name, lie in lies.items():
        monkeypatch.setattr(entering, "reserve", lie)
        answer = await capture(bank)
        assert answer.status_code in (409, 500), name
        assert {table: count for table, count in (await written(bank)).items() if table != "work_item"} == {
            table: count for table, count in before.items() if table != "work_item"
        }, name
        assert await sums(bank) == held, name
    monkeypatch.undo()
    await captured(bank)


async def test_a_correction_keeps_no_more_and_no_less_room_than_its_version_takes(
    bank: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = await a_limit(bank, LEI, "9000000.00")
    deal = await captured(bank)
    await returned(bank, deal)
    path, body = f"/api/trades/{deal['id']}/resubmission", TERMS | {"base_amount": "2000000.00", "version": 1}

    async def asks_twice(
        session: AsyncSession, wanted: Sequence[Wanted]
    ) -> Mapping[UUID, Reserved | Refusal]:
        taken = await reserving.reserve(session, wanted)
        small = [replace(one, exposure=tiny(), nominal=tiny()) for one in wanted]
        await reserving.reserve(session, small)
        return taken

    for lie in (asks_twice, asks_for_nothing, asks_for(version=1)):
        monkeypatch.setattr(entering, "reserve", lie)
        assert (await act(bank, "trader", path, **body)).status_code in (409, 500)
        assert await used(bank, limit) == "2000000.00"
    monkeypatch.undo()
    assert (await act(bank, "trader", path, **body)).status_code == 200
    assert await used(bank, limit) == "3000000.00"
    assert {row.used_eur - row.reserved for row in await sums(bank)} == {0}


async def test_RC_02_the_front_office_s_own_login_sets_no_limit_and_frees_no_room(bank: World) -> None:
    limit = await proposed(bank, wish(LEI, "7.00"))
    intruder = await intruder_of(bank, Office.FRONT_OFFICE)
    (party,) = await rows(bank, "SELECT id FROM public.counterparty WHERE lei = :lei", lei=LEI)
    (book,) = await rows(bank, "SELECT id FROM public.portfolio")
    (trade,) = await rows(bank, "SELECT id FROM public.trade")
    assert await outcome(own_limit(intruder, party.id, state="in_force", decided_at="2026-10-27")) == SHUT
    assert await outcome(own_limit(intruder, party.id, decided_at="2026-10-27")) == SHUT
    assert await outcome(own_limit(intruder, book.id, scope="portfolio")) == SHUT
    for statement in (
        f"UPDATE public.trading_limit SET state = 'in_force', rev = 2 WHERE id = '{limit['id']}'",
        "UPDATE public.trading_limit SET amount_eur = 900000000000",
        "DELETE FROM public.limit_vote",
        "INSERT INTO public.limit_vote (id) VALUES (gen_random_uuid())",
        "UPDATE public.limit_use SET used_eur = 0",
        "INSERT INTO public.limit_reservation (id) VALUES (gen_random_uuid())",
        "UPDATE public.limit_reservation SET eur_amount = 0",
        "DELETE FROM public.limit_reservation",
        "UPDATE public.work_item SET closed_at = now() WHERE kind = 'excess'",
        "INSERT INTO public.excess (id) VALUES (gen_random_uuid())",
        f"SELECT public.limit_release('{trade.id}', gen_random_uuid())",
        f"SELECT public.limit_give_back('{trade.id}', 1, gen_random_uuid(), 'released')",
        "SELECT * FROM public.limit_wrongly_held(gen_random_uuid(), 1)",
    ):
        assert await outcome(intruder.run(statement)) == SHUT, statement
    before = await sums(bank)
    for ends, more in (
        (WRONG, {"amount": "-1000000.00"}),
        (WRONG, {"nominal": "-1.00"}),
        (WRONG, {"amount": None}),
        (LONELY, {}),  # no deal
        (SHUT, {"trade": str(trade.id), "version": 2}),
    ):
        assert await outcome(reserved(intruder, party.id, book.id, **more)) == ends, more
    assert await sums(bank) == before
    assert await counted(bank, "trading_limit") == 4


async def test_RC_02_a_credit_office_that_miscounts_its_votes_sets_no_limit(
    bank: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = await proposed(bank, wish(LEI, "7.00"))
    for wrong in (LimitState.IN_FORCE, LimitState.REFUSED):
        monkeypatch.setattr(use_cases, "after_votes", lambda _, state=wrong: state)
        assert (await ballot(bank, limit, "credit-officer")).status_code == 500
    monkeypatch.undo()
    now = await shown(bank, limit)
    assert (now["state"], now["votes"]) == ("proposed", [])


async def test_no_office_reserves_or_votes_for_another(bank: World) -> None:
    (party,) = await rows(bank, "SELECT id FROM public.counterparty WHERE lei = :lei", lei=LEI)
    (book,) = await rows(bank, "SELECT id FROM public.portfolio")
    limit = await proposed(bank, wish(LEI, "7.00"))
    facts = {"portfolio": "FX-EUR", "amount_eur": "7.00", "reason": "less", "valid_from": "2026-10-27"}
    of_book = await proposed(bank, facts | {"valid_to": "2027-10-27"}, "risk-controller", MARKET_LIMITS)
    for office in set(Office) - {Office.FRONT_OFFICE}:
        intruder = await intruder_of(bank, office)
        assert await outcome(reserved(intruder, party.id, book.id)) == SHUT, office
        for one in (limit, of_book):
            assert await outcome(own_vote(intruder, one["id"])) == SHUT, office
            assert await outcome(set_at_once(intruder, one["id"])) in (SHUT, LONELY), office
    assert (await counted(bank, "limit_vote")) == 6
    assert (await act(bank, "credit-officer", f"{LIMITS}/{limit['id']}/vote", **BALLOT)).status_code == 200


BALLOT = {"version": 1, "vote": "approve", "reason": "within what we can bear"}


async def outcome(tried: Awaitable[object]) -> str:
    """Return how the database refused, or that it was done."""
    try:
        await tried
    except DBAPIError as failure:
        return str(sqlstate(failure))
    return "done"


async def own_limit(i: Intruder, owner: UUID, **more: Any) -> None:
    """Write a limit with its entry, as the service would write a proposal."""
    row = {
        "id": str(uuid7()), "rev": 1, "scope": "counterparty", "owner_id": str(owner), "state": "proposed",
        "amount_eur": "900000000000.00", "valid_from": "2026-10-27", "valid_to": "2099-12-31",
        "short_term": False, "reason": "ours", "proposed_by": str(i.me.account),
    } | more  # fmt: skip
    await with_entry(i, "limit.propose", "trading_limit", row)


async def own_vote(i: Intruder, limit: str) -> None:
    """Vote on a limit as the office's person, with an entry."""
    row = {
        "id": str(uuid7()), "rev": 1, "limit_id": limit, "account_id": str(i.me.account),
        "person_id": str(i.victim.person), "vote": "approve", "reason": "somebody else's",
    }  # fmt: skip
    await with_entry(i, "limit.vote", "limit_vote", row)


async def with_entry(i: Intruder, act_name: str, kind: str, row: dict[str, Any]) -> None:
    """Insert a row in the transaction of its entry."""
    line = i.line(act=act_name, eff=[i.effect(kind=kind, id=row["id"])])
    async with i.open() as connection:
        columns = ", ".join(row)
        values = ", ".join("'" + str(value).replace("'", "''") + "'" for value in row.values())
        await connection.exec_driver_sql(f"INSERT INTO public.{kind} ({columns}) VALUES ({values})")
        await append(connection, line)


async def set_at_once(i: Intruder, limit: str) -> None:
    """Set a limit without the votes for it."""
    await i.run(f"UPDATE public.trading_limit SET state = 'in_force', rev = 2 WHERE id = '{limit}'")


async def reserved(i: Intruder, party: UUID, book: UUID, **more: Any) -> None:
    """Take room of the limits with no deal to show for it."""
    deal = {
        "n": 0, "trade": str(uuid4()), "version": 1, "entry": str(i.old_entry), "counterparty": str(party),
        "portfolio": str(book), "currency": "EUR", "amount": "1.00", "nominal": "1.00",
    } | more  # fmt: skip
    async with i.open() as connection:
        await connection.execute(RESERVE, {"deals": json.dumps([deal])})
