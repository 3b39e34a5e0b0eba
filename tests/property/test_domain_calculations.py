"""What holds for every FX spot deal, not only for the examples."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

import msgspec
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from service.bookkeeping.posting import Line, imbalances, mirror, settlement_lines, trade_date_lines
from service.confirmations.matching import FIELDS, as_we_see_it, match, ours
from service.kernel.calendar import NoCalendar, is_business_day, next_business_day, spot_date, spot_lag
from service.kernel.identifiers import uuid7
from service.kernel.money import (
    AMOUNT_MAX,
    CURRENCIES,
    UnreadableAmount,
    check_decimals,
    minor_units,
    parse_amount,
    plain,
    quantize,
)
from service.market.ecb import UnreadableFixings, read_fixings
from service.trades.deals.fx_spot import (
    FxSpotTerms,
    TermsFinding,
    cash_flows,
    check_terms,
    differences,
    quote_amount,
)

few = settings(max_examples=60, deadline=None)

DEALT = (
    "AUD",
    "CAD",
    "CHF",
    "CZK",
    "EUR",
    "GBP",
    "HUF",
    "ILS",
    "JPY",
    "KRW",
    "MXN",
    "PLN",
    "SEK",
    "TRY",
    "USD",
)
FIRST, LAST = date(2015, 1, 1), date(2030, 12, 20)

days = st.dates(FIRST, LAST)
pairs = st.lists(st.sampled_from(DEALT), min_size=2, max_size=2, unique=True)
rates = st.decimals("0.00001", "30000", places=8)
written = st.from_regex(
    r"-?[0-9]{1,15}(\.[0-9]{1,8})?", fullmatch=True, alphabet=st.characters(max_codepoint=127)
)


@st.composite
def deals(draw: st.DrawFn) -> FxSpotTerms:
    base, quote = draw(pairs)
    places = minor_units(base)
    trade_date = draw(days)
    return FxSpotTerms(
        side=draw(st.sampled_from(["buy", "sell"])),
        base=base,
        quote=quote,
        base_amount=Decimal(draw(st.integers(1, 10**12))).scaleb(-places),
        rate=draw(rates),
        trade_date=trade_date,
        value_date=spot_date(base, quote, trade_date),
        counterparty_id=UUID(int=1),
        portfolio_id=UUID(int=2),
        side_agreements="none",
    )


@st.composite
def proper_deals(draw: st.DrawFn) -> FxSpotTerms:
    """Deals that came past the terms' check, as all do that reach confirmation and accounting."""
    terms = draw(deals())
    assume(terms.trade_date.weekday() < 5)
    assume(0 < quote_amount(terms) < AMOUNT_MAX)
    return terms


fixings = st.fixed_dictionaries({currency: rates for currency in DEALT if currency != "EUR"})


@few
@given(written)
def test_whatever_is_read_can_be_written_and_read_again(text: str) -> None:
    amount = parse_amount(text)

    assert parse_amount(plain(amount)) == amount
    assert plain(parse_amount(plain(amount))) == plain(amount)


@few
@given(st.text(max_size=30))
def test_no_text_is_read_that_could_not_be_written_the_same_way(text: str) -> None:
    try:
        amount = parse_amount(text)
    except UnreadableAmount:
        return
    assert Decimal(text) == amount
    assert text.isascii()
    assert set(text) <= set("-.0123456789")


@few
@given(st.decimals("-1e15", "1e15", places=8), st.sampled_from(sorted(CURRENCIES)))
def test_rounding_moves_by_half_a_minor_unit_at_most_and_only_once(amount: Decimal, currency: str) -> None:
    rounded = quantize(amount, currency)

    assert abs(rounded - amount) <= Decimal(5).scaleb(-minor_units(currency) - 1)
    assert quantize(rounded, currency) == rounded
    assert quantize(-amount, currency) == -rounded
    check_decimals(rounded, currency)


@few
@given(pairs, days)
def test_spot_is_a_good_day_for_both_and_the_dollar_and_never_before_the_lag(
    pair: list[str], trade_date: date
) -> None:
    spot = spot_date(*pair, trade_date)

    assert all(is_business_day(spot, currency) for currency in (*pair, "USD"))
    assert spot >= trade_date + timedelta(days=spot_lag(*pair))
    assert spot == spot_date(*reversed(pair), trade_date)
    assert spot_date(*pair, trade_date + timedelta(days=1)) >= spot


@few
@given(st.lists(st.sampled_from(DEALT), min_size=1, max_size=3), days)
def test_no_good_day_is_skipped_on_the_way_to_the_next(currencies: list[str], day: date) -> None:
    found = next_business_day(day, *currencies)
    between = [day + timedelta(days=n) for n in range(1, (found - day).days)]

    assert found > day
    assert all(is_business_day(found, currency) for currency in currencies)
    assert not any(all(is_business_day(one, currency) for currency in currencies) for one in between)


