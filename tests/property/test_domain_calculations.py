"""What holds for every deal, not only for the examples."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from service.bookkeeping.posting import (
    Line,
    imbalances,
    mirror,
    settlement_journals,
    settlement_lines,
    trade_date_journal,
    trade_date_lines,
)
from service.confirmations.matching import FIELDS, as_we_see_it, fields_of, match, ours
from service.kernel.calendar import NoCalendar, is_business_day, next_business_day, spot_date, spot_lag
from service.kernel.identifiers import Uuid7Source
from service.kernel.money import (
    AMOUNT_MAX,
    ARITHMETIC,
    CURRENCIES,
    UnreadableAmount,
    check_decimals,
    minor_units,
    parse_amount,
    plain,
    quantize,
)
from service.market.ecb import UnreadableFixings, read_fixings
from service.trades.deals import deal
from service.trades.deals.cash import TermsFinding
from service.trades.deals.day_count import DAY_COUNTS
from service.trades.deals.deal import Terms, exposure, nominal, wording
from service.trades.deals.fx import FxTerms
from service.trades.deals.fx_forward import FxForwardTerms
from service.trades.deals.fx_spot import (
    FxSpotTerms,
    cash_flows,
    check_terms,
    differences,
    quote_amount,
)
from service.trades.deals.money_market import DepositTerms, LoanTerms, interest

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


@st.composite
def forwards(draw: st.DrawFn) -> FxForwardTerms:
    spot = draw(deals())
    points = draw(st.decimals("-30000", "30000", places=8))
    all_in = spot.rate + points
    assume(all_in > 0)
    assume(0 < ARITHMETIC.multiply(spot.base_amount, all_in) < AMOUNT_MAX)
    later = spot.value_date + timedelta(days=draw(st.integers(0, 700)))
    terms = FxForwardTerms(
        **{
            field: getattr(spot, field)
            for field in spot.__struct_fields__
            if field not in {"rate", "value_date"}
        },
        rate=all_in,
        spot_rate=spot.rate,
        forward_points=points,
        value_date=next_business_day(later, spot.base, spot.quote),
    )
    assume(terms.trade_date.weekday() < 5)
    assume(quote_amount(terms) > 0)
    return terms


@st.composite
def loans(draw: st.DrawFn, *types: type[DepositTerms | LoanTerms]) -> DepositTerms | LoanTerms:
    currency = draw(st.sampled_from(DEALT))
    trade_date = draw(days)
    assume(trade_date.weekday() < 5)
    start = next_business_day(trade_date + timedelta(days=draw(st.integers(-1, 3))), currency)
    return draw(st.sampled_from(types or (DepositTerms, LoanTerms)))(
        currency=currency,
        principal=Decimal(draw(st.integers(1, 10**12))).scaleb(-minor_units(currency)),
        rate_percent=draw(st.decimals("-5", "100", places=4)),
        day_count=draw(st.sampled_from(DAY_COUNTS)),
        start_date=start,
        end_date=next_business_day(start + timedelta(days=draw(st.integers(0, 700))), currency),
        trade_date=trade_date,
        counterparty_id=UUID(int=1),
        portfolio_id=UUID(int=2),
        side_agreements="none",
    )


any_deals = st.one_of(proper_deals(), forwards(), loans())


def the_other_sides(terms: Terms) -> Terms:
    """The same deal as the counterparty's trader enters it."""
    if isinstance(terms, FxTerms):
        return msgspec.structs.replace(terms, side="sell" if terms.side == "buy" else "buy")
    opposite = LoanTerms if isinstance(terms, DepositTerms) else DepositTerms
    return opposite(**{field: getattr(terms, field) for field in terms.__struct_fields__})


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
@given(
    any_deals,
    st.sampled_from(["NaN", "-Infinity", "1E+999999", "-1E-999999", "0", "999999999999999.9"]),
    st.text(max_size=4),
    days,
)
def test_nonsense_in_any_type_of_deal_is_found_and_never_crashes(
    terms: Terms, number: str, text: str, day: date
) -> None:
    nonsense: dict[type, list[Any]] = {
        Decimal: [Decimal(number)],
        str: [text],
        date: [day, date.min, date.max],
    }

    for field in terms.__struct_fields__:
        for wrong in nonsense.get(type(getattr(terms, field)), []):
            for finding in deal.findings(msgspec.structs.replace(terms, **{field: wrong})):
                assert 0 < len(finding.sentence) < 200


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
@given(any_deals)
def test_the_other_side_of_any_deal_pays_what_we_receive_and_says_the_same(terms: Terms) -> None:
    other = the_other_sides(terms)
    we_say, they_say = ours(terms, "OUR", "THEIR", "1"), ours(other, "THEIR", "OUR", "2", "a clause")

    deal.check_terms(terms)
    assert [-flow.amount for flow in deal.cash_flows(other)] == [
        flow.amount for flow in deal.cash_flows(terms)
    ]
    assert as_we_see_it(as_we_see_it(they_say)) == they_say
    assert match(we_say, as_we_see_it(they_say)) == []
    assert match(as_we_see_it(they_say), we_say) == []
    for field in fields_of(we_say):
        assert [found.field for found in match(we_say, we_say | {field: "-1.5"})] == [field]


