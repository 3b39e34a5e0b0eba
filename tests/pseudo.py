"""A third language for tests: every text stands between marks, so that what stands outside was never given to a translator."""

import calendar
import re
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from html.parser import HTMLParser
from typing import Any
from unittest import mock

from policies import prose
from policies.policy import Policy
from service.bookkeeping.posting import CHART, AccountName
from service.compliance import catalogue, rendering
from service.ui.languages import Language, Words

OPEN, CLOSE = "⟦", "⟧"
VOID = {"area", "br", "col", "hr", "img", "input", "link", "meta", "wbr"}
SILENT = {"code", "kbd", "pre", "script", "style", "template"}
WORD = re.compile(r"[^\W\d_]{2,}")
OURS = {
    "Trennwand",
    "Demo",
    "Bank",
    "UTC",
    "Deutsch",
    "English",
    "min",
    "bp",
    "SHA",
    "svc",
    "csv",
    "FO",
    "IT",
}
CALENDAR = {*calendar.day_abbr, *calendar.month_abbr, *calendar.month_name, "Sept"}


def wrapped(said: str) -> str:
    """Put a text between the marks; one inside another keeps the outer pair alone."""
    return OPEN + said.replace(OPEN, "").replace(CLOSE, "") + CLOSE


@contextmanager
def pseudo_locale() -> Iterator[None]:
    """Have every text of the pages wrapped."""
    say, plural, refusal = Words.__call__, Words.plural, Words.refusal

    def wrapping(self: Words, text: str, **facts: object) -> str:
        return wrapped(say(self, text, **facts))

    def many(self: Words, one: str, other: str, count: int) -> str:
        return wrapped(plural(self, one, other, count))

    def refused(self: Words, sentence: str) -> tuple[str, Language]:
        said, language = refusal(self, sentence)
        return wrapped(said), language

    with (
        mock.patch.object(Words, "__call__", wrapping),
        mock.patch.object(Words, "plural", many),
        mock.patch.object(Words, "refusal", refused),
        in_two_languages(),
    ):
        yield


@contextmanager
def in_two_languages() -> Iterator[None]:
    """Wrap what comes from tables that hold both languages themselves; whether they do is a test of its own."""
    reason, known, sentence = prose.reason, catalogue.known, rendering.sentence
    rendered, changed = prose.rendered, prose.changed

    def lines(said: Iterable[str]) -> Iterator[str]:
        for line in said:
            mark = re.match(r"#* |- |", line)
            yield (mark[0] if mark else "") + wrapped(line.removeprefix(mark[0] if mark else ""))

    def demanded(policy: Policy) -> dict[str, catalogue.Control]:
        controls = known(policy)
        for one in controls.values():
            one.demands = {language: wrapped(text) for language, text in one.demands.items()}
        return controls

    names = {code: AccountName(wrapped(name.en), wrapped(name.de)) for code, name in CHART.items()}
    with ExitStack() as patched:
        for place, name, other in (
            (prose, "reason", lambda *told: wrapped(reason(*told))),
            (prose, "rendered", lambda *told: lines(rendered(*told))),
            (prose, "changed", lambda *told: lines(changed(*told))),
            (rendering, "sentence", lambda *told: wrapped(sentence(*told))),
            (catalogue, "known", demanded),
        ):
            patched.enter_context(mock.patch.object(place, name, other))
        patched.enter_context(mock.patch.dict(CHART, names))  # type: ignore[arg-type] # it is a dict
        yield


def cited(policy: Policy) -> set[str]:
    """Return the words in the names and sources of controls: citations are nobody's to translate."""
    controls = catalogue.known(policy).values()
    rows = [(source, name) for name, source, *_ in catalogue.rows_of(policy)]
    return data_of([*rows, *((one.control, one.sources) for one in controls)])


class Outside(HTMLParser):
    """The words of a page that stand outside the marks; what is marked as English of its own is let be."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[tuple[str, bool]] = []
        self.depth = 0
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        facts = dict(attrs)
        for name in ("aria-label", "title", "placeholder", "alt"):
            self.read(facts.get(name) or "")
        if tag not in VOID:
            foreign = "lang" in facts and tag != "html"
            self.open.append((tag, tag in SILENT or foreign or "id" in (facts.get("class") or "").split()))

    def handle_endtag(self, tag: str) -> None:
        while self.open:
            if self.open.pop()[0] == tag:
                break

    def handle_data(self, data: str) -> None:
        if not any(silent for _, silent in self.open):
            self.read(data)

    def read(self, text: str) -> None:
        """Keep the words outside the marks."""
        for character in re.split(rf"({OPEN}|{CLOSE})", text):
            if character in (OPEN, CLOSE):
                self.depth += 1 if character == OPEN else -1
            elif self.depth == 0:
                self.found += WORD.findall(character)


def unwrapped(page: str, data: set[str]) -> set[str]:
    """Return the words of a page that no translator saw and that are nobody's data; codes are never data."""
    return {word for word in Outside(page).found if word not in OURS | CALENDAR | data}


def data_of(rows: list[Any]) -> set[str]:
    """Return the words that stand in rows of the bank: names, reasons, references; codes only in a service's name."""
    told = (re.sub(r"(?<!svc\.)\b[a-z]+(_[a-z]+)+\b", " ", str(row)) for row in rows)
    return {word for text in told for word in WORD.findall(text)}
