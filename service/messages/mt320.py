"""MT320, fixed deposit confirmation: one loan of money for a term, interest due once, at maturity.

Source: SWIFT Standards MT category 3. Maturity and rollover notices and interest paid on the way are
refused with their field: a person looks at them. Banks differ in what the sign of field 34E means
(who pays, or interest below zero); the sign of the rate decides here, and a deviating one is remarked.
"""

from decimal import Decimal
from typing import Final

from service.kernel.money import Money
from service.messages import fin_values as values
from service.messages.fin import Field, FinMessage, Place, Section, Sequences, read_fin
from service.messages.terms import (
    ConfirmedTerms,
    InvalidTerms,
    Operation,
    Product,
    Unreadable,
    Unwritable,
)

SILENT_ON: Final = frozenset({"form"})
"""Terms that the format has no place for."""

_OPERATIONS: Final = {"NEWT": Operation.NEW, "AMND": Operation.AMEND, "CANC": Operation.CANCEL}
_CODES: Final = {operation: code for code, operation in _OPERATIONS.items()}
_ROLES: Final = {"L": Product.MM_DEPOSIT, "B": Product.MM_LOAN}
_ROLE_OF: Final = {product: role for role, product in _ROLES.items()}
_DAY_COUNTS: Final = {
    "ACT/360": "ACT/360",
    "AFI/365": "ACT/365",
    "ACT/365": "ACT/ACT",
    "360/360": "30/360",
    "30E/360": "30E/360",
}
"""Field 14D and our day counts: the same letters mean different things (service/trades/deals/day_count.py)."""
_DAY_COUNT_OF: Final = {ours: theirs for theirs, ours in _DAY_COUNTS.items()}
_INSTRUCTIONS: Final = (
    Place("53", "ADJ"),
    Place("86", "ADJ"),
    Place("56", "ADJ"),
    Place("57", "ADJ", wanted=True),
    Place("58", "ADJ"),
)
_GRAMMAR: Final = (
    Section(
        "A",
        (
            Place("20", must=True),
            Place("21"),
            Place("22", "A", must=True),
            Place("94", "A"),
            Place("22", "B", must=True),
            Place("22", "C", must=True),
            Place("21", "N"),
            Place("82", "ADJ", must=True),
            Place("87", "ADJ", must=True),
            Place("83", "ADJ"),
            Place("77", "D"),
        ),
        must=True,
    ),
    Section(
        "B",
        (
            Place("17", "R", must=True),
            Place("30", "T", must=True),
            Place("30", "V", must=True),
            Place("30", "P", must=True),
            Place("32", "B", must=True),
            Place("32", "H"),
            Place("30", "X", wanted=True),
            Place("34", "E", must=True),
            Place("37", "G", must=True),
            Place("14", "D", must=True),
            Place("30", "F"),
            Place("38", "J"),
            Place("39", "M"),
        ),
        must=True,
    ),
    Section("C", _INSTRUCTIONS, must=True),
    Section("D", _INSTRUCTIONS, must=True),
    Section("E", _INSTRUCTIONS),
    Section("F", _INSTRUCTIONS),
    Section("G", refused="tax on interest (sequence G) is not dealt here: a person looks at it"),
    Section(
        "H",
        (
            Place("29", "A"),
            Place("24", "D"),
            *(Place(number, "ABDJ") for number in ("84", "85", "88")),
            Place("71", "F"),
            Place("26", "H"),
            Place("21", "G"),
            Place("34", "C"),
            Place("72"),
        ),
    ),
    Section("I", refused="additional amounts (sequence I) are not dealt here: a person looks at it"),
)


def read(content: bytes) -> ConfirmedTerms:
    """Read an MT320. Raises Unreadable."""
    return read_message(read_fin(content))


