"""Accounting books what is proved to have happened, once, and takes back by a mirror, never by a change."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from policies.vocabulary import Office
from service.bookkeeping import use_cases
from service.bookkeeping.posting import Line, Rule, trade_date_journal
from service.bookkeeping.queries import lines_digest, lines_of
from service.bookkeeping.use_cases import PostJournal, ReverseJournals, post_journal, reverse_journals
from service.kernel.errors import KeptApart
from service.market.ecb import by_day, demo_archive, read_fixings
from tests.bank import World
from tests.settling import (
    VALUE_DATE,
    Deal,
    act_as,
    captured,
    done,
    drain,
    fix,
    matched,
    on_business_date,
    open_account,
    post,
    refused,
    set_up,
    settled,
    verified,
)
from tests.visiting import signed_in

FX_EX01 = {  # FpML's example fx-ex01
    "base": "GBP",
    "quote": "USD",
    "base_amount": "10000000.00",
    "rate": "1.48",
    "trade_date": "2001-10-23",
    "value_date": "2001-10-25",
    "executed_at": "2001-10-23T09:15:00Z",
}


async def journals(world: World, deal: Deal) -> list[dict[str, Any]]:
    """Return the deal's journals, oldest first."""
    found = (await (await world.as_("accountant")).get("/api/journals", trade=deal.id)).json()["items"]
    return list(found)


async def balances(world: World, **query: str) -> dict[tuple[str, str], tuple[str, str]]:
    """Return balance and euro worth of every account and currency, once the books prove themselves."""
    found = (await (await world.as_("closer")).get("/api/balances", **query)).json()
    assert {Decimal(one[name]) for one in found["proof"]["currencies"] for name in ("sum", "eur_sum")} <= {0}
    assert Decimal(found["proof"]["eur_sum"]) == 0
    for one in found["items"]:
        assert Decimal(one["debit"]) - Decimal(one["credit"]) == Decimal(one["balance"])
    return {(one["account"], one["currency"]): (one["balance"], one["eur_balance"]) for one in found["items"]}


async def book(world: World, deal: Deal, account: str = "accountant", **more: Any) -> Any:
    """Try to book something about the deal."""
    return await post(world, account, "/api/journals", {"event": "trade_date", "trade": deal.id} | more)


async def test_fx_ex01_is_booked_in_euro_to_the_cent_at_the_fixing_of_its_trade_date(
    bank_world: World,
) -> None:
    await set_up(bank_world, currencies=("GBP", "USD"))
    await fix(bank_world, "2001-10-23", {"GBP": "0.6258", "USD": "0.8887"})
    deal = await verified(bank_world, **FX_EX01)
    await drain(bank_world)

    (journal,) = await journals(bank_world, deal)
    assert (journal["rule"], journal["version"], journal["trade"]) == ("FX-SPOT-TRADE/1", 1, deal.id)
    assert (journal["booked_on"], journal["event"]) == ("2026-10-27", f"trade:{deal.id}:1")
    assert [tuple(line.values()) for line in journal["lines"]] == [
        ("9010", "GBP", "10000000.00", "15979546.18"),
        ("FXP-GBP", "GBP", "-10000000.00", "-15979546.18"),
        ("FXP-USD", "USD", "14800000.00", "16653538.88"),
        ("9020", "USD", "-14800000.00", "-16653538.88"),
    ]
    booked = await balances(bank_world)
    assert Decimal(booked["9010", "GBP"][1]) + Decimal(booked["9020", "USD"][1]) == Decimal("-673992.70")


async def test_a_settled_deal_leaves_money_and_position_and_nothing_in_between(ready_bank: World) -> None:
    deal = await settled(ready_bank)
    assert await deal.items() == set()

    assert [journal["rule"] for journal in await journals(ready_bank, deal)] == [
        "FX-SPOT-TRADE/1",
        "FX-SPOT-SETTLE/1",
        "FX-SPOT-SETTLE/1",
    ]
    nothing = ("0.00", "0.00")
    assert await balances(ready_bank) == {
        ("1010", "EUR"): ("1000000.00", "1000000.00"),
        ("1010", "USD"): ("-1165000.00", "-999828.36"),
        ("9010", "EUR"): nothing,
        ("9020", "USD"): nothing,
        ("FXP-EUR", "EUR"): ("-1000000.00", "-1000000.00"),
        ("FXP-USD", "USD"): ("1165000.00", "999828.36"),
    }
    before = await balances(ready_bank, as_of="2026-10-27")
    assert {account for account, _ in before} == {"9010", "9020", "FXP-EUR", "FXP-USD"}
    assert await balances(ready_bank, as_of="2026-10-26") == {}


