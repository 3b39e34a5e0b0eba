"""Whatever a file holds, it is read into rows or refused in one sentence."""

import csv
import io
from datetime import UTC, date, datetime
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.importing.keys import keyed
from service.importing.own_csv import COLUMNS
from service.importing.reading import Format, read
from service.importing.rows import Defaults, UnreadableFile
from service.kernel.money import plain

some = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])

DEFAULTS = Defaults(
    counterparty="529900DTJ5A7S5UCBB52",
    portfolio="FX",
    executed_at=datetime(2026, 10, 28, 9, tzinfo=UTC),
    roll="following",
    we_are="us",
)
STRATA = (
    "Strata Trade Type", "CCP", "Counterparty", "Id", "Trade Date", "Trade Time", "Trade Zone", "Convention", "Buy Sell",
    "Currency", "Notional", "FX Rate", "Payment Date", "Payment Date Convention", "Start Date", "End Date", "Fixed Rate",
    "Day Count", *(f"Leg {n} {name}" for n in (1, 2) for name in ("Direction", "Currency", "Notional", "Payment Date")),
)  # fmt: skip
LIKELY = (
    "", "FX", "FxSingle", "TermDeposit", "fx_spot", "fx_forward", "mm_deposit", "buy", "Sell", "Pay", "Receive", "EUR", "USD",
    "JPY", "XXX", "EUR/USD", "USD/JPY", "EUR/EUR", "1000000", "1.08", "0.00000001", "999999999999999", "-0", "1,5",
    "2026-10-28", "31/12/2026", "0001-01-01", "9999-12-31", "29/02/2023", "2026-10-28T09:00:00Z", "9999-12-31T23:59:59-12:00",
    "11:30", "Europe/Berlin", "UTC", "-18:00", "Following", "MF", "ACT/360", "none", "FX-EUR", '"', "=1+1", "\x00", "\ud800",
)  # fmt: skip
cells = st.one_of(st.sampled_from(LIKELY), st.text(max_size=12))

lines_of_text = st.text(
    st.characters(
        codec="utf-8",
        exclude_categories=("Cc", "Cs", "Zl", "Zp", "Zs"),
        exclude_characters="\ufeff\ufffe\uffff",
    ),
    min_size=1,
    max_size=40,
)
amounts = st.decimals("0.00000001", "999999999999999", places=8).map(plain)
days = st.dates(date(1999, 1, 4), date(2099, 12, 31)).map(date.isoformat)
moments = st.datetimes(datetime(1999, 1, 4), datetime(2099, 12, 31), timezones=st.just(UTC)).map(  # noqa: DTZ001
    lambda moment: moment.isoformat().replace("+00:00", "Z")
)
codes = st.sampled_from(("EUR", "USD", "JPY", "CHF"))
common = {
    "trade_date": days,
    "counterparty": lines_of_text,
    "portfolio": lines_of_text,
    "executed_at": moments,
    "side_agreements": lines_of_text,
}
fx = common | {
    "side": st.sampled_from(("buy", "sell")),
    "base": codes,
    "quote": codes,
    "base_amount": amounts,
    "rate": amounts,
    "value_date": days,
}
money_market = common | {
    "currency": codes,
    "principal": amounts,
    "rate_percent": amounts,
    "day_count": lines_of_text,
    "start_date": days,
    "end_date": days,
}
deals = st.one_of(
    st.fixed_dictionaries({"type": st.just("fx_spot")} | fx),
    st.fixed_dictionaries(
        {"type": st.just("fx_forward"), "spot_rate": amounts, "forward_points": amounts} | fx
    ),
    st.fixed_dictionaries(
        {"type": st.sampled_from(("mm_deposit", "mm_loan"))} | money_market,
        optional={"location": lines_of_text},
    ),
)


def read_or_refuse(file: bytes, format_: Format | None = None) -> None:
    """Read it all; every row is a deal or a refusal, with a key of its own."""
    try:
        found = list(keyed(read(file, DEFAULTS, format=format_)))
    except UnreadableFile as unreadable:
        found, sentence = [], unreadable.sentence
    else:
        sentence = "."
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert len({key for _, key in found}) == len(found)
    for row, _ in found:
        assert (row.deal is None) != (row.refusal is None)
        if row.deal is not None:
            assert all(isinstance(value, str) for value in row.deal.values())


def written(columns: tuple[str, ...], rows: list[list[str]], delimiter: str) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter).writerows([columns, *rows])
    return out.getvalue().encode("utf-8", "surrogatepass")


@some
@given(st.binary(max_size=400), st.sampled_from((None, "own", "strata", "fpml")))
def test_bytes_of_no_format_are_refused_as_a_file(file: bytes, format_: Format | None) -> None:
    read_or_refuse(file, format_)


@some
@given(st.data(), st.sampled_from((COLUMNS, STRATA)), st.sampled_from(",;"), st.binary(max_size=30))
def test_tables_of_any_cells_are_read_row_by_row(
    data: st.DataObject, columns: tuple[str, ...], delimiter: str, tail: bytes
) -> None:
    rows = data.draw(st.lists(st.lists(cells, min_size=len(columns), max_size=len(columns)), max_size=4))

    read_or_refuse(written(columns, rows, delimiter) + tail)


@some
@given(st.data())
def test_likely_trades_of_strata_are_read_or_refused(data: st.DataObject) -> None:
    good = {"Strata Trade Type": "FX", "Trade Date": "2026-10-28", "Convention": "EUR/USD", "Buy Sell": "Buy"} | {
        "Currency": "EUR", "Notional": "1000000", "FX Rate": "1.08", "Payment Date": "2026-10-30",
    }  # fmt: skip
    spoilt = good | data.draw(st.dictionaries(st.sampled_from(STRATA), cells, max_size=4))

    read_or_refuse(written(tuple(spoilt), [list(spoilt.values())], ","))


@some
@given(st.data())
def test_documents_with_any_element_out_of_place_are_read_or_refused(data: st.DataObject) -> None:
    names = (
        "dataDocument",
        "trade",
        "tradeHeader",
        "fxSingleLeg",
        "termDeposit",
        "rate",
        "party",
        "partyReference",
        "x",
    )
    texts = st.sampled_from(
        ("", "EUR", "1.08", "2026-10-28", "us", "&amp;", "&e;", "<![CDATA[<]]>", "<!-- -->")
    )

    def element(depth: int) -> str:
        name = data.draw(st.sampled_from(names))
        within = (
            "".join(element(depth - 1) for _ in range(data.draw(st.integers(0, 3))))
            if depth
            else data.draw(texts)
        )
        return f'<{name} id="us" href="us">{within}</{name}>'

    body = element(3)
    read_or_refuse(
        f'<dataDocument xmlns="http://www.fpml.org/FpML-5/confirmation" fpmlVersion="5-10">{body}</dataDocument>'.encode()
    )


@some
@given(st.lists(deals, max_size=5), st.sampled_from(",;"))
def test_a_table_of_deals_comes_back_as_it_was_written(wanted: list[dict[str, str]], delimiter: str) -> None:
    file = written(COLUMNS, [[deal.get(name, "") for name in COLUMNS] for deal in wanted], delimiter)
    found = list(read(file, Defaults()))

    assert [row.refusal for row in found] == [None] * len(wanted)
    assert [row.deal for row in found] == wanted
    assert all(Decimal(deal.get("rate", "1")) for deal in wanted)
