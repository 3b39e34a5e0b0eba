"""A deal in one line: what it says, and which word of it says nothing."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.kernel.calendar import is_business_day, spot_date
from service.kernel.money import parse_amount
from service.trades.shorthand import Around, LineUnread, Party, filled_in, imm_date, next_good, read_line
from service.ui.languages import Language

CITI, COMM = Party("E57ODZWZ7FF32TWEFA76", "Citibank, N.A."), Party("851WYGNLUQLFZBSYGB56", "Commerzbank AG")
DAY = date(2001, 10, 23)


def around(language: Language = "en", day: date = DAY) -> Around:
    return Around(language, day, (CITI, COMM, Party("X" * 20, "Commonwealth Bank")), ("SPOT", "FX-Forwards"))


def test_the_line_of_a_trader_fills_the_ticket() -> None:
    assert read_line("s 10m gbpusd 1.42 citi spot @spot", around()) == {
        "type": "fx_spot",
        "side": "sell",
        "base_amount": "10000000",
        "base": "GBP",
        "quote": "USD",
        "rate": "1.42",
        "trade_date": "2001-10-23",
        "value_date": "2001-10-25",
        "counterparty": CITI.lei,
        "portfolio": "SPOT",
    }


@pytest.mark.parametrize(
    ("line", "language", "expected"),
    [
        ("K 1.500.000,50 EUR/USD 1,1650 COMMERZ", "de", {"base_amount": "1500000.50", "rate": "1.1650"}),
        ("B 1,500,000.50 EURUSD 1.1650", "en", {"base_amount": "1500000.50", "rate": "1.1650"}),
        ("B 500K EURUSD 1.1 SPOT commerzbank ag", "en", {"base_amount": "500000", "counterparty": COMM.lei}),
        (f"B 1M EURUSD 1.1 {CITI.lei}", "en", {"counterparty": CITI.lei}),
        (
            "B 1M EURUSD 0.9000+0.0050 3M CITI",
            "en",
            {"type": "fx_forward", "rate": "0.9050", "spot_rate": "0.9000", "value_date": "2002-01-25"},
        ),
        ("B 1M EURUSD 0,9-0,005 IMM @FX-FORWARDS", "de", {"rate": "0.895", "forward_points": "-0.005"}),
        ("B 1M EURUSD 0.9+0.01 IMM", "en", {"value_date": "2001-12-19"}),
        ("B 1M EURUSD 0.9+0.01 31.01.2002", "de", {"value_date": "2002-01-31"}),
        ("B 1M EURUSD 0.9 2001-10-24", "en", {"value_date": "2001-10-24", "type": "fx_spot"}),
    ],
)
def test_a_line_says_what_it_says(line: str, language: Language, expected: dict[str, str]) -> None:
    found = read_line(line, around(language))
    assert {name: found[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("S 10M GBPUSD", "A line begins with side"),
        ("X 10M GBPUSD 1.42", "Word 1, 'X', is no side"),
        ("S TEN GBPUSD 1.42", "Word 2, 'TEN', is no amount"),
        ("S -10M GBPUSD 1.42", "Word 2 is the amount, always more than zero"),
        ("S 10M CABLE 1.42", "Word 3, 'CABLE', is no pair"),
        ("S 10M GBPXYZ 1.42", "Word 3 names XYZ"),
        ("S 10M GBPGBP 1.42", "names one currency twice"),
        ("S 10M GBPUSD 1.4M", "Word 4, '1.4M', is no rate"),
        ("S 10M GBPUSD 1,000.5", "Word 4, '1,000.5', is no rate"),
        ("S 10M GBPUSD 1.42 MÜNCHEN", "Word 5, 'MÜNCHEN', names no counterparty"),
        ("S 10M GBPUSD 1.42 NOBODY", "Word 5, 'NOBODY', names no counterparty"),
        ("S 10M GBPUSD 1.42 SPOT COMM", "Word 6, 'COMM', could be Commerzbank AG, Commonwealth Bank"),
        ("S 10M GBPUSD 1.42 @OTHER", "Word 5, '@OTHER', is no book"),
        ("S 10M GBPUSD 1.42 @SPOT @SPOT", "Word 6, '@SPOT', names a second book"),
        ("S 10M GBPUSD 1.42 SPOT 3M", "Word 6, '3M', names a second value date"),
        ("S 10M GBPUSD 1.42 3M", "Word 5 is later than spot 2001-10-25"),
        ("S 10M GBPUSD 1.42+0.01", "A rate with points is a forward"),
        ("S 10M GBPUSD 1.42+0.01 SPOT", "Word 5 is a spot date"),
        ("S 10M GBPUSD 1.42 2001-13-01", "Word 5, '2001-13-01', is no date"),
        ("S 10M GBPUSD 1.42+0.1 99Y", "beyond the calendar"),
        ("S 10M DEMUSD 1.42", "Word 3 names DEM"),
        ("S 10M GBPUSD 1.42 \u200bCITI", "none of them hidden"),
        ("S 10M GBPUSD 1.42 " + "C" * 200, "at most 200 characters"),
    ],
)
def test_a_word_without_a_meaning_is_named_with_its_place(line: str, said: str) -> None:
    with pytest.raises(LineUnread) as refused:
        read_line(line, around())
    assert said in str(refused.value)
    assert refused.value.field == "line"


def test_a_line_does_not_overrule_what_stands_in_the_ticket() -> None:
    found = read_line("S 10M GBPUSD 1.42 CITI", around())
    assert filled_in({"base_amount": "10,000,000", "base": "gbp"}, found, "en")["rate"] == "1.42"
    with pytest.raises(LineUnread) as refused:
        filled_in({"base_amount": "5M"}, found, "en")
    assert refused.value.field == "base_amount"


def test_imm_dates_are_third_wednesdays_of_the_quarter() -> None:
    assert [imm_date(date(2026, 3, 18), n).isoformat() for n in (1, 2, 3, 4)] == [
        "2026-06-17",
        "2026-09-16",
        "2026-12-16",
        "2027-03-17",
    ]


@given(
    side=st.sampled_from(["B", "S", "BUY", "VERKAUF"]),
    amount=st.decimals(min_value="0.01", max_value="999999999", places=2),
    rate=st.decimals(min_value="0.0001", max_value="9999", places=4),
    tenor=st.sampled_from(["1W", "2W", "1M", "3M", "6M", "1Y", "IMM", "IMM3"]),
    day=st.dates(date(2001, 1, 1), date(2030, 1, 1)),
    language=st.sampled_from(["de", "en"]),
)
def test_whatever_can_be_written_is_read_back_and_due_on_a_good_day(
    side: str, amount: object, rate: object, tenor: str, day: date, language: Language
) -> None:
    written = f"{amount} EURUSD {rate}+0.0100".replace(".", "," if language == "de" else ".")
    found = read_line(f"{side} {written} {tenor}", around(language, day))
    assert (found["base_amount"], found["spot_rate"]) == (str(amount), str(rate))
    assert parse_amount(found["rate"]) == parse_amount(str(rate)) + parse_amount("0.0100")
    due = date.fromisoformat(found["value_date"])
    assert due > spot_date("EUR", "USD", day)
    assert all(is_business_day(due, currency) for currency in ("EUR", "USD"))
    assert next_good(due, "EUR", "USD") == due


@given(st.text(max_size=60))
def test_no_text_is_read_as_a_deal_by_accident_and_none_breaks_the_reader(text: str) -> None:
    try:
        found = read_line(text, around())
    except LineUnread:
        return
    assert found["side"] in ("buy", "sell")
