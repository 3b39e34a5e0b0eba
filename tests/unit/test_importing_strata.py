"""Trades of OpenGamma Strata: both forms of an FX deal, term deposits, days that move."""

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest

from service.importing.reading import read
from service.importing.rows import Defaults, Row, UnreadableFile
from service.importing.strata import OTHERS, UNKNOWN
from service.ui.languages import Words

CENTRAL = "529900DTJ5A7S5UCBB52"
BILATERAL = "213800QILIUD4ROSUO03"
DEFAULTS = Defaults(
    counterparty={"CME": CENTRAL, "Bank": BILATERAL},
    portfolio="FX",
    executed_at=time(10, tzinfo=ZoneInfo("Europe/Berlin")),
)
ROLLING = Defaults(
    counterparty=CENTRAL, portfolio="FX", executed_at=datetime(2016, 12, 22, 9, tzinfo=UTC), roll="following"
)
BY_CONVENTION = {
    "Strata Trade Type": "FX", "CCP": "CME", "Id Scheme": "OG", "Id": "1", "Trade Date": "06/12/2016",
    "Convention": "USD/INR", "Buy Sell": "Sell", "Currency": "USD", "Notional": "3850000", "FX Rate": "67.4",
    "Payment Date": "08/12/2016",
}  # fmt: skip
IN_FULL = {
    "Strata Trade Type": "FxSingle", "Counterparty": "Bank", "Id": "2", "Trade Date": "2016-12-06",
    "Leg 1 Direction": "Pay", "Leg 1 Currency": "EUR", "Leg 1 Notional": "1000000", "Leg 1 Payment Date": "2016-12-08",
    "Leg 2 Direction": "Receive", "Leg 2 Currency": "USD", "Leg 2 Notional": "1062500", "Leg 2 Payment Date": "2016-12-08",
}  # fmt: skip
TERM_DEPOSIT = {
    "Strata Trade Type": "Term Deposit", "CCP": "CME", "Trade Date": "6-Dec-2016", "Buy Sell": "Buy", "Currency": "EUR",
    "Notional": "1000000", "Start Date": "08/12/2016", "End Date": "08/03/2017", "Fixed Rate": "-0.35", "Day Count": "Act/360",
}  # fmt: skip


def row(cells: dict[str, str], defaults: Defaults = DEFAULTS) -> Row:
    file = ",".join(cells) + "\n" + ",".join(f'"{cell}"' for cell in cells.values()) + "\n"
    (found,) = read(file.encode(), defaults)
    return found


def deal(cells: dict[str, str], defaults: Defaults = DEFAULTS) -> dict[str, str]:
    found = row(cells, defaults)
    assert found.deal is not None, found.refusal
    return dict(found.deal)


def refused(cells: dict[str, str], defaults: Defaults = DEFAULTS) -> tuple[str | None, str]:
    found = row(cells, defaults)
    assert found.deal is None
    assert found.refusal is not None
    return found.field, found.refusal


def test_a_deal_by_convention_is_read() -> None:
    assert deal(BY_CONVENTION) == {
        "type": "fx_spot", "side": "sell", "base": "USD", "quote": "INR", "base_amount": "3850000", "rate": "67.4",
        "trade_date": "2016-12-06", "value_date": "2016-12-08", "counterparty": CENTRAL, "portfolio": "FX",
        "executed_at": "2016-12-06T09:00:00Z", "side_agreements": "none",
    }  # fmt: skip
    assert row(BY_CONVENTION).source == "FX OG~1 USD/INR"


def test_the_sign_of_the_notional_says_nothing() -> None:
    signed = row(BY_CONVENTION | {"Notional": "-3850000", "Buy Sell": "Buy"})

    assert signed.deal == deal(BY_CONVENTION | {"Buy Sell": "B"})
    assert signed.notes == ("the sign of the notional was left out: Buy Sell says the direction",)
    assert row(BY_CONVENTION | {"Notional": "-3850000"}).notes == ()


def test_an_amount_of_the_quote_currency_is_turned_into_the_base() -> None:
    found = row(BY_CONVENTION | {"Currency": "INR", "Notional": "259490000"})

    assert found.deal == deal(BY_CONVENTION) | {"side": "buy"}  # to sell rupees is to buy dollars
    assert found.notes == ("dealt as 259490000 INR: at 67.4 that is 3850000 USD",)


