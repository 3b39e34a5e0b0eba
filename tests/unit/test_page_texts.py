"""What pages say and read: languages, numbers as typed, the German catalogue whole."""

import re
import subprocess
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from hypothesis import given
from hypothesis import strategies as st

from policies import prose
from policies.policy import load
from policies.vocabulary import Action, Office
from service.bookkeeping.posting import CHART
from service.compliance import catalogue
from service.kernel.errors import Malformed
from service.kernel.items import Item
from service.page_forms import command_fields, day_in, fields_in, local_path
from service.ui import words
from service.ui.formats import Formats, as_typed, typed_day, typed_moment, typed_number
from service.ui.languages import CATALOGUE, Language, Words, preferred

CLONE = Path(__file__).parents[2]


def test_every_text_of_the_pages_has_its_german_and_none_is_left_over() -> None:
    ran = subprocess.run(
        [sys.executable, "scripts/_texts.py", "--check"],
        cwd=CLONE,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_every_word_that_a_template_looks_up_is_there() -> None:
    used = {
        word
        for page in (CLONE / "service").rglob("templates/*.html")
        for word in re.findall(r"\bwords\.([A-Za-z_]+)", page.read_text(encoding="utf-8"))
    }
    assert [word for word in sorted(used) if not hasattr(words, word)] == []


def test_german_keeps_the_facts_of_every_sentence() -> None:
    with CATALOGUE.open("rb") as file:
        catalogue = read_po(file, locale="de")
    for message in catalogue:
        if not message.id:
            continue
        english = message.id if isinstance(message.id, str) else message.id[-1]
        german = message.string if isinstance(message.string, str) else message.string[-1]
        assert set(re.findall(r"%\(([a-z]+)\)s", english)) == set(re.findall(r"%\(([a-z]+)\)s", german)), (
            english
        )
        assert set(re.findall(r"\{[a-z]\}", german)) <= set(re.findall(r"\{[a-z]\}", english)), english


def test_what_tables_say_in_two_languages_is_said_in_both() -> None:
    policy = load()
    reasons = {why for _, _, why, *_ in catalogue.rows_of(policy)}
    assert {why for why in reasons if prose.reason(why, "de") == why} == set()
    controls = catalogue.known(policy).values()
    assert [one.control for one in controls if one.demands.get("de", "") in ("", one.demands.get("en"))] == []
    assert {name.en for name in CHART.values() if name.de in ("", name.en)} == set()
    headings = zip(prose.HEADINGS["en"], prose.HEADINGS["de"], strict=True)
    assert [english for english, german in headings if english == german] == []


def test_every_code_of_the_house_has_a_name() -> None:
    assert set(words.ACTS) >= set(Action)
    assert set(words.ITEMS) == set(Item)
    assert set(words.OFFICES) == set(Office)
    assert {role for role in load().roles if not role.startswith("svc_")} == set(words.ROLES)


@pytest.mark.parametrize(
    ("wish", "language"),
    [
        ("de", "de"),
        ("de-CH,de;q=0.9,en;q=0.8", "de"),
        ("fr,en;q=0.7,de;q=0.8", "de"),
        ("en-GB", "en"),
        ("de;q=0,en;q=0.1", "en"),
        ("fr", "en"),
        ("", "en"),
        ("de;q=nonsense", "en"),
        (",,;;", "en"),
    ],
)
def test_the_language_a_browser_asks_for(wish: str, language: str) -> None:
    assert preferred(wish) == language


@pytest.mark.parametrize(
    ("typed", "language", "read"),
    [
        ("1.000.000,50", "de", "1000000.50"),
        ("1,000,000.50", "en", "1000000.50"),
        ("1000000.50", "de", "1000000.50"),
        ("1 000 000", "de", "1000000"),
        ("10M", "en", "10000000"),
        ("1,5M", "de", "1500000"),
        ("500k", "en", "500000"),
        ("1.234", "de", "1234"),
        ("1.234", "en", "1.234"),
        ("−5", "en", "-5"),
        ("1.000.00", "de", "1.000.00"),
        ("plenty", "en", "plenty"),
        ("1e6", "en", "1e6"),
        ("١٢", "de", "١٢"),
        ("", "en", ""),
    ],
)
def test_amounts_as_people_type_them(typed: str, language: str, read: str) -> None:
    assert typed_number(typed, language, grouped=True) == read  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("typed", "read"),
    [("1,0850", "1.0850"), ("1.0850", "1.0850"), ("1.085", "1.085"), ("1,085", "1.085"), ("1M", "1M")],
)
def test_in_a_rate_comma_and_point_are_both_the_decimal_mark(typed: str, read: str) -> None:
    for language in ("de", "en"):
        assert typed_number(typed, language, grouped=False) == read


