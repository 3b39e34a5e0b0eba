"""Rows of the tamper matrix against those who remember: clocks, signer, witness, keys, and who shows which log.

Where the log itself cannot know better, the test says so, and who does.
"""

import shutil
from pathlib import Path

import pytest

from audit import note, receipt
from audit.checkpoint import Checkpoint
from audit.cosignature import with_lines
from audit.entry import encode, leaf_hash
from audit.note import VerifierKey
from audit.report import Status, Verdict
from audit.signer import FileSigner
from audit.tiles import TileReader
from audit.verify import verify
from audit.witness import Witness, spell_request
from tests.audit.logs import (
    KEY,
    NOW,
    ORIGIN,
    OTHER_KEY,
    START,
    WITNESSED,
    WITNESSES,
    Log,
    Story,
    caught,
    failed,
)

# Row 12: the clock of one node is wrong.


def test_12_a_node_whose_clock_is_behind_is_named_by_its_first_entry(log: Log, story: Story) -> None:
    story.trade("t-right")
    story.add("trade.note", seconds=len(story.lines) - 600)
    story.add("trade.note")
    log.grow(story.lines[len(log.lines) :])

    report = log.verify()

    assert caught(report, "V14", 304)
    assert failed(report) == {"V14"}


def test_12_a_node_whose_clock_is_ahead_makes_the_others_look_old(log: Log, story: Story) -> None:
    story.add("trade.note", seconds=len(story.lines) + 600)
    story.add("trade.note")
    log.grow(story.lines[len(log.lines) :])

    assert caught(log.verify(), "V14", 303)  # both are named: one lies, and its time is in the sentence
    assert "older than one before it" in log.verify().check("V14").sentence


def test_12_a_node_ahead_of_the_verifier_is_named_itself(log: Log, story: Story) -> None:
    story.add("trade.note", seconds=2 * 24 * 3600)
    story.add("trade.note")
    log.grow(story.lines[len(log.lines) :])

    assert caught(log.verify(), "V14", 302)


# Rows 19 and 20: what remembers is restored together with the log.


class Remembered:
    """A log with its signer and a witness, all of which a backup can bring back."""

    def __init__(self, folder: Path) -> None:
        story = Story("L3", witnesses=[str(WITNESSES[0].cosigner)], quorum=1)
        for number in range(5):
            story.trade(f"t-{number}")
        self.folder, self.story = folder / "here", story
        self.log = Log(self.folder, story.lines)
        self.witness = self.witness_at(self.folder)
        self.witness.begin()
        self.cosign(0)

    @staticmethod
    def witness_at(folder: Path) -> Witness:
        at = int(NOW.timestamp()) - 60
        return Witness(WITNESSES[0], folder / "witness" / "state", [KEY.verifier], lambda: at)

    def cosign(self, old: int) -> int:
        """Ask the witness as the service does; return the status of its answer."""
        size = len(self.log.lines)
        reader = TileReader(self.log.directory)
        proof = reader.consistency_proof(old, size) if old else []
        answer = self.witness.add_checkpoint(spell_request(old, proof, self.log.checkpoint.read_bytes()))
        if answer.status == 200:
            signed = with_lines(self.log.checkpoint.read_bytes(), [answer.body])
            self.log.checkpoint.write_bytes(signed)
        return answer.status

    def go_on(self, lines: list[bytes]) -> int:
        old = len(self.log.lines)
        self.log.grow(lines)
        return self.cosign(old)

    def back_up(self) -> Path:
        target = self.folder.parent / "backup"
        shutil.copytree(self.folder, target)
        return target

    def restore(self, backup: Path, *, witness: bool) -> None:
        """Bring the log and its signer back as they were, and the witness too."""
        for name in ("log", "signer", "witness") if witness else ("log", "signer"):
            here, there = self.folder / name, backup / name
            shutil.rmtree(here) if here.is_dir() else here.unlink()
            shutil.copytree(there, here) if there.is_dir() else shutil.copy(there, here)
        self.log.lines = self.log.lines[:12]
        self.log.signer = FileSigner(KEY, self.folder / "signer", ORIGIN)
        self.witness = self.witness_at(self.folder)


