"""Evidence packs: what is in them is proved, and whatever is changed, left out or put in is found by name."""

import json
import struct
import zipfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit import merkle, pack
from audit.bundle import verify_bundle
from audit.checkpoint import Checkpoint
from audit.entry import leaf_hash
from audit.keyring import Keyring
from audit.merkle import MalformedProof
from audit.pack import BrokenPack, Scope, entry_name
from audit.ranges import cover, range_proof, root_from_range
from audit.report import Status, Verdict
from audit.rows import Rows
from tests.audit.logs import APART, KEY, OTHER_KEY, VERIFIER, Log, caught, failed
from tests.audit.packs import TEXTS, TICKET_DIGEST, Deals, Packs, judged

Spoil = Callable[[Path], None]


@pytest.fixture
def packs(tmp_path: Path) -> Packs:
    """300 entries: grounds, then deals of four entries each; one full bundle and a part."""
    story = Deals(tmp_path / "policy")
    while len(story.lines) < 300:
        story.life(f"t-{len(story.lines)}")
    return Packs(tmp_path, story, Log(tmp_path, story.lines))


FIRST, LAST = "t-3", "t-299"


def test_a_pack_of_a_trade_is_verified_from_the_public_key_alone(packs: Packs) -> None:
    report = judged(packs.of_trade(FIRST))

    assert report.verdict is Verdict.VERIFIED, report.lines()
    assert report.line() == "VERIFIED (L1 self-signed)"
    for number in ("V1", "V2", "V3", "V7", "V9", "V12", "V13", "V14", "V16", "V17", "V22", "V26", "V28"):
        assert report.check(number).status is Status.OK, report.lines()


def test_a_pack_never_says_of_the_whole_log_what_it_cannot_show(packs: Packs) -> None:
    report = judged(packs.of_trade(FIRST))

    for number in ("V6", "V8", "V15"):
        assert report.check(number).status is Status.NOT_PART
    assert any("7 of the 303 entries" in remark for remark in report.remarks), report.remarks


def test_the_same_evidence_is_the_same_file(packs: Packs) -> None:
    first = packs.of_trade(FIRST).read_bytes()

    assert packs.of_trade(FIRST).read_bytes() == first


@pytest.mark.parametrize(("first", "end"), [(0, 1), (3, 40), (100, 257), (255, 256), (256, 303), (302, 303)])
def test_a_range_pack_proves_that_nothing_in_it_is_left_out(packs: Packs, first: int, end: int) -> None:
    report = judged(packs.of_range(first, end))

    assert report.verdict is Verdict.VERIFIED, report.lines()


def test_a_pack_of_everything_is_verified_like_the_log_itself(packs: Packs) -> None:
    report = judged(packs.of_range(0, 303))

    assert report.verdict is Verdict.VERIFIED, report.lines()
    assert {report.check(number).status for number in ("V6", "V8")} == {Status.OK}


def test_row_53_an_entry_left_out_of_a_range_is_found(packs: Packs) -> None:
    def leave_out(folder: Path) -> None:
        (folder / entry_name(120)).unlink()

    assert caught(judged(packs.spoiled(packs.of_range(100, 150), leave_out)), "V26", 120)
    assert "V26" in failed(judged(packs.spoiled(packs.of_range(100, 150), leave_out, listed=False)))
    assert "V26" in failed(judged(packs.spoiled(packs.of_range(0, 303), leave_out)))


def test_row_53_a_range_made_shorter_together_with_its_manifest_is_found(packs: Packs) -> None:
    def shorten(folder: Path) -> None:
        (folder / entry_name(149)).unlink()
        manifest = json.loads((folder / pack.MANIFEST).read_bytes())
        manifest["scope"]["end"] = 149
        manifest["files"] = [one for one in manifest["files"] if one["name"] != entry_name(149)]
        (folder / pack.MANIFEST).write_bytes(pack.canonical(manifest))

    assert "V26" in failed(judged(packs.spoiled(packs.of_range(100, 150), shorten, listed=False)))


def test_an_entry_left_out_of_the_middle_of_a_trade_breaks_its_chain(packs: Packs) -> None:
    def leave_out(folder: Path) -> None:
        (folder / entry_name(4)).unlink()

    assert {"V13"} <= failed(judged(packs.spoiled(packs.of_trade(FIRST), leave_out)))


def test_an_edited_entry_is_not_the_one_that_is_proved(packs: Packs) -> None:
    def edit(folder: Path) -> None:
        path = folder / entry_name(4)
        path.write_bytes(path.read_bytes().replace(VERIFIER.encode(), b"p:verifiex"))

    assert caught(judged(packs.spoiled(packs.of_trade(FIRST), edit)), "V7", 4)
    assert "V7" in failed(judged(packs.spoiled(packs.of_range(3, 40), edit)))


