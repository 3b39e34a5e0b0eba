"""What a field of FIN holds: numbers with a comma, dates, parties, accounts, text of the x character set.

Source: SWIFT Standards MT, General Information, and the field options A, D and J of category 3.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Final, NoReturn

from service.importing.rows import shown
from service.kernel.identifiers import InvalidIdentifier, check_bic, check_lei
from service.kernel.money import CURRENCIES, Money, TooManyDecimals, check_decimals, plain
from service.messages.fin import Field, FinMessage, X
from service.messages.terms import (
    ConfirmedTerms,
    InvalidTerms,
    PartyId,
    SettlementAccount,
    Unreadable,
    Unwritable,
)

AMOUNT: Final = 15
RATE: Final = 12
REFERENCE: Final = 16
_LINE: Final = 35
_LINE_J: Final = 40
_LINES_D: Final = 4
_LINES_J: Final = 5
_LINES_TEXT: Final = 6
_NAME_J: Final = 34
_ACCOUNT: Final = 34
_TEXT: Final = re.compile(rf"\A{X}+\Z")
_NUMBER: Final = re.compile(r"\A[0-9]+,[0-9]*\Z")
_DATE: Final = re.compile(r"\A[0-9]{8}\Z")
_MONEY: Final = re.compile(r"\A([A-Z]{3})(.*)\Z")
_CODED: Final = re.compile(r"\A/([A-Z0-9]{4})/(.*)\Z")
_MARKED: Final = re.compile(r"\A/[CD]/(.+)\Z")
_REFERENCE: Final = re.compile(rf"\A(?!/){X}{{1,16}}(?<!/)\Z")
_SPELT: Final = {"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss", "&": "+"}
_SPELT_TABLE: Final = str.maketrans(_SPELT)
_UNKNOWN: Final = "UKWN"
_NOT_SAID: Final = {_UNKNOWN, "SSIS", "NETS"}
"""In place of an account: unknown, standing instructions, net settlement."""


# Reading ---------------------------------------------------------------------------------------------


def read_reference(field: Field) -> str:
    """Return a reference of up to 16 characters (16x). Raises Unreadable."""
    if _REFERENCE.match(field.text) is None or "//" in field.text or field.text != field.text.strip():
        raise Unreadable(
            field.tag,
            f"{shown(field.text)} is no reference: up to 16 characters, no slash at its ends, no two slashes together",
        )
    return field.text


def read_code(field: Field, *known: str) -> str:
    """Return a code that must be one of those known. Raises Unreadable."""
    if field.text not in known:
        raise Unreadable(field.tag, f"{shown(field.text)} is none of {', '.join(known)}")
    return field.text


def read_day(field: Field) -> date:
    """Return a date written YYYYMMDD. Raises Unreadable."""
    text = field.text
    try:
        return date.fromisoformat(text) if _DATE.match(text) else _no_date(field)
    except ValueError:
        return _no_date(field)


def _no_date(field: Field) -> NoReturn:
    raise Unreadable(field.tag, f"{shown(field.text)} is no date; write YYYYMMDD")


def read_number(tag: str, text: str, *, length: int, signed: bool = False) -> Decimal:
    """Return a number with its decimal comma; ``N`` before it means below zero. Raises Unreadable."""
    negative = signed and text.startswith("N")
    digits = text[1:] if negative else text
    if _NUMBER.match(digits) is None or len(digits) > length:
        raise Unreadable(
            tag,
            f"{shown(text)} is no number: up to {length} characters, digits and one decimal comma among them",
        )
    number = Decimal(digits.replace(",", "."))
    return -number if negative and number else number


def read_positive(field: Field, *, length: int = RATE) -> Decimal:
    """Return a number above zero. Raises Unreadable."""
    number = read_number(field.tag, field.text, length=length)
    if not number:
        raise Unreadable(field.tag, "is zero; it must be more")
    return number


def read_money(field: Field) -> Money:
    """Return an amount above zero with its currency. Raises Unreadable."""
    money, _ = read_signed_money(Field(field.tag, (field.text,)), signed=False)
    if not money.amount:
        raise Unreadable(field.tag, "is zero; it must be more")
    return money


def read_signed_money(field: Field, *, signed: bool = True) -> tuple[Money, bool]:
    """Return an amount, never below zero, and whether ``N`` stands before it. Raises Unreadable."""
    text = field.text
    marked = signed and text.startswith("N") and text[1:4].isalpha() and text[1:4] in CURRENCIES
    found = _MONEY.match(text[1:] if marked else text)
    if found is None:
        raise Unreadable(field.tag, f"{shown(text)} is no amount: its currency is missing")
    currency, digits = found.groups()
    if currency not in CURRENCIES:
        raise Unreadable(field.tag, f"{shown(currency)} is no currency of ISO 4217 that is dealt here")
    amount = read_number(field.tag, digits, length=AMOUNT)
    try:
        check_decimals(amount, currency)
    except TooManyDecimals as wrong:
        raise Unreadable(field.tag, str(wrong)) from wrong
    return Money(amount, currency), marked


def read_party(field: Field) -> PartyId:
    """Return the party of options A, D and J. Raises Unreadable."""
    try:
        match field.tag[2:]:
            case "A":
                _, bic = _account_and_bic(field)
                return PartyId(bic=bic)
            case "J":
                codes = _codes(field)
                return PartyId(
                    bic=_bic_in(field, codes),
                    lei=_checked(field.tag, check_lei, codes.get("LEIC")),
                    name=codes.get("NAME"),
                )
            case _:
                _, lines = _account_and_lines(field)
                return PartyId(name=" ".join(lines).strip())
    except InvalidTerms as wrong:
        raise Unreadable(field.tag, wrong.reason) from wrong


def read_account(field: Field | None) -> SettlementAccount | None:
    """Return bank and number of an account, None where the field says that it says nothing. Raises Unreadable."""
    if field is None:
        return None
    bic: str | None
    account: str | None
    match field.tag[2:]:
        case "A":
            account, bic = _account_and_bic(field)
        case "J":
            codes = _codes(field)
            if _NOT_SAID & codes.keys():
                return None
            bic = _bic_in(field, codes)
            account = codes.get("ACCT")
        case _:
            account, _ = _account_and_lines(field)
            bic = None
    if bic is None and account is None:
        return None
    try:
        return SettlementAccount(bic=bic, account=account)
    except InvalidTerms as wrong:
        raise Unreadable(field.tag, wrong.reason) from wrong


def read_text(field: Field | None, *, lines_max: int = _LINES_TEXT) -> tuple[str | None, str | None]:
    """Return the off-market clause and other terms in a field of free text (77D). Raises Unreadable."""
    if field is None:
        return None, None
    if len(field.lines) > lines_max or any(len(line) > _LINE for line in field.lines):
        raise Unreadable(field.tag, f"has more than {lines_max} lines of {_LINE} characters")
    said = {"OFFM": "", "SIDE": ""}
    code = "SIDE"
    for line in field.lines:
        coded = _CODED.match(line)
        if coded is not None and coded[1] in said:
            code, text = coded.groups()
        elif line.startswith("//"):
            said[code] += line[2:]
            continue
        else:
            text = line
        said[code] = f"{said[code]} {text}".strip()
    return said["OFFM"].strip() or None, said["SIDE"].strip() or None


def _bic_in(field: Field, codes: Mapping[str, str]) -> str | None:
    said = codes.get("ABIC")
    return None if said == _UNKNOWN else _checked(field.tag, check_bic, said)


def _checked(tag: str, check: Callable[[str], str], text: str | None) -> str | None:
    try:
        return None if text is None else check(text)
    except InvalidIdentifier as invalid:
        raise Unreadable(tag, str(invalid)) from invalid


def _account_and_bic(field: Field) -> tuple[str | None, str]:
    account, lines = _account_and_lines(field)
    if len(lines) != 1:
        raise Unreadable(field.tag, "names no bank by its BIC, or more than one")
    try:
        return account, check_bic(lines[0])
    except InvalidIdentifier as invalid:
        raise Unreadable(field.tag, str(invalid)) from invalid


def _account_and_lines(field: Field) -> tuple[str | None, Sequence[str]]:
    first, *others = field.lines
    account = None
    lines: Sequence[str] = field.lines
    if first.startswith("/"):
        marked = _MARKED.match(first)
        account, lines = (marked[1] if marked else first[1:]) or None, others
        if account is None or len(account) > _ACCOUNT:
            raise Unreadable(
                field.tag, f"{shown(first)} is no account: up to {_ACCOUNT} characters behind the slash"
            )
    if len(lines) > _LINES_D or any(len(line) > _LINE for line in lines):
        raise Unreadable(field.tag, f"has more than {_LINES_D} lines of {_LINE} characters")
    return account, lines


def _codes(field: Field) -> dict[str, str]:
    """Return what stands behind each code of option J; a line without code goes on with the one before."""
    if len(field.lines) > _LINES_J or any(len(line) > _LINE_J for line in field.lines):
        raise Unreadable(field.tag, f"has more than {_LINES_J} lines of {_LINE_J} characters")
    codes: dict[str, str] = {}
    last = ""
    for line in field.lines:
        coded = _CODED.match(line)
        if coded is None:
            if not last:
                raise Unreadable(field.tag, f"{shown(line)} begins with no code such as /ABIC/")
            codes[last] = f"{codes[last]} {line}".strip()
            continue
        last, text = coded.groups()
        if last in codes:
            raise Unreadable(field.tag, f"/{last}/ stands twice")
        codes[last] = text
    return codes


# Writing ---------------------------------------------------------------------------------------------


def as_x(text: str) -> str | None:
    """Spell a text in the x character set (ä as ae, é as e), or None where it cannot be spelt."""
    spelt = unicodedata.normalize("NFKD", text.translate(_SPELT_TABLE))
    plain_text = " ".join("".join(c for c in spelt if not unicodedata.combining(c)).split())
    return plain_text if _TEXT.match(plain_text) else None


def write_reference(name: str, text: str) -> str:
    """Write a reference as 16x. Raises Unwritable."""
    if _REFERENCE.match(text) is None or "//" in text:
        raise Unwritable(
            name, f"{shown(text)} is no reference of up to {REFERENCE} characters as SWIFT has it"
        )
    return text


def write_day(day: date) -> str:
    """Write a date as YYYYMMDD."""
    return f"{day:%Y%m%d}" if day.year >= 1000 else f"{day.year:04d}{day:%m%d}"  # noqa: PLR2004


def write_number(name: str, number: Decimal, length: int) -> str:
    """Write a number with its comma, zeros behind it left out; ``N`` before it if below zero. Raises Unwritable."""
    whole, _, decimals = plain(abs(number)).partition(".")
    digits = f"{whole},{decimals.rstrip('0')}"
    if len(digits) > length:
        raise Unwritable(name, f"{plain(number)} does not fit into {length} characters")
    return f"N{digits}" if number < 0 else digits


def write_money(name: str, money: Money) -> str:
    """Write currency and amount; ``N`` before them if below zero. Raises Unwritable."""
    sign = "N" if money.amount < 0 else ""
    return f"{sign}{money.currency}{write_number(name, abs(money.amount), AMOUNT)}"


def write_party(number: str, name: str, party: PartyId) -> str:
    """Write a party: by its BIC alone in option A, with LEI or name in option J. Raises Unwritable.

    A name that the character set cannot spell is left out: LEI or BIC say who it is.
    """
    if party.lei is None and party.name is None:
        return f":{number}A:{party.bic}"
    lines = [f"/ABIC/{party.bic or _UNKNOWN}"]
    spelt = as_x(party.name) if party.name is not None else None
    if spelt is not None:
        lines.append(f"/NAME/{spelt[:_NAME_J].strip()}")
    elif party.bic is None and party.lei is None:
        raise Unwritable(name, f"{shown(party.name or '')} cannot be spelt in the character set of SWIFT")
    if party.lei is not None:
        lines.append(f"/LEIC/{party.lei}")
    return f":{number}J:" + "\r\n".join(lines)


def write_account(number: str, name: str, account: SettlementAccount | None) -> str:
    """Write an account, or that none is said. Raises Unwritable."""
    if account is None:
        return f":{number}J:/{_UNKNOWN}/"
    said = account.account
    if said is not None and (_TEXT.match(said) is None or _MARKED.match(f"/{said}") or said != said.strip()):
        raise Unwritable(name, f"{shown(said)} is no account number as SWIFT writes it")
    if account.bic is None:
        return f":{number}J:/ABIC/{_UNKNOWN}\r\n/ACCT/{said}"
    return f":{number}A:" + (f"/{said}\r\n" if said is not None else "") + account.bic


def write_text(tag: str, clause: str | None, side_agreement: str | None) -> list[str]:
    """Write the off-market clause and other terms as one field of free text, if there are any. Raises Unwritable."""
    lines: list[str] = []
    for code, name, text in (
        ("OFFM", "off_market_clause", clause),
        ("SIDE", "side_agreement", side_agreement),
    ):
        if text is not None:
            spelt = as_x(text)
            if spelt is None:
                raise Unwritable(
                    name, "has characters that SWIFT's character set does not spell; send another format"
                )
            lines += _wrapped(f"/{code}/", spelt)
    if len(lines) > _LINES_TEXT:
        raise Unwritable(
            "off_market_clause" if side_agreement is None else "side_agreement",
            f"does not fit into {_LINES_TEXT} lines of {_LINE} characters in {tag}; send another format",
        )
    return [f":{tag}:" + "\r\n".join(lines)] if lines else []


def _wrapped(code: str, text: str) -> Iterator[str]:
    """Break a text into lines; a blank at a break stands at the beginning of the next line."""
    head = code
    while True:
        room = _LINE - len(head)
        piece = text[:room]
        while piece.endswith(" ") and len(text) > len(piece):
            piece = piece[:-1]
        yield head + piece
        text = text[len(piece) :]
        if not text:
            return
        head = "//"


def write_message(type_: str, sender: PartyId, receiver: PartyId, fields: Sequence[str]) -> bytes:
    """Write a message as the sender's system hands it to SWIFT (input, CR LF). Raises Unwritable."""
    if sender.bic is None or receiver.bic is None:
        raise Unwritable("party" if sender.bic is None else "counterparty", "has no BIC, and SWIFT needs one")
    header = f"{{1:F01{_terminal(sender.bic, 'A')}0000000000}}{{2:I{type_}{_terminal(receiver.bic, 'X')}N}}"
    text = "\r\n".join(fields)
    return f"{header}{{4:\r\n{text}\r\n-}}".encode("ascii")


