"""Hostile bytes are refused by the error that a reader declares, and no reader is left out."""

import ast
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

from service.market.ecb import UnreadableFixings, read_fixings
from service.settings import BadSettings, load
from service.ui.formats import typed_moment
from tests.hostile.fuzz import SEED, fuzz
from tests.hostile.parsers import parsers, zipped

ROOT = Path(__file__).parents[2]
PARSERS = parsers()
FEW, MANY = 25, 1000

DECODES = frozenset(
    {
        "DictReader", "JSONDecoder", "XMLParser", "XMLPullParser", "ZipFile", "a85decode", "b64decode", "b85decode", "convert",
        "from_bytes", "fromhex", "fromisoformat", "fromstring", "iterparse", "load_der_public_key", "load_pem_private_key",
        "load_pem_public_key", "loads", "message_from_bytes", "parse_qs", "parse_qsl", "reader", "strptime", "unpack",
        "urlsafe_b64decode",
    }
)  # fmt: skip
"""What turns bytes or text into something else: whoever calls it reads."""

OUR_OWN_WORDS = {
    "what the database gives back, which the log vouches for": (
        "service/audit_trail/compare.py", "service/compliance/rebuild.py", "service/compliance/sealing.py", "service/enactment.py",
        "service/explaining/queries.py", "service/recovery/replay.py", "service/trades/importing.py", "service/trades/internal.py",
        "service/trades/use_cases.py", "service/confirmations/documenting.py", "service/confirmations/queries.py", "service/distance.py",
        "service/documents/queries.py", "service/trades/ticket_pages.py", "service/work/pages.py", "service/genesis.py",
    ),
    "files that come with the program": (
        "service/compliance/catalogue.py", "service/confirmations/clusters.py", "service/confirmations/papers.py", "service/work/ladder.py",
        "service/migrations/*", "policies/prose.py",
    ),
    "commands that were decoded before, whose type says how such a time is spelt": (
        "service/desks/use_cases.py", "service/market/use_cases.py", "service/organisation/use_cases.py", "service/settlement_rules/use_cases.py",
        "service/trades/looking.py", "service/compliance/pages.py", "service/safekeeping.py",
    ),
    "our own log, signed": ("service/bank.py",),
    "what an office's process tells its node over a socket of its own": ("service/afar.py",),
    "our own messages on their way out, held against their schema": ("service/messages/pacs009.py",),
    "a backup, which is opened under its key and its digest": ("service/backup.py",),
    "an act that the command line spells, decoded by service/acts.py": ("service/cli.py",),
}  # fmt: skip
"""Modules that decode and read nothing from outside, by the reason."""


@pytest.mark.parametrize("name", PARSERS)
def test_hostile_bytes_are_refused_as_declared(name: str) -> None:
    score = fuzz(name, PARSERS[name], FEW, SEED)
    print(f"seed {SEED}: {score.line()}")
    assert score.surprises == {}
    assert score.runs > FEW


@pytest.mark.long
@pytest.mark.parametrize("name", PARSERS)
def test_hostile_bytes_are_refused_as_declared_however_many(name: str) -> None:
    score = fuzz(name, PARSERS[name], MANY, SEED)
    print(f"seed {SEED}: {score.line()}")
    assert score.surprises == {}


@pytest.mark.parametrize("name", [name for name in PARSERS if not name.startswith("the verifier")])
def test_honest_bytes_are_accepted_or_nothing_would_be_tried_behind_the_first_look(name: str) -> None:
    parser = PARSERS[name]
    assert any(parser.feed(honest) for honest in parser.seeds)


def decoding() -> Iterator[str]:
    """Yield every module that turns bytes or text into something else."""
    for folder in ("service", "audit", "policies"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            if "demo" not in file.parts and any(
                isinstance(node, ast.Call) and called(node.func) in DECODES
                for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
            ):
                yield file.relative_to(ROOT).as_posix()


def called(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def test_every_module_that_decodes_has_its_fuzzer_or_says_whose_words_it_reads() -> None:
    fuzzed = [module for parser in PARSERS.values() for module in parser.modules]
    excused = [module for modules in OUR_OWN_WORDS.values() for module in modules]
    unknown = [
        module for module in decoding() if not any(fnmatch(module, known) for known in (*fuzzed, *excused))
    ]
    assert unknown == [], "register what it reads in tests/hostile/parsers.py"
    present = {file.relative_to(ROOT).as_posix() for file in ROOT.glob("*/**/*.py")}
    gone = [known for known in (*fuzzed, *excused) if not any(fnmatch(module, known) for module in present)]
    assert gone == []


# What they found -----------------------------------------------------------------------------------------


def test_an_archive_whose_directory_lies_about_its_place_is_damaged() -> None:
    honest = zipped("a.csv", b"Date,USD,\n2026-10-27,1.1652,\n")
    for cut in range(1, 40):
        with pytest.raises(UnreadableFixings, match=r"damaged|one CSV"):
            read_fixings(honest[:40] + honest[40 + cut :])


def test_the_first_hour_of_the_calendar_comes_back_as_typed() -> None:
    assert typed_moment("0001-01-01T00:00") == "0001-01-01T00:00"
    assert typed_moment("2026-10-27T08:00") == "2026-10-27T07:00:00Z"


@pytest.mark.parametrize("content", [b"port = 80 00", b"\xff", b"[[[", b"demo = "])
def test_settings_that_are_no_toml_are_named_with_their_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "trennwand.toml").write_bytes(content)
    with pytest.raises(BadSettings, match=r"trennwand\.toml"):
        load(tmp_path, {})
