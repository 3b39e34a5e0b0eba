"""Every type of deal and its amendment on the pages, without a script."""

import re
from dataclasses import replace

import pytest

from service.gate import Request
from service.trades.api import read_deal
from service.trades.importing import NotWhole, whole
from service.trades.use_cases import capture_trades
from tests.bank import World
from tests.conformity import agreed
from tests.deals import TERMS
from tests.importing import actor, deposit_document, table
from tests.parties import LEI
from tests.settling import captured, drain, matched
from tests.visiting import CHECK, ENTER, Form, Sheet, Visitor, chosen, deal_in, signed_in


async def entered(trader: Visitor, type_: str, **typed: str) -> Sheet:
    """Fill in the ticket of a type of deal."""
    form = (await trader.get("/trades/new", type=type_)).form("trade.capture")
    picked = {"portfolio": form.choices["portfolio"][-1], "counterparty": LEI}
    return await trader.act(f"/trades/new?type={type_}", "trade.capture", **picked | typed | ENTER)


async def test_a_forward_and_a_deposit_are_entered_and_shown(bank: World) -> None:
    await agreed(bank, LEI)
    trader = await signed_in(bank, "trader")
    forward = await entered(
        trader,
        "fx_forward",
        side="buy",
        base="EUR",
        quote="USD",
        base_amount="1M",
        spot_rate="1.1650",
        forward_points="0.0050",
        rate="1.1700",
        value_date="2027-01-29",
    )
    assert "We buy 1,000,000.00 EUR from First counterparty against 1,170,000.00 USD" in forward.text
    assert "Spot rate 1.1650 and points 0.005" in forward.text

    deposit = await entered(
        trader,
        "mm_deposit",
        principal="25M",
        currency="EUR",
        rate_percent="4",
        day_count="ACT/360",
        start_date="2026-10-29",
        end_date="2026-10-30",
    )
    assert "We place 25,000,000.00 EUR with First counterparty at 4" in deposit.text
    assert "interest 2,777.78 EUR" in deposit.text
    blotter = (await trader.get("/trades")).text
    assert "Deposit placed" in blotter
    assert "FX forward" in blotter
    for page in (forward, deposit):
        assert (await trader.get(f"/trades/{deal_in(page)}")).text


async def test_an_amendment_shows_what_will_follow_before_and_while_it_is_decided(bank: World) -> None:
    deal = await matched(bank)
    trader, verifier = await signed_in(bank, "trader"), await signed_in(bank, "other-verifier")
    shown = await trader.get(f"/trades/{deal.id}")
    assert f"/trades/{deal.id}/amendment" in shown.links

    form = (await trader.get(f"/trades/{deal.id}/amendment")).form("amendment.request")
    typed = {"base_amount": "1,200,000.00", "reason": "the ticket says 1.2 million"}
    preview = Sheet(await trader.send(form, **typed | CHECK))
    for words in ("What will follow", "Journal reversed and booked anew", "withdrawn and made anew"):
        assert words in preview.text
    assert "Nothing is entered yet." in preview.text

    done = await trader.act(f"/trades/{deal.id}/amendment", "amendment.request", **typed | ENTER)
    assert "The amendment is requested; the back office decides." in done.text
    request = next(link for link in (await verifier.get("/work")).links if "/requests/" in link)
    card = await verifier.get(request)
    for words in ("Amendment of", "1,000,000.00 1,200,000.00 ! material", "Journal reversed and booked anew"):
        assert words in card.text
    assert "The request is approved." in (await verifier.act(request, "approve")).text
    await drain(bank)
    assert "1,200,000.00 EUR" in (await trader.get(f"/trades/{deal.id}")).text


