"""Deals out of files: looked at, entered once, refused row by row, and by nobody who may not trade."""

import csv
import json
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from service import deal_files
from service.__main__ import main
from service.cli import Exit
from service.importing.keys import keyed
from service.importing.reading import read
from service.importing.rows import Defaults
from service.kernel import embedded
from service.trades.importing import enter
from tests.bank import PASSWORD, World
from tests.conformity import agreed
from tests.conftest import OPENING_DATE
from tests.deals import TERMS, a_desk, by_force, counted, moved_to_control, refusals, rows, written
from tests.importing import a_bank, actor, imported, table
from tests.limits import a_limit
from tests.parties import OTHER_LEI, a_counterparty

STRATA = "Strata Trade Type,Trade Date,Convention,Buy Sell,Currency,Notional,FX Rate,Payment Date"
SATURDAY = "FX,27/10/2026,EUR/USD,Buy,EUR,1000000,1.1650,{payment}"
MARKET = {"currency": "EUR", "principal": "5000000.00", "rate_percent": "2.00", "day_count": "ACT/360"}
TERM = {"start_date": "2026-10-29", "end_date": "2026-11-30"}
COMMON = {
    name: TERMS[name]
    for name in ("trade_date", "counterparty", "portfolio", "executed_at", "side_agreements")
}
FORWARD = TERMS | {
    "type": "fx_forward",
    "spot_rate": "1.1650",
    "forward_points": "0.0020",
    "rate": "1.1670",
    "value_date": "2026-11-30",
}
ALL_TYPES: tuple[dict[str, str], ...] = (
    dict(TERMS),
    FORWARD,
    COMMON | MARKET | TERM | {"type": "mm_deposit"},
    COMMON | MARKET | TERM | {"type": "mm_loan"},
)