@few
@given(proper_deals())
def test_a_deal_due_on_its_spot_date_passes_and_a_day_later_does_not(terms: FxSpotTerms) -> None:
    check_terms(terms)
    late = msgspec.structs.replace(
        terms, value_date=next_business_day(terms.value_date, terms.base, terms.quote)
    )

    try:
        check_terms(late)
    except TermsFinding as finding:
        assert finding.code == "value_date_beyond_spot"  # noqa: PT017 - the other branch fails below
    else:
        raise AssertionError(late)


@few
@given(
    deals(), st.sampled_from(["NaN", "Infinity", "1E+999999", "-1E-999999", "0"]), st.text(max_size=4), days
)
def test_nonsense_terms_are_findings_and_never_crashes(
    terms: FxSpotTerms, number: str, code: str, day: date
) -> None:
    for changes in (
        {"base_amount": Decimal(number)},
        {"rate": Decimal(number)},
        {"quote": code},
        {"value_date": day, "trade_date": date.max},
        {"value_date": date.max},
        {"trade_date": date.min},
    ):
        try:
            check_terms(msgspec.structs.replace(terms, **changes))
        except TermsFinding as finding:
            assert finding.sentence  # noqa: PT017 - passing is allowed as well


@few
@given(proper_deals())
def test_one_side_receives_exactly_what_the_other_pays(terms: FxSpotTerms) -> None:
    other = msgspec.structs.replace(terms, side="sell" if terms.side == "buy" else "buy")

    for we, they in zip(cash_flows(terms), cash_flows(other), strict=True):
        assert we.amount == -they.amount
        assert (we.currency, we.value_date) == (they.currency, they.value_date)
    assert cash_flows(terms)[0].amount * cash_flows(terms)[1].amount < 0
    assert [change.field for change in differences(terms, other)] == ["side"]


@few
@given(proper_deals())
def test_both_sides_of_every_deal_match(terms: FxSpotTerms) -> None:
    other = msgspec.structs.replace(terms, side="sell" if terms.side == "buy" else "buy")
    we_say, they_say = ours(terms, "OUR", "THEIR", "1"), as_we_see_it(ours(other, "THEIR", "OUR", "2"))

    assert match(we_say, they_say) == []
    for field in FIELDS:
        assert [found.field for found in match(we_say, they_say | {field: "-1"})] == [field]


@few
@given(proper_deals(), fixings)
def test_every_posting_balances_per_currency_and_in_euro(
    terms: FxSpotTerms, of_the_day: dict[str, Decimal]
) -> None:
    booked = trade_date_lines(terms, of_the_day)
    legs = [settlement_lines(terms, currency, booked) for currency in (terms.base, terms.quote)]

    for journal in (booked, *legs):
        assert imbalances(journal) == {}
        assert imbalances(mirror(journal)) == {}
    left = _balances([line for journal in (booked, *legs) for line in journal])
    assert {account for account, _ in left} <= {"1010", f"FXP-{terms.base}", f"FXP-{terms.quote}"}
    for flow in cash_flows(terms):
        assert left["1010", flow.currency] == flow.amount


@few
@given(proper_deals(), fixings)
def test_a_journal_and_its_reversal_leave_nothing_on_any_account(
    terms: FxSpotTerms, of_the_day: dict[str, Decimal]
) -> None:
    booked = trade_date_lines(terms, of_the_day)

    assert _balances([*booked, *mirror(booked)]) == {}


def _balances(lines: Iterable[Line]) -> dict[tuple[str, str], Decimal]:
    """What is left per account and currency; an account is gone once amount and euro are nothing."""
    sums: defaultdict[tuple[str, str], list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
    for line in lines:
        both = sums[line.account, line.currency]
        both[0] += line.amount
        both[1] += line.eur_amount
    return {where: both[0] for where, both in sums.items() if any(both)}


@few
@given(st.lists(st.integers(0, 2**48 * 10**6 - 10**9), max_size=20))
def test_ids_only_grow_whatever_the_clock_says(clock: list[int]) -> None:
    made = [uuid7(at_ns % 10**18) for at_ns in clock]

    assert made == sorted(set(made))
    assert all(one.version == 7 for one in made)


@few
@given(
    st.binary(max_size=200) | st.text(alphabet="Date,USDJPY\n0123456789-./NA ", max_size=200).map(str.encode)
)
def test_no_bytes_crash_the_reader_of_rates(data: bytes) -> None:
    try:
        fixings_read = read_fixings(data)
    except UnreadableFixings as refused:
        assert str(refused)  # noqa: PT017 - reading is allowed as well
    else:
        assert all(fixing.rate > 0 for fixing in fixings_read)


@few
@given(days)
def test_a_calendar_answers_or_says_why_not(day: date) -> None:
    for currency in ("BGN", "HRK", "ROL"):
        try:
            assert is_business_day(day, currency) in {True, False}
        except NoCalendar as unknown:
            assert "replaced by" in str(unknown)  # noqa: PT017 - an answer is allowed as well