async def test_whoever_looked_at_an_older_version_is_told_by_the_preview_too(bank: World) -> None:
    deal = await captured(bank)
    trader, verifier = await signed_in(bank, "trader"), await signed_in(bank, "other-verifier")
    form = (await trader.get(f"/trades/{deal.id}/amendment")).form("amendment.request")
    earlier = {"executed_at": "27 Oct 2026 08:05", "reason": "struck earlier"}
    preview = Sheet(await trader.send(form, **earlier | CHECK))
    assert "Dealt at 27 Oct 2026 08:30:00 27 Oct 2026 08:05:00 not material" in preview.text
    part = Sheet(await trader.send(replace(form, action=f"{form.action}/preview"), **earlier))
    assert "Dealt at 27 Oct 2026 08:30:00" in part.text

    await trader.act(f"/trades/{deal.id}/amendment", "amendment.request", **earlier | ENTER)
    request = next(link for link in (await verifier.get("/work")).links if "/requests/" in link)
    assert "27 Oct 2026 08:30:00 27 Oct 2026 08:05:00" in (await verifier.get(request)).text
    await verifier.act(request, "approve")
    await drain(bank)

    german = (
        await (await signed_in(bank, "trader", language="de")).get(f"/trades/{deal.id}/amendment")
    ).form("amendment.request")
    assert (german.fields["base_amount"], german.fields["rate"]) == ("1.000.000,00", "1,1650")
    seen = "You saw version 1; it is at version 2 now."
    stale = Sheet(await trader.send(form, base_amount="900,000.00", **CHECK))
    assert seen in stale.text
    again = stale.form("amendment.request")
    assert again.fields["version"] == "1"
    assert seen in (await trader.submit(again, reason="smaller", **ENTER)).text


async def test_a_deal_off_the_market_says_so_to_whoever_verifies_it(bank: World) -> None:
    deal = await captured(bank, rate="0.8583")
    verifier = await signed_in(bank, "verifier")
    card = await verifier.get(f"/trades/{deal.id}/control")
    assert "! alert" in card.text
    assert "The rate looks quoted upside down." in card.text
    refused = await verifier.act(f"/trades/{deal.id}/control", "/acts/trade.verify")
    assert "This deal looks quoted upside down" in refused.text


async def test_a_line_fills_the_ticket_and_the_preview_says_what_the_deal_would_come_to(bank: World) -> None:
    trader = await signed_in(bank, "trader")
    ticket = (await trader.get("/trades/new")).form("trade.capture")
    assert ticket.fields["portfolio"], "the desk's only book is chosen already"
    line = {"line": "s 10m eurusd 1.1650 first"}
    seen = Sheet(await trader.send(ticket, **line | CHECK))
    for words in (
        "You sell 10,000,000.00 EUR to First counterparty against 11,650,000.00 USD at 1.165, value Thu 29 Oct 2026.",
        "Reference of 26 Oct 2026",
        "Limits in EUR, as they stand now",
        "Nothing is entered yet.",
    ):
        assert words in seen.text, seen.text
    filled = seen.form("trade.capture").fields
    assert (filled["line"], filled["base_amount"], filled["counterparty"]) == ("", "10,000,000", LEI)

    wrong = Sheet(await trader.send(ticket, line="S 10M EURUSD 1.1650 NOBODY", **CHECK))
    assert "Word 5, 'NOBODY', names no counterparty in force." in wrong.text
    assert wrong.form("trade.capture").fields["line"] == "S 10M EURUSD 1.1650 NOBODY"
    both = await trader.submit(ticket, **line | {"base_amount": "5M"} | ENTER)
    assert "The line says something else here than the ticket" in both.text

    holiday = {"value_date": "2026-12-25", "base": "EUR", "quote": "USD", "trade_date": "2026-12-23"}
    strip = replace(ticket, action="/trades/preview")
    part = Sheet(await trader.send(strip, **holiday))
    assert "cannot be paid on Friday 2026-12-25: Christmas Day" in part.text
    assert "Move to Mon 28 Dec 2026" in part.text
    moved = Sheet(await trader.send(ticket, **holiday, _value_date="2026-12-28"))
    assert moved.form("trade.capture").fields["value_date"] == "28 Dec 2026"
    german = await signed_in(bank, "trader", language="de")
    strip = replace((await german.get("/trades/new")).form("trade.capture"), action="/trades/preview")
    part = Sheet(await german.send(strip, line="V 10M EURUSD 1,1650 FIRST"))
    assert "Sie verkaufen 10.000.000,00 EUR" in part.text, part.text

    done = await trader.submit(ticket, **line | ENTER)
    assert "We sell 10,000,000.00 EUR to First counterparty" in done.text


