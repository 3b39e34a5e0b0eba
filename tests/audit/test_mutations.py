"""No check is idle: with any one of them taken out of the verifier, some tampering passes as VERIFIED."""

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from audit import note, pack, receipt, tiles
from audit.checkpoint import Checkpoint
from audit.cosignature import with_lines
from audit.entry import leaf_hash, timestamp
from audit.keyring import Keyring
from audit.report import CHECKS, Report, Verdict
from tests.audit.logs import (
    KEY,
    LAX_POLICY,
    ORIGIN,
    OTHER_KEY,
    START,
    TRADER,
    WITNESSED,
    WITNESSES,
    Log,
    Story,
    respell,
)
from tests.audit.mutants import NOT_BUILT, take_out
from tests.audit.packs import TICKET_DIGEST, Deals, Packs, judged

ROOT = Path(__file__).parents[2]
Verify = Callable[[], Report]
CASES: dict[str, Callable[[Log, Story], Verify]] = {}


def case(number: str) -> Callable[[Callable[[Log, Story], Verify]], Callable[[Log, Story], Verify]]:
    def keep(tamper: Callable[[Log, Story], Verify]) -> Callable[[Log, Story], Verify]:
        CASES[number] = tamper
        return tamper

    return keep


def text_of(log: Log) -> str:
    return note.parse(log.checkpoint.read_bytes())[0]


def grown(log: Log, story: Story) -> Verify:
    log.grow(story.lines[len(log.lines) :])
    return log.verify


def forged_last(log: Log, line: bytes) -> Verify:
    """The last entry of the log in other bytes, everything rebuilt and signed with the stolen key."""
    log.forge([*log.lines[:-1], line], signed=True)
    return log.verify


@case("V1")
def hide_data_in_an_extension_line(log: Log, _: Story) -> Verify:  # row 27
    log.checkpoint.write_bytes(note.sign(text_of(log) + "hidden\n", KEY))
    return log.verify


@case("V2")
def begin_a_second_time(log: Log, story: Story) -> Verify:  # row 46, a genesis of another log
    story.add("log.genesis", person="p:first", data={"origin": "other", "level": "L1"})
    return grown(log, story)


@case("V3")
def sign_with_a_foreign_key_of_the_same_id(log: Log, _: Story) -> Verify:  # row 22
    text = text_of(log)
    line = note.signature_line(ORIGIN, KEY.verifier.key_id, OTHER_KEY.sign(text.encode()))
    log.checkpoint.write_text(f"{text}\n{line}", encoding="utf-8")
    return log.verify


@case("V4")
def reuse_cosignatures_of_another_size(log: Log, _: Story) -> Verify:  # row 45
    lines = Story("L3", **WITNESSED).lines
    witnessed = Log(log.directory.parent / "witnessed", lines)
    old = Checkpoint(ORIGIN, 1, b"\x01" * 32)
    witnessed.cosign(WITNESSES[0])
    reused = [WITNESSES[1].cosign(str(old), 1)]
    witnessed.checkpoint.write_bytes(with_lines(witnessed.checkpoint.read_bytes(), reused))
    return witnessed.verify


@case("V5")
def sign_a_second_root_of_the_same_size(log: Log, _: Story) -> Verify:  # row 16
    log.verify(state=log.memory)
    forged_last(log, respell(log.lines[-1], req="r-forged"))
    return lambda: log.verify(state=log.memory)


@case("V6")
def rebuild_the_tiles_under_the_old_checkpoint(log: Log, _: Story) -> Verify:  # row 3
    log.forge([*log.lines[:-1], respell(log.lines[-1], req="r-forged")], signed=False)
    return log.verify


@case("V7")
def edit_an_entry_in_its_bundle(log: Log, _: Story) -> Verify:  # row 2
    edited = [*log.lines[256:-1], respell(log.lines[-1], req="r-forged")]
    log.put("tile/entries/001.p/46", tiles.frame(edited))
    return log.verify


@case("V8")
def take_a_bundle_away(log: Log, _: Story) -> Verify:  # row 41
    log.file("tile/entries/001.p/46").unlink()
    return log.verify


@case("V9")
def say_a_number_as_a_float(log: Log, _: Story) -> Verify:  # row 33
    return forged_last(log, log.lines[-1].replace(b'"entry 301"', b"1.0"))


@case("V10")
def put_white_space_between(log: Log, _: Story) -> Verify:  # row 34
    return forged_last(log, log.lines[-1].replace(b'"v":1', b'"v": 1'))


@case("V11")
def disguise_a_user(log: Log, _: Story) -> Verify:  # row 30
    return forged_last(log, log.lines[-1].replace(b"a:verifier", "a:verifi\u0435r".encode()))


@case("V12")
def replay_under_another_id(log: Log, _: Story) -> Verify:  # row 14
    log.grow([respell(log.lines[301], id="00000fff-0000-7000-8000-000000000fff", eff=[])])
    return log.verify


@case("V13")
def take_an_entry_out_with_the_stolen_key(log: Log, _: Story) -> Verify:  # row 5
    log.forge(log.lines[:100] + log.lines[101:], signed=True)
    return log.verify


@case("V14")
def append_a_back_dated_entry(log: Log, story: Story) -> Verify:  # row 10
    story.add("trade.note", seconds=301 - 121)
    return grown(log, story)


@case("V15")
def be_silent_for_a_while(log: Log, story: Story) -> Verify:  # row 44
    story.add("log.heartbeat", seconds=302)
    story.add("log.heartbeat", seconds=302 + 181)
    return grown(log, story)


@case("V16")
def verify_ones_own_deal(log: Log, story: Story) -> Verify:  # row 54
    story.add("trade.capture", person=TRADER, trade="t-own")
    story.add("trade.verify", person=TRADER, trade="t-own")
    return grown(log, story)


