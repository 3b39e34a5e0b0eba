"""Brings service/ui/translations/de.po up to the texts of the pages; --check only tells whether it is.

Texts come from the templates, from the words marked by N_, and from the sentences of refusals. A text nobody
uses any more is taken out; a new one is put in with an empty translation, which --check does not accept.
"""

import ast
import csv
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

SERVICE = Path("service")
FILE = SERVICE / "ui" / "translations" / "de.po"
REFUSAL = "refusal"
METHODS = [("**.html", "jinja2.ext:babel_extract"), ("**.py", "python")]
PROCESS = {
    "automatic",
    "bank",
    "cli",
    "genesis",
    "in_force",
    "keyholding",
    "running",
    "safekeeping",
    "settings",
    "staff_files",
    "__main__",
}
"""Modules that talk to whoever runs the process, not to readers of pages."""
PLAIN = {
    "confirmations/matching.py",
    "conformity/grounds.py",
    "kernel/calendar.py",
    "kernel/identifiers.py",
    "kernel/money.py",
    "market/reference_rates.py",
    "parties/account_numbers.py",
    "trades/deals/cash.py",
    "trades/deals/fx.py",
    "trades/deals/fx_forward.py",
    "trades/deals/fx_spot.py",
    "trades/deals/money_market.py",
}
"""Pure modules: their findings become refusals word for word."""
SENTENCES = {"sentence", "missing", "closed", "why", "_NOT_TEXT", "_WHY"}
MAKERS = {"__init__", "refuse", "RowRefused"}
"""What makes a refusal of a sentence besides the refusals' own classes."""
NOTES = "noted"
"""What makes a note of a row; notes have no full stop."""
SILENT = {"wording", "_day", "__str__"}
"""Functions that speak a language of their own already."""
FACT = "fact"
FACTS = (
    "a weekend",
    "Christmas Day",
    "Christmas Holiday",
    "Easter Monday",
    "Good Friday",
    "Labour Day",
    "New Year's Day",
    "a credit default swap",
    "a credit default swap on an index",
    "a deal in a security",
    "a forward rate agreement",
    "a non-deliverable forward",
    "a single payment",
    "an FX option",
    "an FX option with a barrier",
    "an FX swap, two exchanges in one",
    "an interest rate swap",
    "an option on an interest rate swap",
    "of no type that is known here",
)
"""What closes the euro's payment system, as the calendar names it; what Strata's types are that are not dealt here."""
ELSEWHERE = {"no row of policy.csv gives {a} to {b}."}
"""Sentences of packages that know no pages."""
POLICIES = ("apart", "cooling_off", "independence")
"""Files of the policy whose reasons are told to whoever they keep from an act."""
KEYWORDS = {"_": None, "N_": None, "ngettext": (1, 2)}


def main(*, check: bool) -> int:
    with FILE.open("rb") as file:
        held = read_po(file, locale="de")
    wanted = Catalog(
        locale="de", project="Trennwand", charset="utf-8", creation_date=held.creation_date, fuzzy=False
    )  # the date of the first: else every change of a text would touch this line
    for text in page_texts():
        wanted.add(text, held_string(held, text, None))
    for sentence in sorted(refusal_sentences()):
        wanted.add(sentence, held_string(held, sentence, REFUSAL), context=REFUSAL)
    for name in FACTS:
        wanted.add(name, held_string(held, name, FACT), context=FACT)
    missing = [message.id for message in wanted if message.id and not all(strings(message.string))]
    unused = [
        message.id
        for message in held
        if message.id and wanted.get(first(message.id), message.context) is None
    ]
    if check:
        for text in missing:
            print(f"no German for: {text!r}")
        for text in unused:
            print(f"used nowhere: {text!r}")
        return 1 if missing or unused else 0
    with FILE.open("wb") as file:
        write_po(file, wanted, width=110, no_location=True, omit_header=False, sort_output=True)
    print(f"{len(wanted)} texts, {len(missing)} without German")
    return 0


def page_texts() -> Iterator[str | tuple[str, ...]]:
    """Texts of templates and marked words."""
    seen = set()
    for _, _, text, _, _ in extract_from_dir(SERVICE, METHODS, keywords=KEYWORDS):
        if text and text not in seen:
            seen.add(text)
            yield text