async def test_the_fixing_of_the_trade_date_counts_once_it_is_known_else_the_last_one(
    ready_bank: World,
) -> None:
    early = await verified(ready_bank)
    await drain(ready_bank)
    await fix(ready_bank, "2026-10-27", {"USD": "1.1600"})
    late = await verified(ready_bank)
    await drain(ready_bank)

    worth = [(await journals(ready_bank, deal))[0]["lines"][2]["eur_amount"] for deal in (early, late)]
    assert worth == ["999828.36", "1004310.34"]


async def test_a_deal_in_a_currency_without_a_reference_rate_is_not_booked(ready_bank: World) -> None:
    deal = await verified(ready_bank, quote="CHF", rate="0.9300")
    assert refused(await book(ready_bank, deal))[:2] == (409, "no_reference_rate")
    assert await journals(ready_bank, deal) == []

    await fix(ready_bank, "2026-10-27", {"CHF": "0.9280"})
    assert done(await book(ready_bank, deal))["rule"] == "FX-SPOT-TRADE/1"
    assert "post_trade" not in await deal.items()


async def test_an_event_is_booked_once_whoever_books_it(ready_bank: World) -> None:
    deal = await verified(ready_bank)
    await drain(ready_bank)

    assert refused(await book(ready_bank, deal))[:2] == (409, "already_posted")
    assert len(await journals(ready_bank, deal)) == 1


async def test_accounting_books_no_deal_that_the_back_office_did_not_verify(ready_bank: World) -> None:
    deal = await captured(ready_bank)
    assert refused(await book(ready_bank, deal))[:2] == (409, "not_verified")
    done(await deal.do("verifier", "return", reason="the rate is not on the ticket"))
    assert refused(await book(ready_bank, deal))[:2] == (409, "not_verified")
    await deal.cancel()
    assert refused(await book(ready_bank, deal))[:2] == (409, "not_verified")
    nobody = "00000000-0000-7000-8000-000000000001"
    assert refused(await book(ready_bank, Deal(ready_bank, nobody)))[:2] == (409, "not_verified")
    assert await balances(ready_bank) == {}


async def test_a_leg_is_booked_when_it_settled_and_after_its_deal(ready_bank: World) -> None:
    deal = await matched(ready_bank)
    leg = (await deal.legs())["EUR"]["id"]
    settlement = {"event": "settlement", "settlement": leg}
    assert refused(await book(ready_bank, deal, **settlement))[:2] == (409, "not_settled")
    other = await verified(ready_bank)
    assert refused(await book(ready_bank, other, **settlement))[:2] == (404, "not_found")
    for body in ({"event": "settlement"}, {"settlement": leg}):
        assert refused(await book(ready_bank, deal, **body))[:2] == (400, "malformed")

    done(await deal.settle("EUR", "preparation", "settler"))
    done(await deal.settle("EUR", "release", "releaser"))
    await on_business_date(ready_bank, VALUE_DATE)
    done(await deal.settle("EUR", "completion", "settler"))
    journal = done(await book(ready_bank, deal, **settlement))
    assert (journal["event"], journal["booked_on"]) == (f"settlement:{leg}", VALUE_DATE)
    assert "post_settlement" not in await deal.items()
    assert refused(await book(ready_bank, deal, **settlement))[:2] == (409, "already_posted")


# Reversal -------------------------------------------------------------------------------------------


async def reverse(world: World, deal: Deal, account: str = "accountant") -> Any:
    return await post(world, account, "/api/journals/reversal", {"trade": deal.id})