def test_entries_of_other_trades_have_no_place_in_a_pack_of_one(packs: Packs) -> None:
    scope = Scope("trade", trade=FIRST)
    path = packs.make(scope, range(3, 8), packs.story.rows_of(FIRST))

    assert caught(judged(path), "V26", 7)


def changed_row(folder: Path) -> None:
    told = json.loads((folder / pack.ROWS).read_bytes())
    told["rows"][0]["view"]["number"] = 2
    (folder / pack.ROWS).write_bytes(pack.canonical(told))


def missing_row(folder: Path) -> None:
    told = json.loads((folder / pack.ROWS).read_bytes())
    told["rows"].pop()
    (folder / pack.ROWS).write_bytes(pack.canonical(told))


def changed_terms(folder: Path) -> None:
    told = json.loads((folder / pack.ROWS).read_bytes())
    told["movements"][0]["view"]["base"] = "GBP"
    (folder / pack.ROWS).write_bytes(pack.canonical(told))


def missing_terms(folder: Path) -> None:
    told = json.loads((folder / pack.ROWS).read_bytes())
    told["movements"] = []
    (folder / pack.ROWS).write_bytes(pack.canonical(told))


def foreign_row(folder: Path) -> None:
    told = json.loads((folder / pack.ROWS).read_bytes())
    told["rows"].append({"id": "t-9", "kind": "trade", "rev": 1, "view": {"id": "t-9", "rev": 1}})
    (folder / pack.ROWS).write_bytes(pack.canonical(told))


def older_row(folder: Path) -> None:
    told = json.loads((folder / pack.ROWS).read_bytes())
    told["rows"][0]["rev"] = told["rows"][0]["view"]["rev"] = 1
    (folder / pack.ROWS).write_bytes(pack.canonical(told))


@pytest.mark.parametrize(
    "spoil", [changed_row, missing_row, changed_terms, missing_terms, foreign_row, older_row]
)
def test_business_rows_are_those_that_the_log_left_behind(packs: Packs, spoil: Spoil) -> None:
    assert failed(judged(packs.spoiled(packs.of_trade(FIRST), spoil))) == {"V22"}


def test_policy_texts_are_documents_that_an_entry_recorded(packs: Packs) -> None:
    """V28: the texts of a policy are the first documents; a changed byte in one is found, and so is its want."""
    story = packs.story
    told = {name: {"sha256": sha256(text).hexdigest(), "size": len(text)} for name, text in TEXTS.items()}
    data = {"policy": story.policy, "apart": APART, "texts": told}
    packs.log.grow([story.add("policy.publish", person="p:admin", data=data, policy=story.policy)])
    path = packs.of_trade(FIRST)
    assert judged(path).check("V28").status is Status.OK, judged(path).lines()

    def change(folder: Path) -> None:
        file = next((folder / "policies").rglob("policy.csv"))
        file.write_bytes(file.read_bytes().replace(b"#", b"+"))

    def lose(folder: Path) -> None:
        next((folder / "policies").rglob("tables.csv")).unlink()

    changed, lost = judged(packs.spoiled(path, change)), judged(packs.spoiled(path, lose))
    assert changed.verdict is Verdict.TAMPERED
    assert (failed(changed), changed.check("V28").status) == ({"V17"}, Status.MISSING)
    assert (lost.verdict, lost.check("V28").status) == (Verdict.INCOMPLETE, Status.MISSING)


def test_documents_are_those_that_were_recorded(packs: Packs) -> None:
    path = packs.of_trade(FIRST)
    name = f"documents/{TICKET_DIGEST}"

    def other(folder: Path) -> None:
        (folder / name).write_bytes(b"what was said on the telephonx")

    def gone(folder: Path) -> None:
        (folder / name).unlink()

    def more(folder: Path) -> None:
        (folder / "documents" / ("00" * 32)).write_bytes(b"")

    assert failed(judged(packs.spoiled(path, other))) == {"V28"}
    assert failed(judged(packs.spoiled(path, more))) == {"V28"}
    report = judged(packs.spoiled(path, gone))
    assert (report.verdict, report.check("V28").status) == (Verdict.INCOMPLETE, Status.MISSING)


def test_policy_texts_are_those_that_were_published(packs: Packs) -> None:
    def relax(folder: Path) -> None:
        (folder / pack.policy_name(packs.story.policy, "apart.csv")).write_bytes(b"# nothing\n")

    assert failed(judged(packs.spoiled(packs.of_trade(FIRST), relax))) == {"V17"}