def test_an_amount_of_the_quote_currency_that_no_base_amount_pays_is_refused() -> None:
    field, sentence = refused(BY_CONVENTION | {"Currency": "INR", "Notional": "1000000.01"})

    assert field == "Notional"
    assert sentence == (
        "1000000.01 INR cannot be stated in USD: 14836.80 USD at 67.4 pay 1000000.32 INR. "
        "Enter the deal by its amount of USD."
    )


def test_a_deal_in_full_gets_the_rate_its_amounts_imply() -> None:
    found = row(IN_FULL)

    assert found.deal == {
        "type": "fx_spot", "side": "sell", "base": "EUR", "quote": "USD", "base_amount": "1000000", "rate": "1.0625",
        "trade_date": "2016-12-06", "value_date": "2016-12-08", "counterparty": BILATERAL, "portfolio": "FX",
        "executed_at": "2016-12-06T09:00:00Z", "side_agreements": "none",
    }  # fmt: skip
    assert found.notes == ("rate 1.0625 worked out from 1000000 EUR and 1062500 USD",)


def test_the_legs_may_stand_in_either_order() -> None:
    turned = {
        name.replace("1", "x").replace("2", "1").replace("x", "2"): cell for name, cell in IN_FULL.items()
    }

    assert deal(turned) == deal(IN_FULL)


def test_both_legs_may_share_one_payment_date() -> None:
    shared = {name: cell for name, cell in IN_FULL.items() if not name.endswith("Payment Date")}

    assert deal(shared | {"Payment Date": "20161208"}) == deal(IN_FULL)


def test_a_payment_day_on_which_nobody_pays_moves_only_when_somebody_says_so() -> None:
    saturday = BY_CONVENTION | {"Convention": "EUR/CZK", "Currency": "EUR", "Trade Date": "22/12/2016"} | {
        "Payment Date": "24/12/2016", "FX Rate": "25.62",
    }  # fmt: skip
    note = "payment moved from Saturday 2016-12-24 to 2016-12-27"

    assert deal(saturday)["value_date"] == "2016-12-24"
    for said in (row(saturday, ROLLING), row(saturday | {"Payment Date Convention": "Following"})):
        assert said.deal is not None
        assert said.deal["value_date"] == "2016-12-27"
        assert said.notes == (note,)
    assert deal(saturday | {"Payment Date Convention": "NoAdjust"}, ROLLING)["value_date"] == "2016-12-24"
    assert deal(saturday | {"Payment Date Convention": "Preceding"})["value_date"] == "2016-12-23"
    assert refused(saturday | {"Payment Date Convention": "Nearest"})[0] == "Payment Date Convention"


def test_a_modified_convention_turns_back_at_the_end_of_the_month() -> None:
    friday = BY_CONVENTION | {"Convention": "EUR/USD", "Currency": "EUR", "Trade Date": "28/12/2016"} | {
        "Payment Date": "31/12/2016", "FX Rate": "1.05",
    }  # fmt: skip

    assert deal(friday | {"Payment Date Convention": "ModifiedFollowing"})["value_date"] == "2016-12-30"
    assert (
        refused(friday | {"Payment Date Convention": "Following"})[0] == "Payment Date"
    )  # beyond spot by then


def test_a_payment_beyond_spot_is_a_forward_without_its_parts() -> None:
    field, sentence = refused(BY_CONVENTION | {"Payment Date": "08/01/2017"})

    assert field == "Payment Date"
    assert sentence == (
        "USD/INR dealt on 2016-12-06 is due spot on Thursday 2016-12-08; payment on 2017-01-08 makes it an FX forward, "
        "and this format states neither its spot rate nor its points. Enter it as fx_forward."
    )


def test_the_rows_own_time_goes_before_the_files() -> None:
    london = BY_CONVENTION | {"Trade Time": "11:30", "Trade Zone": "Europe/London"}

    assert deal(london)["executed_at"] == "2016-12-06T11:30:00Z"
    assert deal(london | {"Trade Zone": "+05:30"})["executed_at"] == "2016-12-06T06:00:00Z"
    assert deal(BY_CONVENTION, ROLLING)["executed_at"] == "2016-12-22T09:00:00Z"
    assert refused(london | {"Trade Zone": "../../etc/passwd"})[0] == "Trade Zone"
    assert refused(london | {"Trade Zone": "Nowhere/Town"})[0] == "Trade Zone"
    assert refused(london | {"Trade Time": "25:00"})[0] == "Trade Time"