async def test_a_file_is_looked_at_row_by_row_and_entered_whole_or_not_at_all(bank: World) -> None:
    trader = await signed_in(bank, "trader")
    form = (await trader.get("/trades/import")).form("import")
    book = form.choices["portfolio"][-1]
    good = {"portfolio": book, "counterparty": LEI}
    columns = (*TERMS, "key")

    async def offered(on: Form, do: dict[str, str], *rows: dict[str, str], status: int = 200) -> Sheet:
        answer = await trader.send(on, file=table(*rows, columns=columns), **do)
        assert answer.status_code == status, Sheet(answer).text
        return Sheet(answer)

    wrong = await offered(form, CHECK, good, good | {"value_date": "2026-10-31"})
    assert "1 row is refused. None is entered until every row is right." in wrong.text
    assert "is the next good day" in wrong.text
    assert "Enter all" not in wrong.text
    await offered(wrong.form("import"), ENTER, good, good | {"value_date": "2026-10-31"})
    late = read_deal(TERMS | {"replaces": "0198c000-0000-7000-8000-000000000000"})
    deals = [read_deal(dict(TERMS)), late]
    with pytest.raises(NotWhole):  # what only the capture itself finds takes the others with it
        await bank.bank.gate.perform_many(
            replace(capture_trades, run=whole),
            [Request(await actor(bank, "trader"), deal, str(n)) for n, deal in enumerate(deals)],
        )
    assert "No deal here." in (await trader.get("/trades")).text, "one refused row keeps all out"

    both = [good | {"base_amount": "21.00"}, good | {"base_amount": "22.00", "side": "sell"}]
    looked = await offered(form, CHECK, *both)
    assert "Enter all 2 deals" in looked.text
    for _ in range(2):
        entered = await offered(looked.form("import"), ENTER, *both)
        assert "2 deals of the file stand in the books." in entered.text
    blotter = (await trader.get("/trades")).text
    assert re.search(r"EUR 21\.00 22\.00 −1\.00 USD", blotter), blotter
    await offered(form, CHECK, *[good] * 129, status=400)
    assert "The file is empty." in Sheet(await trader.send(form, file=" ", **CHECK)).text
    assert "The file has no rows." in (await offered(form, CHECK, status=400)).text


async def test_deals_that_changed_since_the_preview_are_looked_at_again_not_entered(bank: World) -> None:
    trader = await signed_in(bank, "trader")
    form = (await trader.get("/trades/import")).form("import")
    small, large = table({"base_amount": "1234567"}), table({"base_amount": "7654321"})
    changed = "The deals have changed since the preview; look at them again."

    looked = Sheet(await trader.send(form, file=small, **CHECK))
    assert "Enter 1 deal" in looked.text
    assert changed not in looked.text
    for never_seen in (form, looked.form("import")):
        again = Sheet(await trader.send(never_seen, file=large, **ENTER))
        assert changed in again.text
        assert "1 deal can be entered. Nothing is entered yet." in again.text
        assert "7,654,321.00 EUR" in again.text
        assert "No deal here." in (await trader.get("/trades")).text
    done = Sheet(await trader.send(again.form("import"), file=large.replace("\n", "\r\n"), **ENTER))
    assert "1 deal of the file stands in the books." in done.text
    assert changed not in done.text


async def test_a_default_that_changed_since_the_preview_is_looked_at_again(bank: World) -> None:
    trader = await signed_in(bank, "trader")
    form = (await trader.get("/trades/import")).form("import")
    strata = (
        "Strata Trade Type,Trade Date,Convention,Buy Sell,Currency,Notional,FX Rate,Payment Date\n"
        "FX,2026-10-27,EUR/USD,Buy,EUR,1000000,1.1652,2026-10-29\n"
    )
    said = {name: form.choices[name][-1] for name in ("counterparty", "portfolio")}
    said |= {"file": strata, "executed_at": "27 Oct 2026 09:05"}
    looked = Sheet(await trader.send(form, **said, **CHECK)).form("import")
    later = Sheet(await trader.send(looked, **said | {"executed_at": "27 Oct 2026 09:06"}, **ENTER))
    assert "The deals have changed since the preview" in later.text
    done = Sheet(await trader.send(looked, **said | {"executed_at": "2026-10-27T09:05"}, **ENTER))
    assert "1 deal of the file stands in the books." in done.text, "the same time, written in another way"