@pytest.fixture(scope="module")
async def bank(server: embedded.Server, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """Give one bank to all tests here: each enters deals of its own."""
    async with a_bank(server.url(), tmp_path_factory.mktemp("bank"), OPENING_DATE) as world:
        await a_desk(world)
        await agreed(world, TERMS["counterparty"])
        narrow = await a_counterparty(world, OTHER_LEI, "Second counterparty", limit=False)
        await a_limit(world, narrow, "2500000.00")
        yield world


def a_file(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "deals.csv"
    file.write_text(text)
    return file


async def test_a_file_is_entered_once_however_often_it_is_run(bank: World, tmp_path: Path) -> None:
    before = await counted(bank, "trade")
    file = a_file(
        tmp_path,
        table({"base_amount": "11.00"}, {"base_amount": "12.00", "quote": "XQQ"}, {"base_amount": "11.00"}),
    )
    first, told = await imported(bank, file)
    again, told_again = await imported(bank, file)

    assert first.exit is again.exit is Exit.REFUSED
    assert [row["result"] for row in told] == ["entered", "refused", "entered"]
    assert [row["result"] for row in told_again] == ["entered before", "refused", "entered before"]
    assert (told[1]["line"], told[1]["code"], told[1]["field"]) == ("3", "unknown_currency", "quote")
    assert int(told[2]["deal_number"]) == int(told[0]["deal_number"]) + 1
    assert told[0]["deal"].startswith("You buy 11.00 EUR from First counterparty")
    assert told[0]["market"] == "ok (within -1.7 bp)"
    assert [row["deal_number"] for row in told_again] == [row["deal_number"] for row in told]
    assert (first.told["entered"], first.told["refused as"]) == (2, {"unknown_currency": 1})
    assert await counted(bank, "trade") == before + 2
    for account, seen in (("trader", "entered before"), ("other-trader", "can be entered")):
        _, looked_at = await imported(bank, file, by=account, preview=True)
        assert [row["result"] for row in looked_at] == [seen, "refused", seen]  # whose row it was counts


async def test_a_preview_says_every_deal_in_words_and_writes_nothing(bank: World, tmp_path: Path) -> None:
    before, log = await written(bank), await counted(bank, "audit_entry")
    file = a_file(
        tmp_path,
        table(
            {"base_amount": "21.00"},
            {"base_amount": "22,00"},
            {"counterparty": "529900DTJ5A7S5UCBB52"},
            {"value_date": "2026-10-31"},
            {"portfolio": "FX-NONE"},
            {"trade_date": "2026-10-28", "value_date": "2026-10-30"},
            {"counterparty": OTHER_LEI, "base_amount": "2000000"},
            {"counterparty": OTHER_LEI, "base_amount": "600000"},
            {"counterparty": OTHER_LEI, "base_amount": "500000"},
        ),
    )
    outcome, told = await imported(bank, file, preview=True)

    assert outcome.exit is Exit.REFUSED
    assert [row["code"] for row in told] == [
        "", "no_deal", "unknown_counterparty", "value_date_on_holiday", "unknown_portfolio", "trade_date_in_future",
        "", "limit_exceeded", "",
    ]  # fmt: skip
    assert told[0]["deal"] == (
        "You buy 21.00 EUR from First counterparty against 24.47 USD at 1.165, value Thu 29 Oct 2026"
    )
    assert told[0]["market"] == "reference of 2026-10-26: -1.7 bp"
    assert told[3]["reason"].endswith("a weekend; 2026-11-02 is the next good day.")
    assert "EUR 2000000.00 of it are used: there is room for EUR 500000.00" in told[7]["reason"]
    assert await written(bank) == before
    assert await counted(bank, "audit_entry") == log + 1  # the session that was opened to look


async def test_the_preview_says_what_the_import_then_does(bank: World, tmp_path: Path) -> None:
    deals = [dict(deal) for deal in ALL_TYPES]
    columns = dict.fromkeys(name for deal in deals for name in deal)
    text = table(*({name: deal.get(name, "") for name in columns} for deal in deals), columns=columns)
    file = a_file(tmp_path, text)
    _, looked_at = await imported(bank, file, preview=True)
    outcome, told = await imported(bank, file)

    assert outcome.exit is Exit.OK
    assert [row["result"] for row in looked_at] == ["can be entered"] * 4
    assert [row["deal"] for row in looked_at] == [row["deal"] for row in told]
    assert [row["market"].split(" ")[0] for row in told] == [
        "ok",
        "no_reference",
        "no_reference",
        "no_reference",
    ]


async def test_an_interrupted_import_goes_on_where_it_stopped(bank: World, tmp_path: Path) -> None:
    before = await counted(bank, "trade")
    file = a_file(tmp_path, table(*({"base_amount": f"3{n:04}.00"} for n in range(150))))
    sets = enter(bank.bank.gate, await actor(bank, "trader"), keyed(read(file, Defaults())))
    assert len(await anext(sets)) == 128
    await sets.aclose()  # the process ends here; nobody wrote down what it did
    assert await counted(bank, "trade") == before + 128

    outcome, told = await imported(bank, file)

    assert (outcome.exit, outcome.told["entered before"], outcome.told["entered"]) == (Exit.OK, 128, 22)
    assert await counted(bank, "trade") == before + 150
    assert len({row["deal_number"] for row in told}) == 150


async def test_what_was_refused_is_tried_anew_and_what_was_entered_never(bank: World, tmp_path: Path) -> None:
    file = a_file(tmp_path, f"{STRATA}\n{SATURDAY.format(payment='31/10/2026')}\n")
    struck = datetime.fromisoformat(TERMS["executed_at"])
    known: dict[str, Any] = {"counterparty": TERMS["counterparty"], "executed_at": struck}
    on_saturday, said = await imported(bank, file, portfolio="FX-EUR", **known)
    assert (on_saturday.exit, said[0]["code"]) == (Exit.REFUSED, "no_deal")  # beyond spot

    file = a_file(tmp_path, f"{STRATA}\n{SATURDAY.format(payment='29/10/2026')}\n")
    mistyped, said = await imported(bank, file, portfolio="FX-ERU", **known)
    assert (mistyped.exit, said[0]["code"]) == (Exit.REFUSED, "unknown_portfolio")
    corrected, said = await imported(bank, file, portfolio="FX-EUR", **known)
    assert (corrected.exit, said[0]["result"]) == (Exit.OK, "entered")
    changed, said = await imported(bank, file, portfolio="FX-EUR", **known, side_agreements="call back")
    assert (changed.exit, said[0]["code"]) == (Exit.REFUSED, "key_reused")


@pytest.mark.parametrize("account", ["verifier", "settler", "head-of-trading", "rights-admin"])
async def test_TRD_14_nobody_without_the_right_to_trade_brings_in_deals_by_file(
    bank: World, tmp_path: Path, account: str
) -> None:
    before, refused_before = await written(bank), len(await refusals(bank))
    file = a_file(tmp_path, table({"base_amount": "41.00"}, {"base_amount": "42.00"}))
    for preview in (True, False):
        outcome, told = await imported(bank, file, by=account, preview=preview)
        assert (outcome.exit, outcome.told["code"], told) == (Exit.REFUSED, "not_permitted", [])
    assert await written(bank) == before
    recorded = (await refusals(bank))[refused_before:]
    assert [(one.act, one.data["code"]) for one in recorded] == [("trade.capture", "not_permitted")] * 2


@pytest.mark.parametrize("column", ["trader", "captured_by", "captured_at", "deal_number", "office"])
async def test_TRD_14_a_file_names_no_trader_time_number_or_office(
    bank: World, tmp_path: Path, column: str
) -> None:
    before = await written(bank)
    file = a_file(tmp_path, table({column: "other-trader"}, columns=[*TERMS, column]))
    outcome, _ = await imported(bank, file)
    assert (outcome.exit, outcome.told["line"]) == (Exit.FAILED, 1)
    assert await written(bank) == before


async def test_TRD_14_imported_deals_are_those_of_who_imported_them(bank: World, tmp_path: Path) -> None:
    _, told = await imported(bank, a_file(tmp_path, table({"base_amount": "43.00"})), by="other-trader")
    captured_by = await rows(
        bank,
        "SELECT a.name FROM trade t JOIN account a ON a.id = t.captured_by WHERE t.id = CAST(:trade AS uuid)",
        trade=told[0]["id"],
    )
    assert captured_by[0][0] == "other-trader"


async def test_D_01_who_imported_a_deal_does_not_verify_it_from_another_account(
    bank: World, tmp_path: Path
) -> None:
    _, told = await imported(bank, a_file(tmp_path, table({"base_amount": "51.00"})), by="mover-trading")
    await moved_to_control(bank)
    path = f"/api/trades/{told[0]['id']}/verification"
    refused = await (await bank.as_("mover-control")).post(path, {"version": 1})
    assert (refused.status_code, refused.json()["rule"]) == (403, "D-01")
    outcome, _ = await imported(bank, a_file(tmp_path, table({"base_amount": "52.00"})), by="mover-control")
    assert outcome.told["code"] == "not_permitted"


async def test_SET_19_a_changed_file_changes_no_deal(bank: World, tmp_path: Path) -> None:
    columns = [*TERMS, "key"]
    _, told = await imported(
        bank, a_file(tmp_path, table({"key": "deal-61", "rate": "1.1650"}, columns=columns))
    )
    before = await written(bank)
    changed = a_file(tmp_path, table({"key": "deal-61", "rate": "1.1655"}, columns=columns))
    outcome, said = await imported(bank, changed)

    assert (outcome.exit, said[0]["code"]) == (Exit.REFUSED, "key_reused")
    assert await written(bank) == before
    deal = (await (await bank.as_("trader")).get(f"/api/trades/{told[0]['id']}")).json()
    assert (deal["version"], deal["terms"]["rate"]) == (1, "1.1650")


async def test_a_report_opens_in_a_spreadsheet_without_obeying_the_file(bank: World, tmp_path: Path) -> None:
    hostile = "=HYPERLINK(1)"
    file = a_file(tmp_path, table({"side": hostile, "portfolio": "@SUM(1)"}, {"portfolio": "+cmd|1"}))
    report = tmp_path / "report.csv"
    wish = deal_files.Import(file, Defaults(), report=report)
    await deal_files.import_rows(bank.bank.gate, await actor(bank, "trader"), wish)
    rows = list(csv.reader(report.read_text().splitlines()))

    assert [dict(zip(rows[0], row, strict=True))["result"] for row in rows[1:]] == ["refused", "refused"]
    for row in rows:
        assert not [cell for cell in row if cell.startswith(("=", "+", "-", "@"))]
    assert (report.stat().st_mode & 0o777) == 0o600


async def test_a_file_that_cannot_be_read_enters_nothing(bank: World, tmp_path: Path) -> None:
    before = await written(bank)
    text = table({"base_amount": "71.00"}) + "x" * 70_000
    outcome, _ = await imported(bank, a_file(tmp_path, text))
    assert (outcome.exit, outcome.told["line"]) == (Exit.FAILED, 3)
    outcome, _ = await imported(bank, tmp_path / "nowhere.csv")
    assert outcome.exit is Exit.FAILED
    assert await written(bank) == before


async def test_the_report_never_takes_the_place_of_the_file(bank: World, tmp_path: Path) -> None:
    file = a_file(tmp_path, table({"base_amount": "72.00"}))
    before = await written(bank)
    outcome = await deal_files.import_rows(
        bank.bank.gate, await actor(bank, "trader"), deal_files.Import(file, Defaults(), report=file)
    )
    assert outcome.exit is Exit.FAILED
    assert await written(bank) == before
    assert file.read_text() == table({"base_amount": "72.00"})


async def test_the_session_that_ends_ends_the_import(bank: World, tmp_path: Path) -> None:
    before = await counted(bank, "trade")
    file = a_file(tmp_path, table(*({"base_amount": f"8{n:04}.00"} for n in range(130))))
    trader = await actor(bank, "other-trader")
    await by_force(
        bank, f"UPDATE session SET ended_at = now(), ended_why = 'test' WHERE id = '{trader.session}'"
    )
    wish = deal_files.Import(file, Defaults(), report=tmp_path / "report.csv")
    outcome = await deal_files.import_rows(bank.bank.gate, trader, wish)

    assert outcome.exit is Exit.REFUSED
    assert outcome.told["ended early"]["code"] == "not_signed_in"
    assert outcome.told["rows"] == 128
    assert await counted(bank, "trade") == before


async def test_the_command_signs_in_itself_and_tells_one_object(
    bank: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = a_file(tmp_path, table({"base_amount": "91.00"}, {"base_amount": "nine"}))
    settings, url = bank.bank.settings, bank.bank.admin_url
    wrong = await deal_files.import_file(
        settings, url, "trader", "not the password", deal_files.Import(file, Defaults())
    )
    assert (wrong.exit, wrong.told["code"]) == (Exit.REFUSED, "wrong_password")

    done = await deal_files.import_file(
        settings, url, "trader", PASSWORD, deal_files.Import(file, Defaults(), json=True)
    )
    items = json.loads(f"[{capsys.readouterr().out}]")
    assert (done.exit, done.told["entered"], done.told["refused"]) == (Exit.REFUSED, 1, 1)
    assert [(item["line"], item["result"]) for item in items] == [(2, "entered"), (3, "refused")]

    await deal_files.import_file(settings, url, "trader", PASSWORD, deal_files.Import(file, Defaults()))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"line 2: fx_spot EUR USD · entered before · deal {items[0]['deal_number']}")
    assert lines[1].startswith("line 3: fx_spot EUR USD · refused as no_deal · base_amount: 'nine'")


def test_what_is_said_twice_is_a_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (
        ["import"],
        ["import", "x.csv"],
        ["import", "x.csv", "--as", "trader", "--format", "excel"],
        ["import", "x.csv", "--as", "trader", "--executed-at", "2026-10-27T09:00"],
        ["import", "x.csv", "--as", "trader", "--counterparty", "A", "--counterparty", "CME=B"],
        ["import", "x.csv", "--as", "trader", "--counterparty", "CME=A", "--counterparty", "CME=B"],
    ):
        with pytest.raises(SystemExit) as left:
            main(arguments)
        assert left.value.code == Exit.USAGE
    capsys.readouterr()
    assert main(["import", "x.csv", "--as", "trader", "--data", str(tmp_path)]) == Exit.FAILED


# The batch ------------------------------------------------------------------------------------------


async def test_a_batch_takes_every_type_of_deal_and_refuses_the_unreadable_alone(bank: World) -> None:
    trader = await bank.as_("trader")
    wrong: list[dict[str, Any]] = [
        {"type": "fx_swap"},
        {},
        {**TERMS, "trader": "other-trader"},
        {**ALL_TYPES[2], "principal": 5000000},
        {**FORWARD, "forward_points": "0.0030"},
    ]
    answer = await trader.post("/api/trades/batch", [*ALL_TYPES, *wrong])

    assert answer.status_code == 200, answer.text
    items = answer.json()
    assert [item["status"] for item in items] == [201] * 4 + [400] * 4 + [422]
    assert [item["type"] for item in items[:4]] == ["fx_spot", "fx_forward", "mm_deposit", "mm_loan"]
    assert items[8]["code"] == "rate_is_not_the_sum"
    assert all(item["decision"] for item in items[4:])


async def test_two_deals_of_a_batch_share_one_limit_in_their_order(bank: World) -> None:
    trader = await bank.as_("trader")
    large = TERMS | {"counterparty": OTHER_LEI, "base_amount": "2000000.00"}
    small = TERMS | {"counterparty": OTHER_LEI, "base_amount": "500000.00"}
    first, second, third = (await trader.post("/api/trades/batch", [large, large, small])).json()

    assert (first["status"], second["status"], third["status"]) == (201, 409, 201)
    assert (second["code"], second["rule"]) == ("limit_exceeded", "RC-03")
    assert "there is room for EUR 500000.00" in second["detail"]
    assert first["checks"]["limit"]["headroom_eur"] == "500000.00"
    assert third["checks"]["limit"]["headroom_eur"] == "0.00"