@few
@given(forwards(), st.decimals("-0.00009", "0.00009", places=8))
def test_a_forwards_rate_is_the_sum_of_its_parts_and_nothing_near_it(
    terms: FxForwardTerms, astray: Decimal
) -> None:
    assume(astray)
    wrong = msgspec.structs.replace(terms, forward_points=terms.forward_points + astray)

    assert list(deal.findings(terms)) == []
    assert "rate_is_not_the_sum" in {finding.code for finding in deal.findings(wrong)}


@few
@given(loans())
def test_the_payments_of_a_loan_differ_by_its_interest(terms: DepositTerms | LoanTerms) -> None:
    start, maturity = deal.cash_flows(terms)

    assert abs(start.amount) == terms.principal
    assert start.amount + maturity.amount == (
        interest(terms) if isinstance(terms, DepositTerms) else -interest(terms)
    )
    assert start.amount * maturity.amount < 0
    assert terms.trade_date <= start.value_date < maturity.value_date
    assert interest(msgspec.structs.replace(terms, rate_percent=-terms.rate_percent)) == -interest(terms)


@few
@given(any_deals)
def test_a_limit_never_reserves_more_than_the_deals_size_or_less_than_what_comes_in_last(
    terms: Terms,
) -> None:
    reserved, size = exposure(terms), nominal(terms)

    assert 0 <= reserved.amount <= size.amount
    assert reserved.currency in deal.currencies(terms)
    if isinstance(terms, LoanTerms):
        assert reserved.amount == 0
    else:
        comes_in = [flow for flow in deal.cash_flows(terms) if flow.amount > 0]
        assert [(flow.amount, flow.currency) for flow in comes_in] == [(reserved.amount, reserved.currency)]


@few
@given(any_deals)
def test_every_deal_can_be_said_in_both_languages_and_stored(terms: Terms) -> None:
    assert wording(terms, "Bank X").startswith("You ")
    assert wording(terms, "Bank X", "de").startswith("Sie ")
    assert msgspec.json.decode(msgspec.json.encode(terms), type=Terms) == terms
    assert deal.differences(terms, terms) == []


@few
@given(any_deals, fixings, fixings, fixings)
def test_a_deal_that_ran_to_its_end_leaves_only_cash_position_and_interest(
    terms: Terms,
    at_trade: dict[str, Decimal],
    at_first: dict[str, Decimal],
    at_last: dict[str, Decimal],
) -> None:
    _, booked = trade_date_journal(terms, at_trade)
    journals = [booked]
    for flow, rates_of_day in zip(deal.cash_flows(terms), (at_first, at_last), strict=True):
        in_force = [line for lines in journals for line in lines]
        journals += [lines for _, lines in settlement_journals(terms, flow.leg, in_force, rates_of_day)]
    every = [line for lines in journals for line in lines]

    assert all(imbalances(lines) == {} for lines in journals)
    left = _balances(every)
    assert {account.partition("-")[0] for account, _ in left} <= {"1010", "4010", "5010", "FXP"}
    for currency in deal.currencies(terms):
        paid = [flow.amount for flow in deal.cash_flows(terms) if flow.currency == currency]
        assert left.get(("1010", currency), Decimal(0)) == sum(paid)
    assert _balances([*every, *(line for lines in journals for line in mirror(lines))]) == {}


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
@given(st.lists(st.integers(0, 2**48 - 10**3), max_size=20))
def test_ids_only_grow_whatever_the_clock_says(clock: list[int]) -> None:
    source = Uuid7Source()
    made = [source.next(millisecond) for millisecond in clock]

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