def test_placing_and_taking_money_are_read_from_a_term_deposit() -> None:
    assert deal(TERM_DEPOSIT) == {
        "type": "mm_deposit", "currency": "EUR", "principal": "1000000", "rate_percent": "-0.35", "day_count": "ACT/360",
        "start_date": "2016-12-08", "end_date": "2017-03-08", "trade_date": "2016-12-06", "counterparty": CENTRAL,
        "portfolio": "FX", "executed_at": "2016-12-06T09:00:00Z", "side_agreements": "none",
    }  # fmt: skip
    assert deal(TERM_DEPOSIT | {"Buy Sell": "S"})["type"] == "mm_loan"
    assert refused(TERM_DEPOSIT | {"Convention": "GBP-Deposit-T0"})[0] == "Convention"


@pytest.mark.parametrize(
    "text", ["06/12/2016", "6/12/2016", "2016-12-06", "2016/12/6", "6-Dec-2016", "06DEC2016", "20161206"]
)
def test_a_date_is_read_in_each_of_stratas_ways(text: str) -> None:
    assert deal(BY_CONVENTION | {"Trade Date": text})["trade_date"] == "2016-12-06"


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("Trade Date", "06/12/16"),
        ("Trade Date", "12/31/2016"),
        ("Buy Sell", "Short"),
        ("Currency", "EUR"),
        ("Convention", "USDINR"),
        ("Notional", "3.850.000,00"),
        ("Notional", "0"),
        ("FX Rate", "0"),
        ("FX Rate", ""),
        ("Payment Date", ""),
        ("CCP", "LCH"),
        ("CCP", ""),
    ],
)
def test_a_bad_cell_is_refused_by_its_column(column: str, text: str) -> None:
    field, _ = refused(BY_CONVENTION | {column: text})

    assert field == ("Counterparty" if (column, text) == ("CCP", "") else column)


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("Leg 2 Direction", "Pay"),
        ("Leg 2 Currency", "EUR"),
        ("Leg 2 Payment Date", "2016-12-09"),
        ("Leg 2 Notional", "0.001"),
    ],
)
def test_two_legs_that_are_no_exchange_are_refused(column: str, text: str) -> None:
    assert refused(IN_FULL | {column: text})[0] == column


def test_two_different_counterparties_of_one_row_are_not_chosen_between() -> None:
    assert refused(BY_CONVENTION | {"Counterparty": "Bank"})[0] == "CCP"


@pytest.mark.parametrize(
    ("type_", "what"),
    [
        ("FxSwap", "an FX swap"),
        ("Fx Swap", "an FX swap"),
        ("Bullet", "a single payment"),
        ("FxVanillaOption", "an FX option"),
        ("Fra", "a forward rate agreement"),
        ("=cmd", "of no type"),
    ],
)
def test_other_types_are_refused_by_name(type_: str, what: str) -> None:
    field, sentence = refused(BY_CONVENTION | {"Strata Trade Type": type_})

    assert field == "Strata Trade Type"
    assert f"'{type_}' is {what}" in sentence


def test_what_nobody_said_is_refused_not_guessed() -> None:
    assert refused(BY_CONVENTION, Defaults(portfolio="FX", executed_at=ROLLING.executed_at))[0] == "CCP"
    assert refused(BY_CONVENTION, Defaults(portfolio="FX", counterparty=CENTRAL))[0] == "Trade Time"
    assert (
        refused(BY_CONVENTION, Defaults(counterparty=CENTRAL, executed_at=ROLLING.executed_at))[0]
        == "portfolio"
    )


def test_a_time_without_a_zone_is_no_default() -> None:
    with pytest.raises(ValueError, match="zone"):
        Defaults(executed_at=time(10))


def test_columns_are_found_without_regard_to_case_and_stand_once() -> None:
    assert deal({name.upper(): cell for name, cell in BY_CONVENTION.items()}) == deal(BY_CONVENTION)
    with pytest.raises(UnreadableFile, match="stands twice"):
        row(BY_CONVENTION | {"fx rate": "67.4"})


def test_a_table_said_to_be_stratas_must_be_one() -> None:
    with pytest.raises(UnreadableFile, match="Strata Trade Type"):
        list(read(b"type,side\n", DEFAULTS, format="strata"))


def test_every_type_that_is_not_dealt_here_has_its_german() -> None:
    german = Words("de")
    assert [what for what in (*OTHERS.values(), UNKNOWN) if german.fact(what) == what] == []