@case("V17")
def decide_by_a_policy_nobody_published(log: Log, story: Story) -> Verify:  # row 54
    story.add("trade.note", policy=LAX_POLICY)
    return grown(log, story)


@case("V19")
def show_an_older_log_with_the_retired_key(log: Log, _: Story) -> Verify:  # row 23
    reader = tiles.TileReader(log.directory)
    at = [Checkpoint(ORIGIN, size, reader.root(size, 302)) for size in (100, 250)]
    ring = Keyring.begin(KEY, at[0]).rotate(KEY, OTHER_KEY, at[1], 40)
    ring.save(log.directory / "keyring", log.directory / "tmp")
    log.forge(log.lines[:200], signed=True)
    return log.verify


@case("V20")
def break_a_promise(log: Log, _: Story) -> Verify:  # an act acknowledged and left out
    promised = receipt.issue(KEY, ORIGIN, [("e-1", leaf_hash(b"left out"), timestamp(START))], 60)
    return lambda: log.verify(receipts=promised)


@case("V25")
def serve_an_older_checkpoint(log: Log, story: Story) -> Verify:  # row 7
    older = log.checkpoint.read_bytes()
    story.trade("t-last")
    assert grown(log, story)().verdict is Verdict.VERIFIED
    log.verify(state=log.memory)
    log.checkpoint.write_bytes(older)
    return lambda: log.verify(state=log.memory)


@case("V27")
def recover_without_a_second_person(log: Log, story: Story) -> Verify:  # rows 18, 19
    root = tiles.TileReader(log.directory).root(302, 302).hex()
    story.add("log.recover", data={"size": 302, "root": root, "persons": ["p:one", "p:one"]})
    return grown(log, story)


@case("V18")
def promise_certified_nodes(log: Log, _: Story) -> Verify:  # what cannot be checked is never fine
    return Log(log.directory.parent / "certified", Story(nodes="certified").lines).verify


@case("V21")
def claim_to_be_anchored(log: Log, _: Story) -> Verify:  # rows 28 and 29 are open, and so says the report
    anchored = Log(log.directory.parent / "anchored", Story("L4", **WITNESSED).lines)
    anchored.cosign(*WITNESSES[:2])
    return anchored.verify


def a_pack(log: Log, spoil: Callable[[Path], None], *, listed: bool = True) -> Verify:
    """The evidence of one deal, with something changed in it."""
    folder = log.directory.parent / "packs"
    folder.mkdir()
    story = Deals(folder / "policy")
    for name in ("t-1", "t-2"):
        story.life(name)
    packs = Packs(folder, story, Log(folder, story.lines))
    path = packs.spoiled(packs.of_trade("t-1"), spoil, listed=listed)
    return lambda: judged(path)


@case("V22")
def export_another_row(log: Log, _: Story) -> Verify:  # row 4, as the reader of a pack meets it
    def change(folder: Path) -> None:
        file = folder / pack.ROWS
        file.write_bytes(file.read_bytes().replace(b'"number":1', b'"number":2'))

    return a_pack(log, change)


@case("V26")
def slip_a_file_into_a_pack(log: Log, _: Story) -> Verify:  # row 53, the other way round
    def slip_in(folder: Path) -> None:
        (folder / pack.VERIFIER).write_bytes(b"another verifier")

    return a_pack(log, slip_in, listed=False)


@case("V28")
def exchange_a_document(log: Log, _: Story) -> Verify:
    def exchange(folder: Path) -> None:
        (folder / f"documents/{TICKET_DIGEST}").write_bytes(b"something else was said")

    return a_pack(log, exchange)


def test_every_check_of_the_verifier_has_its_tampering() -> None:
    assert set(CASES) == set(CHECKS) - NOT_BUILT


@pytest.mark.parametrize("number", CASES)
def test_without_the_check_its_tampering_passes(number: str, log: Log, story: Story, monkeypatch) -> None:
    verify = CASES[number](log, story)
    whole = verify()
    assert whole.verdict is not Verdict.VERIFIED
    assert whole.check(number).sentence != CHECKS[number]

    take_out(number, monkeypatch)

    assert verify().verdict is Verdict.VERIFIED, verify().lines()


def test_an_honest_log_passes_every_mutant(log: Log, monkeypatch) -> None:
    for number in CASES:
        with monkeypatch.context() as patch:
            take_out(number, patch)
            assert log.verify(now=START + timedelta(days=2)).verdict is Verdict.VERIFIED, number


@pytest.mark.long
@pytest.mark.parametrize("number", CASES)
def test_without_the_check_the_tests_of_tampering_fail(number: str) -> None:
    done = subprocess.run(
        [
            *(
                sys.executable,
                "-m",
                "pytest",
                "-x",
                "-q",
                "-p",
                "no:cacheprovider",
                "-p",
                "tests.audit.mutants",
            ),
            *map(str, sorted((ROOT / "tests" / "audit").glob("test_*.py"), key=likely_first(number))),
            *("--deselect", str(Path(__file__).relative_to(ROOT))),
        ],
        env=os.environ | {"AUDIT_MUTANT": number},
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )

    assert done.returncode == 1, done.stdout[-2000:]
    (failed,) = [line for line in done.stdout.splitlines() if line.startswith("FAILED")]
    print(number, failed)


def likely_first(number: str) -> Callable[[Path], Any]:
    """Put the tests first that most likely notice; those of packs for what only packs have."""
    words = ("tampering", "keyring", "rhythm", "witness", "verify")
    order = ("bundles", *words) if number in ("V22", "V26", "V28") else words

    def place(path: Path) -> Any:
        return next((at for at, word in enumerate(order) if word in path.name), len(order)), path.name

    return place
