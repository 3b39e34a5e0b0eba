"""The cover sheet of an evidence pack: one printable page in German and English, with no script and no link outside."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from audit.pack import Scope

LISTED_MAX = 2000
LANGUAGES = ("de", "en")

TEXTS: Final[Mapping[str, tuple[str, str]]] = {
    "title": ("Nachweispaket", "Evidence pack"),
    "what": (
        (
            "Dieses Paket enthält Einträge eines signierten Prüfprotokolls, die Beweise, dass jeder an seiner Stelle im "
            "Protokoll steht, und was diese Einträge bezeugen. Wer den öffentlichen Schlüssel des Protokolls hat, prüft "
            "es ohne uns und ohne Netz."
        ),
        (
            "This pack holds entries of a signed audit log, the proofs that each stands in its place in the log, and what "
            "these entries vouch for. Whoever holds the log's public key verifies it without us and without a network."
        ),
    ),
    "scope": ("Worum es geht", "What it is about"),
    "trade": ("Das Geschäft", "The trade"),
    "person": ("Die Person", "The person"),
    "period": ("Der Zeitraum", "The period"),
    "report": ("Der Bericht (report.json)", "The report (report.json)"),
    "on": ("Stand", "as of"),
    "to": ("bis vor", "to before"),
    "range": ("Einträge, lückenlos", "entries, without a gap"),
    "asked": ("Wer danach gefragt hat", "Who asked for it"),
    "at": ("am", "at"),
    "reason": ("Grund", "Reason"),
    "log": ("Stand des Protokolls", "State of the log"),
    "origin": ("Protokoll", "Log"),
    "size": ("Einträge im Protokoll", "Entries in the log"),
    "root": ("Wurzel", "Root"),
    "contents": ("Was im Paket ist", "What is in the pack"),
    "entries": ("Einträge, als Sätze", "Entries, as sentences"),
    "more": ("weitere Einträge stehen in", "more entries are in"),
    "verify": ("So wird geprüft", "How to verify"),
    "steps": (
        (
            "Nötig sind Python 3.11 oder neuer, das Paket „cryptography“ und der öffentliche Schlüssel, den Sie auf "
            "anderem Weg als mit diesem Paket erhalten haben. Der Prüfer verify.pyz liegt bei; wer ihm nicht traut, "
            "nimmt ihn aus dem veröffentlichten Quelltext."
        ),
        (
            "You need Python 3.11 or newer, the package “cryptography” and the public key, which you have received by "
            "another way than with this pack. The verifier verify.pyz is enclosed; whoever does not trust it takes it "
            "from the published source."
        ),
    ),
    "exits": (
        (
            "Ausgabe VERIFIED (Code 0): unverändert. INCOMPLETE (2): etwas fehlt zur Entscheidung. TAMPERED (1): etwas "
            "widerspricht sich; genannt wird der erste falsche Eintrag."
        ),
        (
            "It prints VERIFIED (code 0): unchanged. INCOMPLETE (2): something needed to decide is missing. TAMPERED (1): "
            "something contradicts; the first bad entry is named."
        ),
    ),
    "limits": (
        (
            "Ein Paket eines Zeitraums beweist, dass zwischen seinem ersten und letzten Eintrag nichts ausgelassen ist. "
            "Ein Paket eines Geschäfts beweist, dass die Kette jedes seiner Objekte vom ersten Stand an vollständig ist; "
            "ob es danach oder an Ablehnungen mehr gibt, zeigt nur das ganze Protokoll. Die Ausfuhr selbst ist ein "
            "späterer Eintrag; er nennt den SHA-256 dieser Datei."
        ),
        (
            "A pack of a period proves that nothing is left out between its first and its last entry. A pack of a trade "
            "proves that the chain of each of its objects is complete from the first state on; whether there is more "
            "after it, or more refusals, only the whole log shows. The export itself is a later entry, which names the "
            "SHA-256 of this file."
        ),
    ),
    "ids": (
        "Personen stehen im Protokoll nur als Kennungen.",
        "Persons appear in the log as identifiers only.",
    ),
}

STYLE: Final = """
body { font: 11pt/1.45 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; color: #111; background: #fff; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 1.6rem; }
code, pre { font: 9.5pt/1.4 ui-monospace, monospace; overflow-wrap: anywhere; white-space: pre-wrap; }
table { border-collapse: collapse; width: 100%; } td, th { border-bottom: 1px solid #bbb; padding: .2rem .4rem; text-align: left; vertical-align: top; }
section + section { break-before: page; margin-top: 3rem; border-top: 2px solid #111; }
tr { break-inside: avoid; }
@media print { body { margin: 0; max-width: none; } }
"""


@dataclass(frozen=True)
class Told:
    """One entry as people read it: its place, its time, its sentence in German and in English."""

    index: int
    at: str
    de: str
    en: str


@dataclass(frozen=True)
class Cover:
    """Everything the sheet says. ``asked_by``: who asked, as a sentence in each language."""

    scope: Scope
    asked_by: tuple[str, str]
    asked_at: str
    reason: str
    origin: str
    size: int
    root: str
    checkpoint: str
    entries: Sequence[Told]
    entries_count: int
    files: Sequence[tuple[str, int]]  # groups of files and how many there are


def render(cover: Cover) -> bytes:
    """Write the sheet: German first, then English."""
    parts = [
        '<!doctype html>\n<html lang="de"><head><meta charset="utf-8">',
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
        f"<title>{escape(' / '.join(TEXTS['title']))}</title><style>{STYLE}</style></head><body>",
        *(_section(cover, place, language) for place, language in enumerate(LANGUAGES)),
        "</body></html>\n",
    ]
    return "\n".join(parts).encode()


def _section(cover: Cover, place: int, language: str) -> str:
    def say(text: str) -> str:
        return escape(TEXTS[text][place])

    asked = f"{cover.asked_by[place]}, {TEXTS['at'][place]} {cover.asked_at}"
    log = [("origin", cover.origin), ("size", str(cover.size)), ("root", cover.root)]
    return "\n".join(
        [
            f'<section lang="{language}"><h1>{say("title")}</h1><p>{say("what")}</p>',
            f"<h2>{say('scope')}</h2>{_scope(cover.scope, place)}",
            f"<h2>{say('asked')}</h2><p>{escape(asked)}<br>{say('reason')}: {escape(cover.reason)}</p><p>{say('ids')}</p>",
            f"<h2>{say('log')}</h2>",
            _table((escape(TEXTS[name][place]), f"<code>{escape(value)}</code>") for name, value in log),
            f"<pre>{escape(cover.checkpoint)}</pre>",
            f"<h2>{say('contents')}</h2>",
            _table((f"<code>{escape(name)}</code>", str(count)) for name, count in cover.files),
            f"<h2>{say('verify')}</h2><p>{say('steps')}</p>",
            "<pre>python verify.pyz PACK.zip --key KEY</pre>",
            f"<p>{say('exits')}</p><p>{say('limits')}</p>",
            f"<h2>{say('entries')}</h2>{_entries(cover, place)}</section>",
        ]
    )


def _scope(scope: Scope, place: int) -> str:
    def say(text: str) -> str:
        return escape(TEXTS[text][place])

    if scope.kind == "trade":
        return f"<p>{say('trade')} <code>{escape(scope.trade)}</code></p>"
    if scope.kind == "person":
        return f"<p>{say('person')} <code>{escape(scope.person)}</code></p>"
    if scope.kind == "report":
        return f"<p>{say('report')} <code>{escape(scope.report)}</code>, {say('on')} {escape(scope.on)}</p>"
    times = f"{escape(scope.since)} {say('to')} {escape(scope.before)}"
    return f"<p>{say('period')} {times} ({scope.first} … {scope.end - 1}: {say('range')})</p>"


def _entries(cover: Cover, place: int) -> str:
    listed = cover.entries[:LISTED_MAX]
    table = _table(
        (str(told.index), f"{escape(told.at)}<br>{escape((told.de, told.en)[place])}") for told in listed
    )
    more = cover.entries_count - len(listed)
    return table + (f"<p>{more} {escape(TEXTS['more'][place])} <code>entries/</code></p>" if more > 0 else "")


def _table(lines: Iterable[tuple[str, str]]) -> str:
    return (
        "<table>" + "".join(f"<tr><td>{left}</td><td>{right}</td></tr>" for left, right in lines) + "</table>"
    )