def _terminal(bic: str, letter: str) -> str:
    return f"{bic[:8]}{letter}{bic[8:] or 'XXX'}"


# What confirmations share ----------------------------------------------------------------------------


def write_general(terms: ConfirmedTerms, operation: str) -> list[str]:
    """Write references and operation (20, 21, 22A). Raises Unwritable."""
    previous = terms.previous_reference
    return [
        f":20:{write_reference('our_reference', terms.our_reference)}",
        *([f":21:{write_reference('previous_reference', previous)}"] if previous is not None else []),
        f":22A:{operation}",
    ]


def write_additional(letter: str, terms: ConfirmedTerms) -> list[str]:
    """Write the sequence that names the broker and the other side's reference, if there is either. Raises Unwritable."""
    fields = []
    if terms.broker is not None:
        fields.append(write_party("88", "broker", terms.broker))
    if terms.their_reference is not None:
        fields.append(f":26H:{write_reference('their_reference', terms.their_reference)}")
    return [f":15{letter}:", *fields] if fields else []


def write_common_reference(terms: ConfirmedTerms, number: Decimal) -> str:
    """Write field 22C. Raises Unwritable."""
    if terms.party.bic is None or terms.counterparty.bic is None:
        raise Unwritable(
            "party" if terms.party.bic is None else "counterparty", "has no BIC, and SWIFT needs one"
        )
    return common_reference(terms.party.bic, terms.counterparty.bic, number)