@pytest.fixture
def remembered(tmp_path: Path) -> Remembered:
    made = Remembered(tmp_path)
    assert len(made.log.lines) == 12
    assert made.log.verify().line() == "VERIFIED (L3 witnessed)"
    return made


def test_19_with_database_files_and_signer_restored_the_witness_stays_ahead(remembered: Remembered) -> None:
    backup, story = remembered.back_up(), remembered.story
    story.trade("t-lost")
    assert remembered.go_on(story.lines[12:]) == 200
    remembered.restore(backup, witness=False)
    remembered.log.grow(other_history_of(story))

    assert remembered.cosign(12) == 409
    report = remembered.log.verify()
    assert (report.verdict, report.check("V4").status) == (Verdict.INCOMPLETE, Status.MISSING)


def other_history_of(story: Story) -> list[bytes]:
    made = Story("L3", witnesses=[str(WITNESSES[0].cosigner)], quorum=1)
    for number in range(5):
        made.trade(f"t-{number}")
    assert made.lines == story.lines[:12]
    made.trade("t-instead")
    return made.lines[12:]


def test_20_with_the_witness_restored_too_whoever_verified_before_knows(remembered: Remembered) -> None:
    memory = remembered.log.memory
    backup, story = remembered.back_up(), remembered.story
    story.trade("t-lost")
    assert remembered.go_on(story.lines[12:]) == 200
    assert remembered.log.verify(state=memory).verdict is Verdict.VERIFIED
    kept = memory.read_bytes()
    remembered.restore(backup, witness=True)

    assert remembered.log.verify().verdict is Verdict.VERIFIED, "nobody of the house remembers"
    shorter = remembered.log.verify(state=memory)
    assert remembered.go_on(other_history_of(story)) == 200
    assert remembered.log.verify().verdict is Verdict.VERIFIED, "another history grows unnoticed in the house"
    other = remembered.log.verify(state=memory)

    assert caught(shorter, "V25", 12)
    assert failed(shorter) == {"V25"}
    assert caught(other, "V5", None)
    assert failed(other) == {"V5"}
    assert memory.read_bytes() == kept, "what was seen is not forgotten for what contradicts it"


def test_20_with_the_witness_restored_too_every_receipt_convicts(remembered: Remembered) -> None:
    backup, story = remembered.back_up(), remembered.story
    story.trade("t-lost")
    remembered.go_on(story.lines[12:])
    told = [(str(n), leaf_hash(line), "2026-11-02T08:00:12.000000Z") for n, line in enumerate(story.lines)]
    receipts = receipt.issue(KEY, ORIGIN, told[12:], 60)
    assert remembered.log.verify(receipts=receipts).check("V20").status is Status.OK
    remembered.restore(backup, witness=True)
    remembered.go_on([*other_history_of(story), much_later(14, seconds=300)])

    report = remembered.log.verify(receipts=receipts)

    assert caught(report, "V20", None)
    assert failed(report) == {"V20"}
    assert "was promised by" in report.check("V20").sentence


def much_later(number: int, seconds: int) -> bytes:
    """Give an entry that lies beyond the deadline of every receipt."""
    return encode(Story().draft("trade.note", number=number, seconds=seconds))


def test_18_a_recovery_to_a_size_whose_root_is_lost_decides_nothing(log: Log, story: Story) -> None:
    root = TileReader(log.directory).root(200, 302).hex()
    story.add("log.recover", data={"size": 200, "root": root, "persons": ["p:one", "p:two"]})
    log.grow(story.lines[302:])
    assert log.verify().check("V27").status is Status.OK
    log.file("tile/0/000").unlink()

    report = log.verify()

    assert (report.verdict, report.check("V27").status) == (Verdict.INCOMPLETE, Status.MISSING)
    assert "The root of 200 is lost" in report.check("V27").sentence


# Row 21: the log's key is stolen and signs a history of its own.