async def test_a_cancelled_deal_s_journal_is_mirrored_and_both_stay(ready_bank: World) -> None:
    deal = await matched(ready_bank)
    await deal.cancel()
    await drain(ready_bank)

    booked, mirrored = await journals(ready_bank, deal)
    assert (mirrored["rule"], mirrored["reverses"]) == ("REVERSAL/1", booked["id"])
    assert [line["account"] for line in mirrored["lines"]] == [line["account"] for line in booked["lines"]]
    for name in ("amount", "eur_amount"):
        assert [Decimal(line[name]) for line in mirrored["lines"]] == [
            -Decimal(line[name]) for line in booked["lines"]
        ]
    assert {Decimal(value) for both in (await balances(ready_bank)).values() for value in both} == {0}
    assert await deal.items() == set()
    assert refused(await reverse(ready_bank, deal))[:2] == (409, "nothing_to_reverse")


async def test_a_reversed_journal_is_shown_as_such_on_whatever_page_it_stands(ready_bank: World) -> None:
    deal = await matched(ready_bank)
    await deal.cancel()
    await drain(ready_bank)
    booked, mirrored = await journals(ready_bank, deal)
    accountant = await signed_in(ready_bank, "accountant")
    apart = await accountant.get("/journals", sort="newest", cursor=mirrored["id"])
    assert "reversed by" in apart.text
    assert "posted" not in apart.text
    link = f"/journals?journal={booked['id']}"
    assert f"{link}#{mirrored['id']}" in apart.links
    whole = (await accountant.client.get(link)).text
    assert f'id="{booked["id"]}"' in whole
    assert f'id="{mirrored["id"]}"' in whole
    assert f"{link}#{booked['id']}" in (await accountant.get("/journals")).links
    german = await signed_in(ready_bank, "accountant", language="de")
    assert "Währung Soll Haben Saldo" in (await german.get("/balances")).text


async def test_SET_19_only_a_cancelled_deal_is_reversed_and_only_after_it_was_booked(
    ready_bank: World,
) -> None:
    deal = await verified(ready_bank)
    assert refused(await reverse(ready_bank, deal))[:2] == (409, "deal_stands")
    await deal.cancel()
    assert refused(await reverse(ready_bank, deal))[:2] == (409, "post_first")

    done(await book(ready_bank, deal))
    answer = done(await reverse(ready_bank, deal))
    assert [journal["rule"] for journal in answer["journals"]] == ["REVERSAL/1"]
    assert refused(await book(ready_bank, deal))[:2] == (409, "already_posted")


# What the books refuse ------------------------------------------------------------------------------


async def test_a_journal_that_does_not_balance_fails_at_commit_and_is_never_answered_as_done(
    ready_bank: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    deal = await verified(ready_bank)

    def lopsided(*facts: Any) -> tuple[Rule, tuple[Line, ...]]:
        rule, (first, *rest) = trade_date_journal(*facts)
        return rule, (msgspec.structs.replace(first, amount=first.amount + Decimal("0.01")), *rest)

    with monkeypatch.context() as patched:
        patched.setattr(use_cases, "trade_date_journal", lopsided)
        answer = await book(ready_bank, deal)
    assert answer.status_code == 500
    assert answer.json()["code"] == "internal"
    assert "does not balance in EUR: 0.01" in caplog.text
    assert await journals(ready_bank, deal) == []
    assert await balances(ready_bank) == {}
    assert "post_trade" in await deal.items()

    assert done(await book(ready_bank, deal))["rule"] == "FX-SPOT-TRADE/1"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE public.journal_line SET amount = 0",
        "DELETE FROM public.journal_line",
        "TRUNCATE public.journal_line",
        "UPDATE public.journal SET rule = 'MINE/1'",
        "DELETE FROM public.journal",
        "INSERT INTO public.settlement (id) SELECT id FROM public.settlement",
        "UPDATE public.trade_control SET state = 'verified'",
    ],
)
async def test_accounting_s_own_login_changes_no_journal_and_nothing_of_another_office(
    bank_world: World, statement: str
) -> None:
    async with bank_world.bank.offices[Office.ACCOUNTING].connect() as connection:
        with pytest.raises(ProgrammingError, match="permission denied"):
            await connection.execute(text(statement))


