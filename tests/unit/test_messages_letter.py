"""Letters: the same deal in two languages and two forms, the clause where it applies, data never markup."""

import re
from dataclasses import replace
from datetime import date
from decimal import Decimal
from html.parser import HTMLParser

import pytest

from service.kernel.money import Money
from service.messages import letter
from service.messages.letter_words import KINDS, OPENINGS, TITLES, WORDS
from service.messages.terms import ConfirmedTerms, Form, Operation, PartyId, Product, Unwritable
from service.ui.languages import LANGUAGES, Language
from tests.messages import HOUSE, OTHER, deposit, fx

MADE_ON = date(2026, 10, 28)
NBSP = "\N{NO-BREAK SPACE}"


class Table(HTMLParser):
    """The rows of the letter's table, as a reader's machine sees them."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.rows: dict[str, str] = {}
        self.inside, self.name = "", ""
        self.feed(page.decode())

    def handle_starttag(self, tag: str, _attrs: list[tuple[str, str | None]]) -> None:
        self.inside = tag

    def handle_endtag(self, _tag: str) -> None:
        self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside == "th":
            self.name = data
        elif self.inside == "td":
            self.rows[self.name] = self.rows.get(self.name, "") + data


def rows(terms: ConfirmedTerms, language: Language) -> dict[str, str]:
    return Table(letter.html(terms, language)).rows


def test_a_german_letter_says_every_term_as_germans_write_it() -> None:
    assert rows(fx(broker=PartyId(name="Makler GmbH")), "de") == {
        "Geschäftsart": "Devisenkassageschäft",
        "Unser Zeichen": "FX-EUR-17",
        "Kontrahent": "Other Bank",
        "Handelstag": "28.10.2026",
        "Valuta": "30.10.2026",
        "Wir kaufen": f"EUR{NBSP}1.000.000,00",
        "Wir verkaufen": f"USD{NBSP}1.085.000,00",
        "Kurs": "EUR/USD 1,0850",
        "Makler": "Makler GmbH",
        "Nebenabreden": "keine",
        "Zahlung an uns": "Konto DE89370400440532013000 bei MARKDEFF",
        "Zahlung an Sie": "CAAMES2AXXX",
    }


def test_an_english_letter_of_a_deposit_says_what_comes_back() -> None:
    said = rows(deposit(side_agreement="early repayment on request"), "en")
    assert said["We place with you"] == f"CHF{NBSP}25,000,000.00"
    assert said["Interest rate"] == "4.0000 % per annum"
    assert said["Interest at maturity"] == f"CHF{NBSP}8,333.33"
    assert said["Repayment at maturity"] == f"CHF{NBSP}25,008,333.33"
    assert said["Side agreements"] == "early repayment on request"
    assert said["Maturity date"] == "2 Nov 2026"


def test_a_forward_says_spot_rate_and_points() -> None:
    forward = fx(
        product=Product.FX_FORWARD, value_date=date(2026, 12, 30), rate=Decimal("1.075"),
        spot_rate=Decimal("1.08"), forward_points=Decimal("-0.005"),
    )  # fmt: skip
    said = rows(forward, "de")
    assert (said["Kassakurs"], said["Terminaufschlag oder -abschlag"]) == ("1,0800", "−0,0050")


def test_yen_have_no_decimals() -> None:
    yen = fx(
        bought=Money(Decimal(100000000), "JPY"), sold=Money(Decimal("1000000.00"), "USD"), rate=Decimal(100)
    )
    assert rows(yen, "de")["Wir kaufen"] == f"JPY{NBSP}100.000.000"
    assert rows(yen, "de")["Kurs"] == "USD/JPY 100,0000"


@pytest.mark.parametrize("language", LANGUAGES)
def test_TRD_05_a_deal_off_the_market_is_disclosed_and_another_is_not(language: Language) -> None:
    heading = WORDS[language]["off_market"]
    disclosed = letter.html(fx(off_market_clause="agreed at off-market terms"), language).decode()
    assert f"<h2>{heading}</h2>" in disclosed
    assert "BTO 2.2.1" in disclosed
    assert "agreed at off-market terms" in disclosed
    assert heading not in letter.html(fx(), language).decode()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("terms", [fx(), deposit(), deposit(product=Product.MM_LOAN)])
def test_the_same_terms_give_the_same_bytes(terms: ConfirmedTerms, language: Language) -> None:
    first = letter.pdf(terms, language, made_on=MADE_ON)
    assert first == letter.pdf(terms, language, made_on=MADE_ON)
    assert first != letter.pdf(terms, language)
    assert letter.html(terms, language) == letter.html(terms, language)


def test_the_pdf_says_that_it_is_kept_and_read_by_everybody() -> None:
    made = letter.pdf(fx(), "de", made_on=MADE_ON)
    assert made.startswith(b"%PDF-1.7")
    assert b"<pdfaid:part>2</pdfaid:part>" in made
    assert b"<pdfaid:conformance>A</pdfaid:conformance>" in made
    assert b"<pdfuaid:part>1</pdfuaid:part>" in made
    assert b"/Lang(de)" in made
    assert b"2026-10-28" in made
    assert len(made) < 60_000


def test_what_a_deal_carries_is_text_and_never_markup() -> None:
    hostile = '<script>alert(1)</script> #read("/etc/passwd") $x$ @ref *b* {{ 7*7 }} "'
    terms = fx(
        our_reference="X<b>&#read", side_agreement=hostile, off_market_clause=hostile,
        party=replace(HOUSE, name=hostile), counterparty=replace(OTHER, name=hostile),
    )  # fmt: skip
    page = letter.html(terms, "en").decode()
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert rows(terms, "en")["Side agreements"] == hostile
    assert letter.pdf(terms, "en").startswith(b"%PDF")


def test_the_page_needs_nothing_from_elsewhere() -> None:
    page = letter.html(fx(), "de").decode()
    assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page
    assert re.findall(r"(?:src|href|url)\s*[=(]", page) == []


def test_a_script_that_the_font_cannot_show_gets_another_format() -> None:
    terms = fx(counterparty=replace(OTHER, name="銀行"))
    with pytest.raises(Unwritable, match="cannot be set as PDF"):
        letter.pdf(terms, "en")
    assert "銀行" in letter.html(terms, "en").decode()


@pytest.mark.parametrize(("language", "said"), [("de", "ersetzt unsere Bestätigung A-1."), ("en", "replaces our confirmation A-1.")])  # fmt: skip
def test_an_amendment_names_what_it_replaces(language: Language, said: str) -> None:
    amended = fx(operation=Operation.AMEND, previous_reference="A-1")
    assert said in letter.html(amended, language).decode()


def test_a_short_form_says_that_the_long_one_follows() -> None:
    assert "die ausführliche Bestätigung folgt" in letter.html(fx(form=Form.SHORT), "de").decode()
    assert "ausführliche" not in letter.html(fx(), "de").decode()


def test_both_languages_have_every_word() -> None:
    assert WORDS["de"].keys() == WORDS["en"].keys()
    for language in LANGUAGES:
        assert KINDS[language].keys() == set(Product)
        assert TITLES[language].keys() == OPENINGS[language].keys() == set(Operation)