def parallel(log: Log, story: Story, tmp_path: Path) -> Log:
    """A log with other deals in the place of the last ones, signed with the stolen key."""
    other = Log(tmp_path / "parallel", log.lines[:200])
    made = Story()
    made.lines = list(log.lines[:200])
    for number in range(60):
        made.add("trade.note", seconds=200 + number)
    other.grow(made.lines[200:])
    assert other.verify().verdict is Verdict.VERIFIED, "by itself it is a log like any other"
    return other


def test_21_a_parallel_history_is_known_to_who_saw_the_other(log: Log, story: Story, tmp_path: Path) -> None:
    assert log.verify(state=log.memory).verdict is Verdict.VERIFIED
    other = parallel(log, story, tmp_path)

    shorter = other.verify(state=log.memory)
    other.grow([much_later(number, seconds=300) for number in range(260, 310)])
    longer = other.verify(state=log.memory)

    assert caught(shorter, "V25", 260)
    assert caught(longer, "V5", None)
    assert failed(longer) == {"V5"}


def test_21_a_parallel_history_breaks_the_receipts_of_the_other(log: Log, tmp_path: Path) -> None:
    told = [(str(n), leaf_hash(line), "2026-11-02T08:00:00.000000Z") for n, line in enumerate(log.lines)]
    receipts = receipt.issue(KEY, ORIGIN, told[250:260], 60)
    assert log.verify(receipts=receipts).verdict is Verdict.VERIFIED
    other = parallel(log, Story(), tmp_path)

    assert caught(other.verify(receipts=receipts), "V20", None)


def test_21_a_parallel_history_finds_no_witness(tmp_path: Path) -> None:
    story = Story("L3", **WITNESSED)
    for number in range(5):
        story.trade(f"t-{number}")
    log = Log(tmp_path, story.lines)
    witness = Remembered.witness_at(tmp_path)
    witness.begin()
    signed = log.checkpoint.read_bytes()
    assert witness.add_checkpoint(spell_request(0, [], signed)).status == 200
    stolen = note.sign(str(Checkpoint(ORIGIN, 12, b"\x05" * 32)), KEY)

    assert witness.add_checkpoint(spell_request(12, [], stolen)).status == 409
    assert witness.add_checkpoint(spell_request(0, [], stolen)).status == 409
    assert witness.last(ORIGIN).root == Checkpoint.parse(note.parse(signed)[0]).root


# Row 46: the log of a test system is shown as that of production.

PRODUCTION = "trennwand.bank.example/log"


def shown_as(log: Log, origin: str, key: note.SigningKey) -> VerifierKey:
    """Sign the log that is there under another origin; return what a reader pins for that origin."""
    told = Checkpoint.parse(note.parse(log.checkpoint.read_bytes())[0])
    signer = note.SigningKey(origin, key.private)
    log.checkpoint.write_bytes(note.sign(str(Checkpoint(origin, told.size, told.root)), signer))
    return signer.verifier


def test_46_a_test_log_is_not_the_one_whose_origin_is_pinned(log: Log) -> None:
    production = note.SigningKey(PRODUCTION, OTHER_KEY.private).verifier

    report = verify(log.directory, production, now=NOW, workers=1)

    assert (report.verdict, failed(report)) == (Verdict.TAMPERED, {"V2"})


def test_46_a_test_log_signed_with_the_key_of_production_says_itself_what_it_is(log: Log) -> None:
    pinned = shown_as(log, PRODUCTION, OTHER_KEY)

    report = verify(log.directory, pinned, now=NOW, workers=1)

    assert caught(report, "V2", 0)
    assert failed(report) == {"V2"}
    assert ORIGIN in report.check("V2").sentence


def test_46_a_test_log_of_a_lower_level_is_not_what_was_demanded(log: Log) -> None:
    report = log.verify(level="L3")

    assert report.line() == "INCOMPLETE (L1 self-signed)"
    assert report.check("V2").sentence == "The log is L1 by its own policy; L3 was demanded."


def test_46_a_test_log_under_its_own_name_and_a_key_of_production_is_not_believed(log: Log) -> None:
    pinned = note.SigningKey(ORIGIN, OTHER_KEY.private).verifier

    assert failed(verify(log.directory, pinned, now=START, workers=1)) == {"V3"}
