"""A confirmation as a letter, in German or English: HTML for the screen, PDF/A for the archive.

Both say the same, from the same words. What a deal carries is data in both: nothing in it can become
markup. The same terms give the same bytes, so that the hash of a filed letter can be worked out again.
"""

from dataclasses import asdict, dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Final

import jinja2
import msgspec
import typst

from service.kernel.money import ARITHMETIC, Money
from service.messages.letter_words import KINDS, OPENINGS, TITLES, WORDS
from service.messages.terms import ConfirmedTerms, Form, PartyId, Product, SettlementAccount, Unwritable
from service.ui.formats import Formats
from service.ui.languages import Language

_TEMPLATES: Final = Path(__file__).parent / "templates"
_NO_SHAPE: Final = "could not be displayed"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Letter:
    """What stands in a letter, in order; every string is text and nothing else."""

    language: Language
    title: str
    sender: list[str]
    receiver: list[str]
    date: str | None
    greeting: str
    opening: str
    short: str | None
    rows: list[tuple[str, str]]
    off_market: tuple[str, str] | None
    closing: list[str]
    words: dict[str, str]


def html(terms: ConfirmedTerms, language: Language, *, made_on: date | None = None) -> bytes:
    """Write the letter as one HTML file that needs nothing else; ``made_on``: its date, if it has one."""
    return _page().render(asdict(_letter(terms, language, made_on))).encode()


def pdf(terms: ConfirmedTerms, language: Language, *, made_on: date | None = None) -> bytes:
    """Write the letter as PDF/A-2a and PDF/UA-1. Raises Unwritable where a letter of some script has no shape.

    The document's own date is that of the letter, or of the deal.
    """
    letter = asdict(_letter(terms, language, made_on))
    day = made_on or terms.trade_date
    letter["day"] = [day.year, day.month, day.day]
    try:
        made = typst.compile(
            (_TEMPLATES / "letter.typ").read_bytes(),
            format="pdf",
            ignore_system_fonts=True,
            sys_inputs={"letter": msgspec.json.encode(letter).decode()},
            pdf_standards=["a-2a", "ua-1"],
        )
    except typst.TypstError as refused:
        if _NO_SHAPE not in refused.message:
            raise
        raise Unwritable(
            "letter", f"cannot be set as PDF: {refused.message}; send another format"
        ) from refused
    return made


@cache
def _page() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("letter.html")


def _letter(terms: ConfirmedTerms, language: Language, made_on: date | None) -> _Letter:
    words, formats = WORDS[language], Formats(language)
    clause = terms.off_market_clause
    return _Letter(
        language=language,
        title=f"{TITLES[language][terms.operation]}: {KINDS[language][terms.product]}",
        sender=_address(terms.party),
        receiver=_address(terms.counterparty),
        date=None if made_on is None else formats.day(made_on),
        greeting=words["greeting"],
        opening=OPENINGS[language][terms.operation].format(previous=terms.previous_reference),
        short=words["short"] if terms.form is Form.SHORT else None,
        rows=[(words[name], said) for name, said in _rows(terms, language)],
        off_market=None
        if clause is None
        else (words["off_market"], words["off_market_text"].format(clause=clause)),
        closing=[words["answer"], words["machine"]],
        words={name: words[name] for name in ("from", "to", "date", "terms")},
    )


def _address(party: PartyId) -> list[str]:
    lines = [party.name, party.bic and f"BIC {party.bic}", party.lei and f"LEI {party.lei}"]
    return [line for line in lines if line]


def _rows(terms: ConfirmedTerms, language: Language) -> list[tuple[str, str]]:
    """Return the terms by name, as TRD-13 and SET-04 want them on a confirmation."""
    words, formats = WORDS[language], Formats(language)
    rows = [
        ("kind", KINDS[language][terms.product]),
        ("our_reference", terms.our_reference),
        ("their_reference", terms.their_reference),
        ("counterparty", str(terms.counterparty)),
        ("trade_date", formats.day(terms.trade_date)),
        *(_exchange(terms, formats) if terms.product.exchange else _loan(terms, language, formats)),
        ("broker", None if terms.broker is None else str(terms.broker)),
        ("side_agreement", terms.side_agreement or words["none"]),
        ("our_account", _account(terms.our_account, language)),
        ("their_account", _account(terms.their_account, language)),
    ]
    return [(name, said) for name, said in rows if said is not None]


def _exchange(terms: ConfirmedTerms, formats: Formats) -> list[tuple[str, str | None]]:
    assert terms.rate is not None
    base, quote = terms.quoted
    points = terms.forward_points
    return [
        ("value_date", formats.day(terms.value_date)),
        ("bought", _money(terms.bought, formats)),
        ("sold", _money(terms.sold, formats)),
        ("rate", f"{base}/{quote} {formats.rate(terms.rate)}"),
        ("spot_rate", None if terms.spot_rate is None else formats.rate(terms.spot_rate)),
        ("forward_points", None if points is None else formats.rate(points)),
    ]


def _loan(terms: ConfirmedTerms, language: Language, formats: Formats) -> list[tuple[str, str | None]]:
    assert terms.principal is not None
    percent = formats.rate(terms.rate_percent)
    repayment = None
    if terms.interest is not None:
        whole = ARITHMETIC.add(terms.principal.amount, terms.interest.amount)
        repayment = Money(whole, terms.principal.currency)
    return [
        ("placed" if terms.product is Product.MM_DEPOSIT else "taken", _money(terms.principal, formats)),
        ("start_date", formats.day(terms.start_date)),
        ("maturity_date", formats.day(terms.maturity_date)),
        ("rate_percent", WORDS[language]["a_year"].format(rate=percent)),
        ("day_count", terms.day_count),
        ("interest", _money(terms.interest, formats)),
        ("repayment", _money(repayment, formats)),
    ]


def _money(money: Money | None, formats: Formats) -> str | None:
    """Write an amount behind its currency, held together at the end of a line."""
    return (
        None
        if money is None
        else f"{money.currency}\N{NO-BREAK SPACE}{formats.amount(money.amount, money.currency)}"
    )


def _account(account: SettlementAccount | None, language: Language) -> str | None:
    if account is None:
        return None
    if account.account is None:
        return account.bic
    words = WORDS[language]
    form = words["account_alone"] if account.bic is None else words["account_at"]
    return form.format(account=account.account, bic=account.bic)