async def test_not_even_the_database_s_owner_changes_a_line_or_books_one_without_its_entry(
    ready_bank: World,
) -> None:
    deal = await verified(ready_bank)
    await drain(ready_bank)
    assert len(await journals(ready_bank, deal)) == 1
    owner = create_async_engine(ready_bank.bank.admin_url)
    for statement in ("UPDATE public.journal_line SET amount = 0", "DELETE FROM public.journal_line"):
        async with owner.connect() as connection:
            with pytest.raises(ProgrammingError, match="neither changed nor deleted"):
                await connection.execute(text(statement))
    await owner.dispose()

    later = (
        "INSERT INTO public.journal_line SELECT journal_id, line + 10, account, currency, {} AS amount, "
        "0 AS eur_amount, entry_id FROM public.journal_line"
    )
    columns = (
        "INSERT INTO public.journal_line (journal_id, line, account, currency, amount, eur_amount, entry_id)"
    )
    for amount, why in (("1", "does not balance|not of this act"), ("0", "not of this act")):
        statement = later.format(amount).replace("INSERT INTO public.journal_line", columns)
        connection = await ready_bank.bank.offices[Office.ACCOUNTING].connect()
        await connection.execute(text(statement))
        with pytest.raises(Exception, match=why):
            await connection.commit()
        await connection.close()
    assert len((await journals(ready_bank, deal))[0]["lines"]) == 4


async def test_the_log_keeps_a_digest_of_the_lines_as_they_stand_in_the_books(ready_bank: World) -> None:
    deal = await verified(ready_bank)
    await drain(ready_bank)
    (journal,) = await journals(ready_bank, deal)

    async with AsyncSession(ready_bank.bank.offices[Office.ACCOUNTING]) as session:
        lines = await lines_of(session, [UUID(journal["id"])])
    assert lines_digest(lines[UUID(journal["id"])]) == journal["lines_digest"]


async def test_S_03_trading_neither_books_nor_reads_the_journal(ready_bank: World) -> None:
    deal = await verified(ready_bank)
    for account in ("trader", "head-of-trading", "verifier", "settler", "board-trading", "closer"):
        assert refused(await book(ready_bank, deal, account))[:2] == (403, "not_permitted")
        assert refused(await reverse(ready_bank, deal, account))[:2] == (403, "not_permitted")
    for account in ("trader", "head-of-trading", "releaser"):
        caller = await ready_bank.as_(account)
        assert (await caller.get("/api/journals")).status_code == 403
        assert (await caller.get("/api/balances")).status_code == 403
    for account in ("board-trading", "board-back", "compliance", "auditor"):
        assert (await (await ready_bank.as_(account)).get("/api/balances")).status_code == 200


async def test_D_01_whoever_entered_a_deal_never_books_or_reverses_it(ready_bank: World) -> None:
    deal = await verified(ready_bank, "mover-trading")
    second_account = await open_account(ready_bank, "mover-trading", Office.ACCOUNTING)
    trade = UUID(deal.id)
    for case, command in (
        (post_journal, PostJournal(event="trade_date", trade_id=trade)),
        (reverse_journals, ReverseJournals(trade_id=trade)),
    ):
        with pytest.raises(KeptApart) as kept:
            await act_as(ready_bank, second_account, {"accountant"}, case, command)
        assert kept.value.rule == "D-01"

    assert done(await book(ready_bank, deal))["rule"] == "FX-SPOT-TRADE/1"


async def test_journals_are_read_page_by_page(ready_bank: World) -> None:
    deals = [await verified(ready_bank) for _ in range(3)]
    await drain(ready_bank)
    caller = await ready_bank.as_("auditor")

    first = (await caller.get("/api/journals", limit=2)).json()
    rest = (await caller.get("/api/journals", limit=2, cursor=first["next"])).json()
    assert {one["trade"] for one in first["items"] + rest["items"]} == {deal.id for deal in deals}
    assert rest["next"] is None
    assert (await caller.get("/api/journals", limit=0)).status_code == 400


async def test_the_ecb_s_own_archive_holds_the_rates_of_fx_ex01() -> None:
    rates = by_day(read_fixings(demo_archive()))
    found = next(fixed for day, fixed in rates.items() if day.isoformat() == FX_EX01["trade_date"])
    assert (found["GBP"], found["USD"]) == (Decimal("0.6258"), Decimal("0.8887"))
