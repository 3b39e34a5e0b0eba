"""MT300, foreign exchange confirmation: an exchange of two currencies, deliverable, in one piece.

Source: SWIFT Standards MT category 3. The format has no place for spot rate and forward points, and
does not tell a spot deal from a forward: the value date does. What is not dealt here (non-deliverable
forwards, split settlement, events of options) is refused with its field.
"""

from typing import Final

from service.kernel.calendar import NoCalendar, spot_date
from service.messages import fin_values as values
from service.messages.fin import FinMessage, Place, Section, Sequences, read_fin
from service.messages.terms import (
    ConfirmedTerms,
    InvalidTerms,
    Operation,
    Product,
    Unreadable,
    Unwritable,
)

SILENT_ON: Final = frozenset({"spot_rate", "forward_points", "form"})
"""Terms that the format has no place for."""

_OPERATIONS: Final = {"NEWT": Operation.NEW, "AMND": Operation.AMEND, "CANC": Operation.CANCEL}
_CODES: Final = {operation: code for code, operation in _OPERATIONS.items()}
_REPORTED: Final = frozenset(
    (
        *("22L", "91A", "91D", "91J", "22M", "22N", "22P", "22R", "81A", "81D", "81J", "89A", "89D", "89J"),
        *("96A", "96D", "96J", "22S", "22T", "17E", "22U", "35B", "17H", "17P", "22V", "98D", "17W", "22W"),
        *("17Y", "17Z", "22Q", "17L", "17M", "17Q", "17S", "17X", "98G", "98H", "77A"),
    )
)
_GRAMMAR: Final = (
    Section(
        "A",
        (
            Place("20", must=True),
            Place("21"),
            Place("22", "A", must=True),
            Place("94", "A"),
            Place("22", "C", must=True),
            *(Place("17", letter) for letter in "TUI"),
            Place("82", "ADJ", must=True),
            Place("87", "ADJ", must=True),
            Place("83", "ADJ"),
            Place("77", "H"),
            Place("77", "D"),
            Place("14", "C"),
            *(Place("17", letter) for letter in "FO"),
        ),
        must=True,
    ),
    Section(
        "B",
        (
            Place("30", "T", must=True),
            Place("30", "V", must=True),
            Place("36", must=True),
            Place("39", "M"),
            Place("32", "B", must=True),
            Place("53", "ADJ"),
            Place("56", "ADJ"),
            Place("57", "ADJ", must=True),
            Place("33", "B", must=True),
            Place("53", "ADJ"),
            Place("56", "ADJ"),
            Place("57", "ADJ", must=True),
            Place("58", "ADJ"),
        ),
        must=True,
    ),
    Section(
        "C",
        (
            Place("29", "A"),
            Place("24", "D"),
            *(Place(number, "ABDJ") for number in ("84", "85", "88")),
            Place("71", "F"),
            Place("26", "H"),
            Place("21", "G"),
            Place("72"),
        ),
    ),
    Section("D", refused="split settlement is not dealt here: a person settles this deal"),
    Section("E", loose=_REPORTED),
    Section("F", refused="events after the deal (sequence F) are not read here: a person looks at it"),
)


def read(content: bytes) -> ConfirmedTerms:
    """Read an MT300. Raises Unreadable."""
    return read_message(read_fin(content))


def read_message(message: FinMessage) -> ConfirmedTerms:
    """Read an MT300 that was taken apart. Raises Unreadable."""
    if message.type != "300":
        raise Unreadable("block 2", f"the message is an MT{message.type}, not an MT300")
    found = Sequences(message, _GRAMMAR)
    for number in ("F", "O"):
        flag = found.field("A", f"17{number}")
        if flag is not None and values.read_code(flag, "Y", "N") == "Y":
            raise Unreadable(flag.tag, "a non-deliverable forward is not dealt here")
    rate_field = found.the("B", "36")
    rate = values.read_positive(rate_field)
    trade_date = values.read_day(found.the("B", "30T"))
    value_date = values.read_day(found.the("B", "30V"))
    bought, sold = (values.read_money(found.the("B", number)) for number in ("32B", "33B"))
    party, counterparty = (values.read_party(found.the("A", number)) for number in ("82", "87"))
    broker, theirs = found.field("C", "88"), found.field("C", "26H")
    previous = found.field("A", "21")
    clause, side_agreement = values.read_text(found.field("A", "77D"))
    try:
        spot = spot_date(bought.currency, sold.currency, trade_date)
    except NoCalendar:
        spot = value_date
        found.remarks.append("no calendar tells spot from forward for these currencies: taken for spot")
    try:
        return ConfirmedTerms(
            product=Product.FX_SPOT if value_date <= spot else Product.FX_FORWARD,
            operation=_OPERATIONS[values.read_code(found.the("A", "22A"), *_OPERATIONS)],
            our_reference=values.read_reference(found.the("A", "20")),
            previous_reference=None if previous is None else values.read_reference(previous),
            their_reference=None if theirs is None else values.read_reference(theirs),
            party=party,
            counterparty=counterparty,
            trade_date=trade_date,
            value_date=value_date,
            bought=bought,
            sold=sold,
            rate=rate,
            broker=None if broker is None else values.read_party(broker),
            our_account=values.read_account(found.field("B", "57")),
            their_account=values.read_account(found.field("B", "57", nth=1)),
            off_market_clause=clause,
            side_agreement=side_agreement,
            remarks=(
                *found.remarks,
                *values.remarks_on_sender(message, party),
                *values.remarks_on_common_reference(found.the("A", "22C"), party, counterparty, rate),
            ),
        )
    except InvalidTerms as wrong:
        raise Unreadable(wrong.field, wrong.reason) from wrong


def write(terms: ConfirmedTerms) -> bytes:
    """Write an MT300 as the sender's system hands it to SWIFT. Raises Unwritable."""
    if not terms.product.exchange:
        raise Unwritable("product", f"{terms.product} is no exchange of currencies; an MT320 confirms it")
    assert terms.rate is not None
    assert terms.value_date is not None
    assert terms.bought is not None
    assert terms.sold is not None
    fields = [
        ":15A:",
        *values.write_general(terms, _CODES[terms.operation]),
        f":22C:{values.write_common_reference(terms, terms.rate)}",
        values.write_party("82", "party", terms.party),
        values.write_party("87", "counterparty", terms.counterparty),
        *values.write_text("77D", terms.off_market_clause, terms.side_agreement),
        ":15B:",
        f":30T:{values.write_day(terms.trade_date)}",
        f":30V:{values.write_day(terms.value_date)}",
        f":36:{values.write_number('rate', terms.rate, values.RATE)}",
        f":32B:{values.write_money('bought', terms.bought)}",
        values.write_account("57", "our_account", terms.our_account),
        f":33B:{values.write_money('sold', terms.sold)}",
        values.write_account("57", "their_account", terms.their_account),
        *values.write_additional("C", terms),
    ]
    return values.write_message("300", terms.party, terms.counterparty, fields)