def common_reference(party: str, counterparty: str, number: Decimal) -> str:
    """Return field 22C: the codes of both banks in order, and between them four digits of the rate.

    The digits are the last one that is no zero and the three before it, the decimal comma left out.
    """
    digits = plain(abs(number)).replace(".", "").rstrip("0")[-4:].rjust(4, "0")
    first, second = sorted((bic[:4] + bic[6:8] for bic in (party, counterparty)), key=_letters_first)
    return f"{first}{digits}{second}"


def _letters_first(code: str) -> list[tuple[bool, str]]:
    return [(character.isdigit(), character) for character in code]


def remarks_on_common_reference(
    field: Field, party: PartyId, counterparty: PartyId, number: Decimal
) -> tuple[str, ...]:
    """Say whether field 22C is what parties and rate make of it; the terms stay clear where it is not."""
    said = field.text
    if party.bic is None or counterparty.bic is None:
        return ()
    due = common_reference(party.bic, counterparty.bic, number)
    return () if said == due else (f"22C is {said}; parties and rate make it {due}",)


def remarks_on_sender(message: FinMessage, party: PartyId) -> tuple[str, ...]:
    """Say whether somebody else than party A sent the message."""
    if message.sender is None or party.bic is None or message.sender[:8] == party.bic[:8]:
        return ()
    return (f"sent by {message.sender}, which is not party A ({party.bic})",)