async def test_of_a_document_with_our_lei_nobody_has_to_say_which_party_we_are(bank: World) -> None:
    await agreed(bank, LEI)
    trader = await signed_in(bank, "trader", language="de")
    form = (await trader.get("/trades/import")).form("import")
    said = {"portfolio": form.choices["portfolio"][-1], "executed_at": "2026-10-27T09:05"}
    file = deposit_document(bank.bank.gate.entity_lei)
    looked = Sheet(await trader.send(form, file=file, **said, **CHECK))
    assert "Das Dokument nennt Zinsen von" in looked.text, looked.text
    theirs = Sheet(await trader.send(form, file=file, we_are="us", **said, **CHECK))
    assert "1 Geschäft kann erfasst werden." in theirs.text
    done = Sheet(await trader.send(looked.form("import"), file=file, **said, **ENTER))
    assert "1 Geschäft der Datei steht in den Büchern." in done.text
    nobody = Sheet(await trader.send(form, file=file, we_are="elsewhere", **said, **CHECK))
    assert "'elsewhere' ist keine Partei dieses Dokuments" in nobody.text, nobody.text


async def test_a_file_is_read_to_germans_in_german(bank: World) -> None:
    trader = await signed_in(bank, "trader", language="de")
    form = (await trader.get("/trades/import")).form("import")

    async def said(file: str) -> str:
        return Sheet(await trader.send(form, file=file, **CHECK)).text

    wrong = await said(table({"base_amount": "1.000.000,50"}, {"side": "purchase"}, {"side_agreements": ""}))
    assert "base_amount : '1.000.000,50' ist mit einem Komma geschrieben" in wrong, wrong
    assert "side : 'purchase' ist weder Kauf (buy) noch Verkauf (sell)" in wrong
    assert "side_agreements : fx_spot braucht diese Angabe, und die Zelle ist leer" in wrong
    assert "Die Datei ist eine Arbeitsmappe oder ein Archiv" in await said("PK\x03\x04")
    assert "Die Datei hat keine Zeilen." in await said(table())

    looked = Sheet(await trader.send(form, file=table({}), **CHECK))
    assert "Sie kaufen 1.000.000,00 EUR von First counterparty gegen" in looked.text
    assert "Referenz vom 26.10.2026: −1,7 Bp" in looked.text
    for _ in range(2):
        entered = Sheet(await trader.send(looked.form("import"), file=table({}), **ENTER))
        assert "Sie kaufen 1.000.000,00 EUR von First counterparty gegen" in entered.text
        assert "innerhalb der Toleranz: −1,7 Bp" in entered.text


async def test_a_returned_deal_stands_on_top_with_the_time_that_is_left(bank: World) -> None:
    deal = await captured(bank)
    verifier = await signed_in(bank, "verifier")
    await verifier.act(f"/trades/{deal.id}/control", "return", reason="another rate was agreed")
    blotter = (await (await signed_in(bank, "trader")).get("/trades", state="verified")).text
    assert "Returned to you" in blotter
    assert re.search(r"\d (h|min) (\d+ min )?another rate was agreed", blotter), blotter


async def test_columns_order_and_filters_of_the_blotter_stand_in_its_address(bank: World) -> None:
    far, near = await captured(bank), await captured(bank, value_date="2026-10-28")
    trader = await signed_in(bank, "trader")

    def rows_of(page: Sheet) -> list[str]:
        return [link for link in page.links if link.removeprefix("/trades/") in (far.id, near.id)]

    newest = await trader.get("/trades")
    assert rows_of(newest) == [f"/trades/{near.id}", f"/trades/{far.id}"]
    assert "First counterparty" in newest.text
    chosen = await trader.get("/trades?sort=value_date&hide=counterparty,trader&mark=late")
    assert "No deal here." in chosen.text, "none of them is late"
    chosen = await trader.get("/trades?sort=value_date&hide=counterparty,trader&captured_by=trader")
    assert rows_of(chosen)[0] == f"/trades/{near.id}"
    assert "/trades?sort=captured&hide=counterparty%2Ctrader&captured_by=trader" in chosen.links
    assert "/trades?sort=value_date&hide=trader&captured_by=trader" in chosen.links, "a column comes back"
    first = (await (await bank.as_("trader")).get("/api/trades", sort="value_date", limit=1)).json()
    after = (
        await (await bank.as_("trader")).get("/api/trades", sort="value_date", limit=1, cursor=first["next"])
    ).json()
    assert [one["id"] for one in (*first["items"], *after["items"])] == [near.id, far.id]
    falling = await trader.get("/positions?sort=-amount")
    assert falling.text.index("EUR") < falling.text.index("USD")
    assert (await trader.client.get("/positions?sort=colour")).status_code == 400


