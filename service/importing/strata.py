"""Trades as OpenGamma Strata writes them to CSV: FX single deals in both their forms, term deposits.

Source: Strata's ``FxSingleTradeCsvPlugin`` and ``TermDepositTradeCsvPlugin``. By *convention*: pair, rate,
and one amount whose sign does not count, for Buy Sell says what we do with its currency. In *full*:
two legs with direction and amount, no rate. Column names are read without regard to case, and
columns of other trade types are left alone.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Final

from service.importing.rows import (
    DEPOSIT,
    LOAN,
    Defaults,
    Row,
    RowRefused,
    UnreadableFile,
    amount,
    currency,
    day_count,
    fingerprint,
    named_day,
    noted,
    number_text,
    positive,
    shown,
    whole,
)
from service.importing.strata_cells import Cells, day, executed_at, is_buy, is_received, needed, pay_day
from service.importing.tables import Record, Table
from service.kernel.calendar import NoCalendar, spot_date
from service.kernel.money import ARITHMETIC, RATE_DECIMALS_MAX, UnknownCurrency, plain, quantize

TYPE: Final = "Strata Trade Type"
_FX_SINGLE: Final = frozenset({"FX", "FXSINGLE"})
_TERM_DEPOSIT: Final = frozenset({"TERMDEPOSIT"})
OTHERS: Final[Mapping[str, str]] = {
    "BULLET": "a single payment",
    "BULLETPAYMENT": "a single payment",
    "CDS": "a credit default swap",
    "CDSINDEX": "a credit default swap on an index",
    "FRA": "a forward rate agreement",
    "FXNDF": "a non-deliverable forward",
    "FXSINGLEBARRIEROPTION": "an FX option with a barrier",
    "FXSWAP": "an FX swap, two exchanges in one",
    "FXVANILLAOPTION": "an FX option",
    "SECURITY": "a deal in a security",
    "SWAP": "an interest rate swap",
    "SWAPTION": "an option on an interest rate swap",
}
"""What Strata's other types are, for the refusal."""
UNKNOWN: Final = "of no type that is known here"
_PAIR: Final = re.compile(r"\A([A-Za-z]{3})/([A-Za-z]{3})\Z")
_FIRST_IN_PAIRS: Final = ("EUR", "GBP", "AUD", "NZD", "USD")
"""Which currency of a pair is the base by market convention; elsewhere it is the first leg's."""
_RATE_STEP: Final = Decimal(1).scaleb(-RATE_DECIMALS_MAX)
_CONVENTION: Final = "Payment Date Convention"

Terms = tuple[dict[str, str], tuple[str, ...]]


def read_strata(table: Table, defaults: Defaults) -> Iterator[Row]:
    """Yield one row per trade; what is not dealt here is refused naming its type. Raises UnreadableFile."""
    folded: dict[str, str] = {}
    for column in table.columns:
        name = column.strip().lower()
        if name in folded:
            raise UnreadableFile(f"The column {shown(column)} stands twice.", line=1, field=column)
        folded[name] = column
    for record in table.records(short_rows=True):
        yield _row(
            record, {name: record.cells.get(column, "").strip() for name, column in folded.items()}, defaults
        )


def _row(record: Record, every: Mapping[str, str], defaults: Defaults) -> Row:
    if record.problem is not None:
        return Row(
            record.line,
            "row",
            refusal=record.problem,
            fingerprint=fingerprint("strata", record.line, record.problem),
        )
    cells = {name: text for name, text in every.items() if text}
    mark = fingerprint("strata", cells)
    id_ = "~".join(filter(None, (cells.get("id scheme"), cells.get("id"))))
    source = " ".join(filter(None, (cells.get(TYPE.lower(), "trade"), id_, cells.get("convention"))))[:80]
    try:
        deal, notes = _deal(cells, defaults)
    except RowRefused as refused:
        return Row(record.line, source, refusal=refused.sentence, field=refused.field, fingerprint=mark)
    return Row(record.line, source, deal, notes=notes, fingerprint=mark)