def refusal_sentences() -> set[str]:
    """Sentences that people may be refused with, the facts in them as {a}, {b} …; and the policy's reasons."""
    found = set(ELSEWHERE)
    refusals = set(refusal_classes())
    for path in modules():
        says = None if path.relative_to(SERVICE).as_posix() in PLAIN else refusals
        prefix = "{a} is no " if path.stem == "identifiers" else ""
        found |= {prefix + sentence for sentence in sentences_in(tree_of(path), says) if has_words(sentence)}
    for name in POLICIES:
        with Path(f"policies/{name}.csv").open(encoding="utf-8") as file:
            for row in csv.DictReader(
                (line for line in file if not line.startswith("#")), skipinitialspace=True
            ):
                found.add(f"{row['why'].strip()} ({{a}}).")
    return found


def modules() -> Iterator[Path]:
    """Modules whose refusals reach a page."""
    for path in sorted(SERVICE.rglob("*.py")):
        if not {"demo", "migrations", "audit_trail"} & set(path.parts) and path.stem not in PROCESS:
            yield path


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def refusal_classes() -> Iterator[str]:
    """Classes whose docstring begins with a status: the refusals."""
    for path in modules():
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.ClassDef) and re.match(r"[45][0-9]{2}\. ", ast.get_docstring(node) or ""):
                yield node.name


def sentences_in(tree: ast.Module, says: set[str] | None) -> Iterator[str]:
    """Sentences of a module that refusals are made with; with ``says`` None, whatever is raised at all."""
    silent = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name in SILENT
        for part in ast.walk(node)
    }
    for node in ast.walk(tree):
        texts: list[ast.expr] = []
        if id(node) in silent:
            continue
        is_note = isinstance(node, ast.Call) and called(node) == NOTES
        if isinstance(node, ast.Call) and (says is None or called(node) in says | MAKERS | {NOTES}):
            texts = [*node.args, *(word.value for word in node.keywords)]
        elif isinstance(node, ast.Assign | ast.AnnAssign) and named_as_sentence(node):
            texts = node.value.values if isinstance(node.value, ast.Dict) else [node.value]
        elif isinstance(node, ast.Return) and node.value is not None:
            texts = [node.value]
        elif isinstance(node, ast.arguments):
            texts = [default for default in node.defaults if default is not None]
        for text in (side for both in texts for side in alternatives(both)):
            sentence = spelled(text)
            if sentence is not None and (says is None or is_note or sentence.endswith(".")):
                yield sentence.rstrip(".") + "."


def named_as_sentence(node: ast.Assign | ast.AnnAssign) -> bool:
    """Tell whether a name holds a sentence, or a table of them."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return node.value is not None and any(name_of(target) in SENTENCES for target in targets)


def alternatives(text: ast.expr) -> list[ast.expr]:
    """Both sides of a choice."""
    if isinstance(text, ast.IfExp):
        return [*alternatives(text.body), *alternatives(text.orelse)]
    return [text]


def called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else name_of(node.func)


def name_of(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def spelled(node: ast.AST) -> str | None:
    """Text of a string, a formatted one with its facts in braces."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        names = iter("abcdefghijkl")
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else "{" + next(names) + "}"
            for part in node.values
        )
    return None


def has_words(sentence: str) -> bool:
    """Tell a sentence from a code, a pattern or a frame around other sentences."""
    return len(re.findall(r"[A-Za-z]{2,}", re.sub(r"\{[a-z]\}", "", sentence))) > 2 and " " in sentence  # noqa: PLR2004


def held_string(held: Catalog, text: str | tuple[str, ...], context: str | None) -> str | tuple[str, ...]:
    """Translation that the catalogue holds, or an empty one."""
    message = held.get(first(text), context)
    empty: str | tuple[str, ...] = ("", "") if isinstance(text, tuple) else ""
    return message.string if message is not None and message.string else empty


def first(text: str | tuple[str, ...]) -> str:
    return text[0] if isinstance(text, tuple) else text


def strings(string: str | tuple[str, ...]) -> tuple[str, ...]:
    return string if isinstance(string, tuple) else (string,)


if __name__ == "__main__":
    sys.exit(main(check="--check" in sys.argv[1:]))