@given(
    number=st.decimals(-(10**12), 10**12, places=8),
    grouped=st.booleans(),
    language=st.sampled_from(("de", "en")),
)
def test_what_a_field_brings_is_read_as_the_same_number(
    number: Decimal, language: Language, *, grouped: bool
) -> None:
    stored = format(number, "f")
    written = as_typed(stored, language, grouped=grouped)
    assert typed_number(written, language, grouped=grouped) == stored


def test_numbers_and_days_are_written_as_each_language_does() -> None:
    german, english = Formats("de"), Formats("en")
    assert german.amount("-1234567.5", "EUR") == "−1.234.567,50"
    assert english.amount("-1234567.5", "EUR") == "−1,234,567.50"
    assert german.amount("1234567", "JPY") == "1.234.567"
    assert (
        english.amount("1.2345", "KWD") == "1.2345"
    )  # more decimals than there are: shown, not rounded away
    assert german.rate("1.085") == "1,0850"
    assert german.day("2026-10-28") == "28.10.2026"
    assert english.day("2026-10-28", weekday=True) == "Wed 28 Oct 2026"
    assert german.moment("2026-10-28T09:15:00Z") == "28.10.2026 10:15:00"
    assert english.moment("2026-07-28T09:15:00Z") == "28 Jul 2026 11:15:00"
    assert english.span(3 * 3600 + 61) == "3 h 1 min"


def test_a_local_time_of_berlin_is_read_as_utc() -> None:
    assert typed_moment("2026-10-28T09:15") == "2026-10-28T08:15:00Z"
    assert typed_moment("2026-07-28T09:15:30") == "2026-07-28T07:15:30Z"
    assert typed_moment("2026-13-28T09:15") == "2026-13-28T09:15"


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("28.10.2026", "2026-10-28"),
        ("1.2.26", "2026-02-01"),
        ("28 Oct 2026", "2026-10-28"),
        ("28. Oktober 2026", "2026-10-28"),
        ("1. März 2027", "2027-03-01"),
        ("2026-10-28", "2026-10-28"),
        ("10/11/2026", "10/11/2026"),  # two days: one in London, one in New York
        ("31.02.2026", "31.02.2026"),
        ("28 Foo 2026", "28 Foo 2026"),
        ("٢٨.10.2026", "٢٨.10.2026"),
        ("", ""),
    ],
)
def test_days_as_people_type_them(typed: str, read: str) -> None:
    assert typed_day(typed) == read
    assert typed_day(Formats("de").in_field(read)) == read
    assert typed_day(Formats("en").in_field(read)) == read


def test_a_field_holds_days_and_times_as_its_reader_types_them() -> None:
    german, english = Formats("de"), Formats("en")
    assert (german.in_field("2026-10-28"), english.in_field("2026-10-28")) == ("28.10.2026", "28 Oct 2026")
    assert german.in_field("2026-10-28T09:15:00") == "28.10.2026 09:15:00"
    assert typed_moment(english.in_field("2026-10-28T09:15:00")) == "2026-10-28T08:15:00Z"
    assert typed_moment("28.10.2026 9:15") == "2026-10-28T08:15:00Z"
    assert german.in_field("28.1x.2026") == "28.1x.2026", "what was typed wrongly stays as it was typed"
    assert german.in_field("2026-10-28T09:15:00Z") == "2026-10-28T09:15:00Z"
    fields = command_fields({"value_date": "30.10.2026", "fields.trade_date": "28.10.2026"}, "de")
    assert fields == {"value_date": "2026-10-30", "fields": {"trade_date": "2026-10-28"}}
    assert command_fields({"valid_from": "2.11.2026"}, "de") == {"valid_from": "2026-11-02"}
    assert day_in("28.10.2026", "day") == day_in("28 Oct 2026", "day") == date(2026, 10, 28)