def _deal(cells: Cells, defaults: Defaults) -> tuple[dict[str, str], tuple[str, ...]]:
    type_ = needed(cells, TYPE)
    name = type_.upper().replace(" ", "")
    if name not in _FX_SINGLE | _TERM_DEPOSIT:
        what = OTHERS.get(name, UNKNOWN)
        raise RowRefused(
            TYPE,
            f"{shown(type_)} is {what}; FxSingle (FX) and TermDeposit are taken from this format.",
        )
    trade_date = day(cells, "Trade Date")
    read = _fx if name in _FX_SINGLE else _term_deposit
    terms, notes = read(cells, trade_date, defaults)
    struck = executed_at(cells, trade_date, defaults)
    return whole(terms, defaults, counterparty=_counterparty(cells, defaults), executed_at=struck), notes


def _counterparty(cells: Cells, defaults: Defaults) -> str:
    """Find whom we dealt with: the row's counterparty, else its central one, by the names the caller gave."""
    known = {} if defaults.counterparty is None else defaults.counterparty
    said = {column: cells[column.lower()] for column in ("Counterparty", "CCP") if column.lower() in cells}
    if isinstance(known, str):
        return known
    if not said:
        raise RowRefused(
            "Counterparty", "The row names no counterparty, and none was given for the whole file."
        )
    found = {column: known[name] for column, name in said.items() if name in known}
    if not found:
        column, name = next(iter(said.items()))
        raise RowRefused(column, f"Nothing says which counterparty {shown(name)} is; give its LEI.")
    if len(set(found.values())) > 1:
        raise RowRefused(
            "CCP", f"The row names two counterparties: {' and '.join(map(shown, said.values()))}."
        )
    return next(iter(found.values()))


# FX --------------------------------------------------------------------------------------------------


def _fx(cells: Cells, trade_date: date, defaults: Defaults) -> Terms:
    if "convention" in cells or "buy sell" in cells:
        terms, stated, notes = _by_convention(cells)
    else:
        terms, stated, notes = _in_full(cells)
    base, quote = terms["base"], terms["quote"]
    value_date, moved = pay_day(cells, stated, _CONVENTION, (base, quote), defaults)
    try:
        spot = spot_date(base, quote, trade_date)
    except NoCalendar:
        spot = value_date  # the service says which calendar is missing
    if value_date > spot:
        raise RowRefused(
            "Payment Date",
            f"{base}/{quote} dealt on {trade_date} is due spot on {named_day(spot)}; payment on {value_date} makes it an "
            "FX forward, and this format states neither its spot rate nor its points. Enter it as fx_forward.",
        )
    dates = {"trade_date": trade_date.isoformat(), "value_date": value_date.isoformat()}
    return {"type": "fx_spot", **terms, **dates}, notes + moved


def _by_convention(cells: Cells) -> tuple[dict[str, str], date, tuple[str, ...]]:
    pair = needed(cells, "Convention")
    found = _PAIR.match(pair)
    if found is None:
        raise RowRefused("Convention", f"{shown(pair)} is no pair; write for instance EUR/USD.")
    base, quote = found[1].upper(), found[2].upper()
    dealt = currency(needed(cells, "Currency").upper(), "Currency")
    if dealt not in {base, quote} or base == quote:
        raise RowRefused("Currency", f"{dealt} is none of two currencies {base} and {quote}.")
    rate = positive(needed(cells, "FX Rate"), "FX Rate")
    buys = is_buy(cells)
    notional = _unsigned(cells, "Notional")
    notes: tuple[str, ...] = ()
    if needed(cells, "Notional").startswith("-") and buys:
        notes = noted("the sign of the notional was left out: Buy Sell says the direction")
    if dealt == quote:
        buys = not buys
        notional, worked_out = _base_for(notional, Decimal(rate), base, quote)
        notes += worked_out
    terms = {
        "side": "buy" if buys else "sell",
        "base": base,
        "quote": quote,
        "base_amount": notional,
        "rate": rate,
    }
    return terms, day(cells, "Payment Date"), notes


def _unsigned(cells: Cells, column: str) -> str:
    return positive(amount(needed(cells, column), column).removeprefix("-"), column)


def _base_for(dealt: str, rate: Decimal, base: str, quote: str) -> tuple[str, tuple[str, ...]]:
    """Work out the base amount of a deal struck in the quote currency.

    It is taken only if the deal then pays exactly what was dealt: rounded to what the base
    currency can pay, times the rate, rounded to what the quote currency can pay.
    """
    wanted = Decimal(dealt)
    try:
        base_amount = quantize(ARITHMETIC.divide(wanted, rate), base)
        returned = quantize(ARITHMETIC.multiply(base_amount, rate), quote)
    except UnknownCurrency as unknown:
        raise RowRefused("Convention", f"{unknown}.") from unknown
    if returned != wanted or not base_amount:
        raise RowRefused(
            "Notional",
            f"{dealt} {quote} cannot be stated in {base}: {plain(base_amount)} {base} at {plain(rate)} "
            f"pay {plain(returned)} {quote}. Enter the deal by its amount of {base}.",
        )
    text = number_text(base_amount, "Notional")
    return text, noted(f"dealt as {dealt} {quote}: at {plain(rate)} that is {text} {base}")