def test_two_sides_in_one_hand_are_found_in_a_pack_too(tmp_path: Path) -> None:
    story = Deals(tmp_path / "policy")
    story.capture("t-0")
    story.act("trade.verify", "p:trader", "t-0", {"trade": {}})
    packs = Packs(tmp_path, story, Log(tmp_path, story.lines))

    assert caught(judged(packs.of_trade("t-0")), "V16", 4)


@pytest.mark.parametrize("name", [pack.PROOFS, pack.ROWS])
@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b'{"inclusion":7}', b'{"inclusion":{"x":[]}}', b"[" * 100_000]
)
def test_proofs_and_rows_of_another_form_are_named_and_crash_nothing(
    packs: Packs, name: str, content: bytes
) -> None:
    def write(folder: Path) -> None:
        (folder / name).write_bytes(content)

    assert failed(judged(packs.spoiled(packs.of_trade(FIRST), write))) & {"V7", "V22", "V26"}


def test_a_manifest_of_another_state_of_the_log_is_found(packs: Packs) -> None:
    path = packs.of_trade(FIRST)
    manifest = json.loads(_member(path, pack.MANIFEST))

    for change in ({"size": 302}, {"origin": "another.example/log"}, {"root": "00" * 32}):
        told = manifest | {"log": manifest["log"] | change}
        assert "V26" in failed(judged(_with_manifest(packs, path, pack.canonical(told))))


@pytest.mark.parametrize("content", [b"", b"{}", b"null", b'{"format":1}', b"\xff", b"[" * 100_000])
def test_a_manifest_of_another_form_is_named_and_crashes_nothing(packs: Packs, content: bytes) -> None:
    assert failed(judged(_with_manifest(packs, packs.of_trade(FIRST), content))) == {"V26"}


def test_a_pack_under_another_key_is_not_believed(packs: Packs) -> None:
    assert "V3" in failed(verify_bundle(packs.of_trade(FIRST), OTHER_KEY.verifier))


def test_a_pack_without_leaf_0_or_below_the_level_asked_is_incomplete(packs: Packs) -> None:
    def leave_out(folder: Path) -> None:
        (folder / entry_name(0)).unlink()

    assert judged(packs.spoiled(packs.of_trade(FIRST), leave_out)).verdict is Verdict.INCOMPLETE
    assert judged(packs.of_trade(FIRST), level="L3").verdict is Verdict.INCOMPLETE


def test_a_pack_without_its_checkpoint_is_incomplete(packs: Packs) -> None:
    def leave_out(folder: Path) -> None:
        (folder / pack.CHECKPOINT).unlink()

    report = judged(packs.spoiled(packs.of_trade(FIRST), leave_out))
    assert (report.verdict, report.check("V1").status) == (Verdict.INCOMPLETE, Status.MISSING)


# The file ------------------------------------------------------------------------------------------


def test_a_file_in_the_pack_and_not_in_the_manifest_is_found(packs: Packs) -> None:
    def slip_in(folder: Path) -> None:
        (folder / pack.VERIFIER).write_bytes(b"another verifier")

    assert failed(judged(packs.spoiled(packs.of_trade(FIRST), slip_in, listed=False))) == {"V26"}


def test_nothing_hides_before_behind_or_between_the_members(packs: Packs) -> None:
    path = packs.of_trade(FIRST)
    whole = path.read_bytes()
    for other in (b"x" + whole, whole + b"x", whole[:-1], whole[: len(whole) // 2], b"", whole[:40] + whole):
        path.write_bytes(other)
        assert failed(judged(path)) == {"V26"}


def test_names_that_lead_out_of_the_directory_are_refused(packs: Packs, tmp_path: Path) -> None:
    path = packs.of_trade(FIRST)
    content = path.read_bytes()
    for name in (b"/tmp/x.html", b"../x.html0", b"cover.htm\0", b"COVER.html"):
        path.write_bytes(content.replace(b"cover.html", name[:10]))
        assert failed(judged(path)) == {"V26"}
    assert not (tmp_path.parent / "x.html").exists()


def test_a_directory_that_promises_more_than_the_file_has_is_refused(packs: Packs) -> None:
    path = packs.of_trade(FIRST)
    content = bytearray(path.read_bytes())
    for count, size in ((65_535, 2**32 - 1), (65_000, 2**31), (0, 0), (1, 46)):
        content[-14:-6] = struct.pack("<2HI", count, count, size)
        path.write_bytes(content)
        assert failed(judged(path)) == {"V26"}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_whatever_bit_of_a_pack_is_flipped_is_noticed(packs: Packs, at: float, bit: int) -> None:
    path = packs.folder / "pack.zip"
    if not path.exists():
        packs.of_trade(FIRST)
    content = bytearray(path.read_bytes())
    place = int(at * len(content))
    content[place] ^= 1 << bit
    flipped = packs.folder / "flipped.zip"
    flipped.write_bytes(content)

    assert judged(flipped).verdict is not Verdict.VERIFIED


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=400))
def test_no_file_crashes_the_verifier(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "anything.zip"
    path.write_bytes(content)

    assert failed(judged(path)) == {"V26"}


def test_a_pack_has_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pack, "MEMBERS_MAX", 3)
    writer = pack.PackWriter(tmp_path)
    writer.add(pack.ROWS, Rows().encode())
    writer.add(pack.COVER, b"")
    with pytest.raises(BrokenPack, match="at most 3 files"):
        writer.add(pack.PROOFS, b"{}")