def read_message(message: FinMessage) -> ConfirmedTerms:
    """Read an MT320 that was taken apart. Raises Unreadable."""
    if message.type != "320":
        raise Unreadable("block 2", f"the message is an MT{message.type}, not an MT320")
    found = Sequences(message, _GRAMMAR)
    values.read_code(found.the("A", "22B"), "CONF")
    maturity = values.read_day(found.the("B", "30P"))
    _due_once(found, found.the("B", "30P"))
    party, counterparty = (values.read_party(found.the("A", number)) for number in ("82", "87"))
    percent = _rate(found.the("B", "37G"))
    day_count = _DAY_COUNTS[values.read_code(found.the("B", "14D"), *_DAY_COUNTS)]
    interest = _interest(found, found.the("B", "34E"), percent)
    previous, theirs, broker = found.field("A", "21"), found.field("H", "26H"), found.field("H", "88")
    clause, side_agreement = values.read_text(found.field("A", "77D"))
    try:
        return ConfirmedTerms(
            product=_ROLES[values.read_code(found.the("B", "17R"), *_ROLES)],
            operation=_OPERATIONS[values.read_code(found.the("A", "22A"), *_OPERATIONS)],
            our_reference=values.read_reference(found.the("A", "20")),
            previous_reference=None if previous is None else values.read_reference(previous),
            their_reference=None if theirs is None else values.read_reference(theirs),
            party=party,
            counterparty=counterparty,
            trade_date=values.read_day(found.the("B", "30T")),
            start_date=values.read_day(found.the("B", "30V")),
            maturity_date=maturity,
            principal=values.read_money(found.the("B", "32B")),
            interest=interest,
            rate_percent=percent,
            day_count=day_count,
            broker=None if broker is None else values.read_party(broker),
            our_account=values.read_account(found.field("D", "57")),
            their_account=values.read_account(found.field("C", "57")),
            off_market_clause=clause,
            side_agreement=side_agreement,
            remarks=(
                *found.remarks,
                *values.remarks_on_sender(message, party),
                *values.remarks_on_common_reference(found.the("A", "22C"), party, counterparty, percent),
            ),
        )
    except InvalidTerms as wrong:
        raise Unreadable(wrong.field, wrong.reason) from wrong


def _due_once(found: Sequences, maturity: Field) -> None:
    due, to_settle = found.field("B", "30X"), found.field("B", "32H")
    if to_settle is not None:
        raise Unreadable("32H", "an amount to settle stands in no confirmation of a new deal")
    if due is not None and values.read_day(due) != values.read_day(maturity):
        raise Unreadable("30X", "interest is due before maturity; a deposit here pays it at maturity")


def _rate(field: Field) -> Decimal:
    return values.read_number(field.tag, field.text, length=values.RATE, signed=True)


def _interest(found: Sequences, field: Field, percent: Decimal) -> Money:
    money, marked = values.read_signed_money(field)
    negative = percent < 0
    if marked != (negative and bool(money.amount)):
        found.remarks.append(f"34E is {field.text}: its sign is not that of the rate, which decides")
    return Money(-money.amount if negative and money.amount else money.amount, money.currency)


def write(terms: ConfirmedTerms) -> bytes:
    """Write an MT320 as the sender's system hands it to SWIFT. Raises Unwritable."""
    if terms.product.exchange:
        raise Unwritable("product", f"{terms.product} is an exchange of currencies; an MT300 confirms it")
    if terms.interest is None:
        raise Unwritable("interest", "missing: an MT320 states the interest")
    assert terms.start_date is not None
    assert terms.maturity_date is not None
    assert terms.principal is not None
    assert terms.rate_percent is not None
    if terms.day_count not in _DAY_COUNT_OF:
        raise Unwritable("day_count", f"{terms.day_count} has no code in field 14D")
    maturity = values.write_day(terms.maturity_date)
    fields = [
        ":15A:",
        *values.write_general(terms, _CODES[terms.operation]),
        ":22B:CONF",
        f":22C:{values.write_common_reference(terms, terms.rate_percent)}",
        values.write_party("82", "party", terms.party),
        values.write_party("87", "counterparty", terms.counterparty),
        *values.write_text("77D", terms.off_market_clause, terms.side_agreement),
        ":15B:",
        f":17R:{_ROLE_OF[terms.product]}",
        f":30T:{values.write_day(terms.trade_date)}",
        f":30V:{values.write_day(terms.start_date)}",
        f":30P:{maturity}",
        f":32B:{values.write_money('principal', terms.principal)}",
        f":30X:{maturity}",
        f":34E:{values.write_money('interest', terms.interest)}",
        f":37G:{values.write_number('rate_percent', terms.rate_percent, values.RATE)}",
        f":14D:{_DAY_COUNT_OF[terms.day_count]}",
        ":15C:",
        values.write_account("57", "their_account", terms.their_account),
        ":15D:",
        values.write_account("57", "our_account", terms.our_account),
        *values.write_additional("H", terms),
    ]
    return values.write_message("320", terms.party, terms.counterparty, fields)