def _in_full(cells: Cells) -> tuple[dict[str, str], date, tuple[str, ...]]:
    legs = [_leg(cells, f"Leg {number} ") for number in (1, 2)]
    (first, _, first_received, first_day), (second, _, second_received, second_day) = legs
    if first == second:
        raise RowRefused("Leg 2 Currency", f"A deal exchanges two currencies, and both are {first}.")
    if first_received == second_received:
        raise RowRefused("Leg 2 Direction", "Of the two legs one is paid and one received.")
    if first_day != second_day:
        raise RowRefused(
            "Leg 2 Payment Date",
            f"A deal that pays on two days, {first_day} and {second_day}, is not dealt here.",
        )
    if _rank(second) < _rank(first):
        legs.reverse()
    (base, base_amount, received, _), (quote, quote_amount, _, _) = legs
    rate = _rate_of(Decimal(base_amount), Decimal(quote_amount), base, quote)
    terms = {
        "side": "buy" if received else "sell",
        "base": base,
        "quote": quote,
        "base_amount": base_amount,
        "rate": rate,
    }
    worked_out = noted(f"rate {rate} worked out from {base_amount} {base} and {quote_amount} {quote}")
    return terms, first_day, worked_out


def _leg(cells: Cells, prefix: str) -> tuple[str, str, bool, date]:
    dated = f"{prefix}Payment Date"
    return (
        currency(needed(cells, f"{prefix}Currency").upper(), f"{prefix}Currency"),
        _unsigned(cells, f"{prefix}Notional"),
        is_received(cells, f"{prefix}Direction"),
        day(cells, dated if dated.lower() in cells else "Payment Date"),
    )


def _rank(code: str) -> int:
    return _FIRST_IN_PAIRS.index(code) if code in _FIRST_IN_PAIRS else len(_FIRST_IN_PAIRS)


def _rate_of(base_amount: Decimal, quote_amount: Decimal, base: str, quote: str) -> str:
    """Work out the rate two amounts imply, to the decimals a rate can have; it must give the amounts back."""
    rate = ARITHMETIC.divide(quote_amount, base_amount).quantize(_RATE_STEP, context=ARITHMETIC)
    try:
        returned = quantize(ARITHMETIC.multiply(base_amount, rate), quote)
    except UnknownCurrency as unknown:
        raise RowRefused("Leg 2 Currency", f"{unknown}.") from unknown
    if returned != quote_amount or not rate:
        raise RowRefused(
            "Leg 2 Notional",
            f"No rate with {RATE_DECIMALS_MAX} decimals makes {plain(base_amount)} {base} "
            f"into {plain(quote_amount)} {quote}.",
        )
    return number_text(rate, "Leg 2 Notional")


# Money market ----------------------------------------------------------------------------------------


def _term_deposit(cells: Cells, trade_date: date, defaults: Defaults) -> Terms:
    """Read a deposit that states its dates; to buy is to place the money, to sell is to take it."""
    for column in ("Convention", "Tenor"):
        if column.lower() in cells:
            raise RowRefused(
                column,
                "State start date, end date, currency and day count instead of a convention.",
            )
    code = currency(needed(cells, "Currency").upper(), "Currency")
    start, moved = pay_day(cells, day(cells, "Start Date"), "Date Convention", (code,), defaults)
    end, moved_too = pay_day(cells, day(cells, "End Date"), "Date Convention", (code,), defaults)
    terms = {
        "type": DEPOSIT if is_buy(cells) else LOAN,
        "currency": code,
        "principal": positive(needed(cells, "Notional"), "Notional"),
        "rate_percent": amount(needed(cells, "Fixed Rate"), "Fixed Rate"),
        "day_count": day_count(needed(cells, "Day Count"), "Day Count"),
        "start_date": start.isoformat(),
        "end_date": end.isoformat(),
        "trade_date": trade_date.isoformat(),
    }
    return terms, moved + moved_too