def test_a_currency_may_be_typed_in_small_letters() -> None:
    typed = {"base": " eur ", "quote": "usd", "fields.currency": "gbp", "portfolio": "Straße"}
    read = {"base": "EUR", "quote": "USD", "fields": {"currency": "GBP"}, "portfolio": "Straße"}
    assert command_fields(typed, "de") == read


def test_every_reason_of_the_policy_has_its_german() -> None:
    policy = load()
    reasons = {one.reason for one in policy.rights} | {one.why for one in (*policy.separation, *policy.apart)}
    assert [one for one in sorted(reasons) if prose.reason(one, "de") == one] == []


@pytest.mark.parametrize(
    ("sentence", "german"),
    [
        (
            "Whoever entered a deal does not agree its terms (D-01).",
            "Wer ein Geschäft erfasst hat, stimmt seinen Bedingungen nicht zu (D-01).",
        ),
        (
            "EUR cannot be paid on Friday 2026-12-25: Christmas Day.",
            "EUR kann am Freitag, 25.12.2026 nicht gezahlt werden: 1. Weihnachtstag.",
        ),
        (
            "EUR cannot be paid on Friday 2026-12-25: Christmas Day; 2026-12-28 is the next good day.",
            (
                "EUR kann am Freitag, 25.12.2026 nicht gezahlt werden: 1. Weihnachtstag; "
                "der nächste gute Tag ist der 28.12.2026."
            ),
        ),
        (
            "A control that is verified does not allow trade.verify.",
            "„Geschäft kontrollieren“ ist im Zustand „kontrolliert“ nicht möglich.",
        ),
        ("'XXX' is no currency of ISO 4217.", "'XXX' ist keine Währung nach ISO 4217."),
    ],
)
def test_refusals_are_said_in_german_with_their_facts(sentence: str, german: str) -> None:
    assert Words("de", words.NAMED).refusal(sentence) == (german, "de")
    told = sentence.replace("trade.verify", "“Verify deal”")
    assert Words("en", words.NAMED).refusal(sentence) == (told, "en")


def test_a_refusal_nobody_translated_is_marked_as_english() -> None:
    assert Words("de").refusal("nobody knows this.") == ("Nobody knows this.", "en")


@pytest.mark.parametrize(
    "path", ["//a.test", "https://a.test", "/\\a.test", "a", "", "/a b", "/a\n", "/api/powers", "/ä"]
)
def test_a_way_back_never_leads_elsewhere(path: str) -> None:
    assert local_path(path) == "/"


def test_a_way_back_keeps_filter_and_place() -> None:
    assert local_path("/trades?state=returned#top") == "/trades?state=returned#top"


def test_a_form_becomes_the_fields_of_a_command() -> None:
    form = {
        "_key": "k",
        "side": " buy ",
        "base_amount": "1.000,50",
        "rate": "1,1",
        "fields.rate": "2,5",
        "reason": "  ",
    }
    assert command_fields(form, "de") == {
        "side": "buy",
        "base_amount": "1000.50",
        "rate": "1.1",
        "fields": {"rate": "2.5"},
    }


@pytest.mark.parametrize(
    "body", [b"a=1&a=2", b"a", b"\xff=1", b"a=%ff", "&".join(f"f{n}=1" for n in range(99)).encode()]
)
def test_a_form_that_reads_in_two_ways_is_refused(body: bytes) -> None:
    with pytest.raises(Malformed):
        fields_in(body)


def test_a_field_cannot_be_text_and_object_at_once() -> None:
    with pytest.raises(Malformed):
        command_fields({"a": "1", "a.b": "2"}, "en")