NAMES = (
    "inclusion range left right consistency rows movements kind id rev view by entry row column "
    "scope log files asked format size root origin 0 3"
)
WORDS = st.sampled_from(NAMES.split())
JSON = st.recursive(
    st.one_of(st.text(max_size=3), st.integers(), st.booleans(), st.just(None), WORDS, st.just("00" * 32)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(WORDS, inner, max_size=4)),
    max_leaves=12,
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=JSON, name=st.sampled_from([pack.PROOFS, pack.ROWS, pack.MANIFEST]), inside=st.booleans())
def test_no_json_crashes_the_verifier(packs: Packs, value: object, name: str, *, inside: bool) -> None:
    path = packs.folder / "pack.zip"
    if not path.exists():
        packs.of_trade(FIRST)

    def write(folder: Path) -> None:
        told = json.loads((folder / name).read_bytes())
        if inside:
            told[max(told)] = value
        else:
            told = value
        (folder / name).write_bytes(pack.canonical(told))

    listed = name != pack.MANIFEST
    assert judged(packs.spoiled(path, write, listed=listed)).verdict is not Verdict.VERIFIED


# Ranges --------------------------------------------------------------------------------------------

LEAVES = [leaf_hash(bytes([n, n])) for n in range(70)]


@given(st.data())
def test_a_range_gives_the_root_and_no_other_range_does(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 70))
    first = data.draw(st.integers(0, size - 1))
    end = data.draw(st.integers(first + 1, size))
    leaves, root = LEAVES[:size], merkle.root(LEAVES[:size])
    left, right = range_proof(first, end, size, merkle.subtrees(leaves))

    assert root_from_range(leaves[first:end], first, end, size, left, right) == root
    with pytest.raises(MalformedProof):
        root_from_range(leaves[first : end - 1], first, end, size, left, right)
    with pytest.raises(MalformedProof):
        root_from_range([*leaves[first:end], leaves[0]], first, end, size, left, right)
    with pytest.raises(MalformedProof):
        root_from_range(leaves[first:end], first, end, size, [*left, root], right)
    other = [LEAVES[69], *leaves[first + 1 : end]]
    assert (root_from_range(other, first, end, size, left, right) == root) == (other == leaves[first:end])


@given(st.integers(0, 5000), st.integers(0, 5000))
def test_a_cover_is_complete_and_of_whole_subtrees(start: int, length: int) -> None:
    at = start
    for height, index in cover(start, start + length):
        assert index << height == at
        at += 1 << height
    assert at == start + length


def _member(path: Path, name: str) -> bytes:
    with zipfile.ZipFile(path) as zipped:
        return zipped.read(name)


def _with_manifest(packs: Packs, path: Path, content: bytes) -> Path:
    def write(folder: Path) -> None:
        (folder / pack.MANIFEST).write_bytes(content)

    return packs.spoiled(path, write, listed=False)


def test_the_file_is_a_zip_that_anybody_opens(packs: Packs) -> None:
    assert _member(packs.of_trade(FIRST), pack.CHECKPOINT).startswith(KEY.name.encode())


# Keys ----------------------------------------------------------------------------------------------


def test_a_pack_carries_the_key_ring_and_proves_that_it_speaks_of_this_log(packs: Packs) -> None:
    log = packs.log
    at = Checkpoint(KEY.name, 100, merkle.root([leaf_hash(line) for line in log.lines[:100]]))
    Keyring.begin(KEY, at).save(log.file(pack.KEYRING), log.file("tmp"))
    path = packs.of_trade(FIRST)

    assert judged(path).check("V19").status is Status.OK, judged(path).lines()

    def unprove(folder: Path) -> None:
        told = json.loads((folder / pack.PROOFS).read_bytes())
        (folder / pack.PROOFS).write_bytes(pack.canonical(told | {"consistency": {}}))

    assert judged(packs.spoiled(path, unprove)).check("V19").status is Status.MISSING

    def extend(folder: Path) -> None:
        (folder / pack.KEYRING).write_bytes(bytes(Keyring.begin(OTHER_KEY, at)))

    assert judged(packs.spoiled(path, extend)).verdict is Verdict.TAMPERED