async def test_a_refused_ticket_stands_as_it_was_filled_in_however_long_it_is(bank: World) -> None:
    trader = await signed_in(bank, "trader", language="de")
    ticket = await trader.get("/trades/new")
    agreed_ = "Die Gegenseite übernimmt die Gebühren für nachträgliche Änderungen. " * 26
    typed = chosen(ticket) | {"value_date": "25.12.2026", "side_agreements": agreed_[:1800]}
    answer = await trader.send(ticket.form("trade.capture"), **typed | ENTER)
    page = Sheet(answer)
    assert answer.status_code == 422
    kept = page.form("trade.capture").fields
    before = ticket.form("trade.capture").fields
    assert kept["side_agreements"].strip() == typed["side_agreements"].strip()
    assert {name: kept[name] for name in ("base_amount", "base", "rate")} == {
        name: typed[name] for name in ("base_amount", "base", "rate")
    }
    for name in ("trade_date", "executed_at", "location", "portfolio"):
        assert kept[name] == before[name], name
    assert "No deal here." in (await (await signed_in(bank, "trader")).get("/trades")).text


async def test_so_do_a_refused_correction_and_a_refused_amendment(bank: World) -> None:
    waits, returned = await captured(bank), await captured(bank)
    verifier = await signed_in(bank, "verifier")
    await verifier.act(f"/trades/{returned.id}/control", "return", reason="another rate was agreed")
    trader = await signed_in(bank, "trader")
    for path, name in (
        (f"/trades/{returned.id}/correction", "trade.resubmit"),
        (f"/trades/{waits.id}/amendment", "amendment.request"),
    ):
        form = (await trader.get(path)).form(name)
        typed = {"value_date": "25 Dec 2026", "side_agreements": "fees of later changes are theirs " * 55}
        reason = {"reason": "as was agreed"} if "reason" in form.fields else {}
        answer = await trader.send(form, **typed, **reason, **ENTER)
        assert answer.status_code == 422, (path, Sheet(answer).text)
        page = Sheet(answer)
        assert "EUR cannot be paid on Friday" in page.text
        assert page.form(name).fields["side_agreements"].strip() == typed["side_agreements"].strip()
        assert page.form(name).fields["version"] == "1"


async def test_a_form_too_long_to_keep_says_so_and_holds_what_it_held_before(bank: World) -> None:
    trader = await signed_in(bank, "trader")
    form = (await trader.get("/internal-deals/new")).form("internal.offer")
    page = await trader.submit(form, side_agreements="ü" * 2000, base_amount="plenty")
    assert "What you had typed was too long to be kept; the form stands as it was before." in page.text
    after = page.form("internal.offer").fields
    assert form.fields["trade_date"], "the page fills it in"
    assert {name: after[name] for name in ("trade_date", "executed_at")} == {
        name: form.fields[name] for name in ("trade_date", "executed_at")
    }


async def test_a_currency_or_a_day_without_a_calendar_is_named_where_the_spot_date_is_left_to_us(
    bank: World,
) -> None:
    trader = await signed_in(bank, "trader")
    ticket = await trader.get("/trades/new")

    async def said(**typed: str) -> str:
        return (await trader.submit(ticket.form("trade.capture"), **chosen(ticket) | typed | ENTER)).text

    assert "Base currency : 'XXX' is no currency of ISO 4217." in await said(base="xxx")
    assert "XAF is not dealt here: no settlement calendar is kept for it." in await said(quote="XAF")
    assert "Base currency : HRK was replaced by EUR on 2023-01-01." in await said(base="HRK")
    assert "Trade date : The EUR calendar runs from 1999 to 2099, not 9999-12-31." in await said(
        trade_date="31.12.9999"
    )
    strip = replace(ticket.form("trade.capture"), action="/trades/preview")
    assert (
        "Base currency: 'XXX' is no currency of ISO 4217." in Sheet(await trader.send(strip, base="XXX")).text
    )


async def test_codes_that_changed_in_a_deal_are_named_in_the_readers_words(bank: World) -> None:
    deal = await captured(bank)
    await (await signed_in(bank, "verifier")).act(
        f"/trades/{deal.id}/control", "return", reason="the other way round"
    )
    trader = await signed_in(bank, "trader", language="de")
    page = await trader.act(f"/trades/{deal.id}/correction", "trade.resubmit", side="sell", **ENTER)
    assert "Seite: vorher Kauf , jetzt Verkauf" in page.text, page.text
