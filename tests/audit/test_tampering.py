"""One test per way to tamper with the files of a log; the number is the row of the tamper matrix."""

import base64
import json
import unicodedata
from collections.abc import Callable

import pytest

from audit import merkle, note, tiles
from audit.checkpoint import Checkpoint
from audit.entry import MalformedEntry, encode, leaf_hash
from audit.report import Report, Status, Verdict
from audit.signer import InconsistentExtension
from tests.audit.logs import (
    KEY,
    LAX_POLICY,
    ORIGIN,
    OTHER_KEY,
    POLICY,
    TRADER,
    VERIFIER,
    Log,
    Story,
    respell,
)


def caught(report: Report, check: str, index: int | None) -> bool:
    """Whether the verdict is TAMPERED, and by ``check``, and the first bad index is ``index``."""
    assert report.verdict is Verdict.TAMPERED, report.lines()
    assert report.check(check).status is Status.FAILED, report.lines()
    assert report.first_bad_index == index, report.lines()
    return True


def failed(report: Report) -> set[str]:
    return {check.number for check in report.checks if check.status is Status.FAILED}


def test_an_honest_log_is_verified(log: Log) -> None:
    report = log.verify()

    assert report.line() == "VERIFIED (L1 self-signed)"
    assert report.size == 302
    assert report.first_bad_index is None
    assert {c.number for c in report.checks if c.status is Status.OK} == {
        *("V1", "V2", "V3", "V6", "V7", "V8", "V9", "V10", "V11", "V12", "V13", "V14", "V16", "V17"),
    }


# Rows 2, 3: an entry is edited afterwards.


def test_02_an_edited_entry_with_hash_and_bundle_breaks_the_tile_above(log: Log) -> None:
    edited = [*log.lines]
    edited[100] = respell(edited[100], req="r-forged")
    log.put(tiles.bundle_path(0), tiles.frame(edited[:256]))
    log.put(tiles.tile_path(0, 0), b"".join(map(leaf_hash, edited[:256])))

    report = log.verify()

    assert caught(report, "V6", 0)  # the tile above names the 256 entries, not which of them
    assert "tile/1/000.p/1" in report.check("V6").sentence


def test_02_an_edited_bundle_alone_is_named_by_its_tile(log: Log) -> None:
    edited = [*log.lines]
    edited[100] = respell(edited[100], req="r-forged")
    log.put(tiles.bundle_path(0), tiles.frame(edited[:256]))

    report = log.verify()

    assert caught(report, "V7", 100)
    assert leaf_hash(log.lines[100]).hex() in report.check("V7").sentence  # both values are told
    assert leaf_hash(edited[100]).hex() in report.check("V7").sentence


def test_03_rebuilding_every_tile_under_the_old_checkpoint_misses_its_root(log: Log) -> None:
    edited = [*log.lines]
    edited[-1] = respell(edited[-1], req="r-forged")
    log.forge(edited, signed=False)

    report = log.verify()

    assert caught(report, "V6", None)
    assert failed(report) == {"V6"}
    assert merkle.root(list(map(leaf_hash, edited))).hex() in report.check("V6").sentence


# Rows 5, 7: something is taken away.


def test_05_an_entry_taken_out_of_a_bundle_leaves_it_too_short(log: Log) -> None:
    log.put(tiles.bundle_path(0), tiles.frame(log.lines[:100] + log.lines[101:256]))

    assert caught(log.verify(), "V7", 0)


def test_05_an_entry_taken_out_of_all_files_is_missing_at_the_end(log: Log) -> None:
    log.forge(log.lines[:100] + log.lines[101:], signed=False)

    report = log.verify()

    assert report.verdict is Verdict.INCOMPLETE
    assert report.check("V8").status is Status.MISSING
    assert report.first_bad_index == 256


def test_05_an_entry_taken_out_with_the_stolen_key_breaks_its_objects_chain(log: Log) -> None:
    log.forge(log.lines[:100] + log.lines[101:], signed=True)  # entry 100 captured a deal

    report = log.verify()

    assert caught(report, "V13", 100)  # where its verification is now


def test_07_a_cut_tail_under_an_older_checkpoint_is_known_to_who_saw_more(log: Log, story: Story) -> None:
    older = log.checkpoint.read_bytes()
    story.trade("t-last")
    log.grow(story.lines[302:])
    assert log.verify(state=log.memory).verdict is Verdict.VERIFIED

    log.checkpoint.write_bytes(older)

    assert log.verify().verdict is Verdict.VERIFIED  # it is a genuine checkpoint, after all
    assert caught(log.verify(state=log.memory), "V25", 302)


def test_07_the_signer_does_not_go_back(log: Log) -> None:
    root = merkle.root(list(map(leaf_hash, log.lines[:200])))

    with pytest.raises(InconsistentExtension, match="302 are signed already"):
        log.signer.sign(Checkpoint(ORIGIN, 200, root), [])


# Rows 8, 9, 10, 11, 13, 14: the order, the times, the people.


def test_08_two_entries_swapped_in_a_bundle_do_not_fit_their_tile(log: Log) -> None:
    swapped = [*log.lines]
    swapped[50], swapped[51] = swapped[51], swapped[50]
    log.put(tiles.bundle_path(0), tiles.frame(swapped[:256]))

    assert caught(log.verify(), "V7", 50)


def test_08_two_entries_swapped_with_the_stolen_key_break_their_objects_chain(log: Log) -> None:
    swapped = [*log.lines]
    swapped[50], swapped[51] = swapped[51], swapped[50]
    log.forge(swapped, signed=True)

    assert caught(log.verify(), "V13", 50)


def test_09_a_back_dated_entry_in_the_middle_runs_against_time(log: Log, story: Story) -> None:
    late = encode(story.draft("trade.note", seconds=10, number=5000))
    log.forge([*log.lines[:200], late, *log.lines[200:]], signed=True)

    assert caught(log.verify(), "V14", 200)


def test_10_a_back_dated_entry_at_the_end_runs_against_time(log: Log, story: Story) -> None:
    story.add("trade.note", seconds=301 - 121)
    log.grow(story.lines[302:])

    report = log.verify()

    assert caught(report, "V14", 302)
    assert failed(report) == {"V14"}


def test_10_entries_may_be_as_late_as_a_commit_takes(log: Log, story: Story) -> None:
    story.add("trade.note", seconds=301 - 119)
    log.grow(story.lines[302:])

    assert log.verify().verdict is Verdict.VERIFIED


def test_10_time_does_not_creep_backward_in_lawful_steps(log: Log, story: Story) -> None:
    story.add("trade.note", seconds=301 - 100)
    story.add("trade.note", seconds=301 - 200)  # 100 before its neighbour, 200 before the newest
    log.grow(story.lines[302:])

    assert caught(log.verify(), "V14", 303)


def test_11_an_entry_from_the_future_is_refused(log: Log, story: Story) -> None:
    story.add("trade.note", seconds=86_400 + 301)
    log.grow(story.lines[302:])

    assert caught(log.verify(), "V14", 302)


def test_11_a_clock_five_minutes_ahead_is_tolerated(log: Log, story: Story) -> None:
    story.add("trade.note", seconds=86_400 + 299)
    log.grow(story.lines[302:])

    assert log.verify().verdict is Verdict.VERIFIED


def test_13_two_entries_whose_users_are_swapped_do_not_fit_their_tile(log: Log) -> None:
    swapped = with_swapped_users(log.lines, 60, 61)
    log.put(tiles.bundle_path(0), tiles.frame(swapped[:256]))

    assert caught(log.verify(), "V7", 60)


def test_13_users_swapped_with_the_stolen_key_break_the_objects_chain(log: Log) -> None:
    log.forge(with_swapped_users(log.lines, 60, 61), signed=True)

    assert caught(log.verify(), "V13", 61)  # it still follows the entry as it was


def with_swapped_users(lines: list[bytes], one: int, other: int) -> list[bytes]:
    actors = json.loads(lines[one])["actor"], json.loads(lines[other])["actor"]
    swapped = [*lines]
    swapped[one] = respell(lines[one], actor=actors[1])
    swapped[other] = respell(lines[other], actor=actors[0])
    return swapped


def test_14_a_replayed_entry_repeats_its_id(log: Log) -> None:
    log.grow([log.lines[1]])

    report = log.verify(now=None)

    assert report.check("V12").index == 302
    assert "the id of entry 1" in report.check("V12").sentence or "the nonce" in report.check("V12").sentence


def test_14_a_replay_under_another_id_repeats_its_nonce(log: Log) -> None:
    log.grow([respell(log.lines[301], id="00000fff-0000-7000-8000-000000000fff", eff=[])])

    report = log.verify()

    assert caught(report, "V12", 302)
    assert "the nonce of entry 301" in report.check("V12").sentence


# Rows 16, 17: two histories.


def test_16_two_roots_of_one_size_are_known_to_who_saw_the_first(log: Log) -> None:
    log.verify(state=log.memory)
    other = [*log.lines]
    other[-1] = respell(other[-1], req="r-forged")
    log.forge(other, signed=True)

    assert log.verify().verdict is Verdict.VERIFIED  # whoever sees only this one cannot tell
    assert caught(log.verify(state=log.memory), "V5", None)


def test_16_the_signer_does_not_sign_a_second_root(log: Log) -> None:
    with pytest.raises(InconsistentExtension, match="does not grow out of"):
        log.signer.sign(Checkpoint(ORIGIN, 302, b"\x01" * 32), [])


def test_17_a_larger_log_with_another_past_is_known_to_who_saw_the_first(log: Log, story: Story) -> None:
    log.verify(state=log.memory)
    story.trade("t-last")
    other = [*story.lines]
    other[0] = respell(other[0], req="r-forged")
    log.forge(other, signed=True)

    assert log.verify().verdict is Verdict.VERIFIED
    assert caught(log.verify(state=log.memory), "V5", None)


def test_17_the_signer_does_not_sign_a_larger_log_with_another_past(log: Log, story: Story) -> None:
    story.trade("t-last")
    other = [leaf_hash(b"another past"), *map(leaf_hash, story.lines[1:])]

    with pytest.raises(InconsistentExtension, match="does not grow out of"):
        log.signer.sign(
            Checkpoint(ORIGIN, len(other), merkle.root(other)),
            merkle.consistency_proof(other, 302),
        )


# Rows 22 to 27: keys, signatures and the note.


def test_22_a_foreign_key_under_our_name_and_key_id_forges_nothing(log: Log) -> None:
    text, (line,) = note.parse(log.checkpoint.read_bytes())
    blob = base64.b64encode(line.key_id + OTHER_KEY.sign(text.encode())).decode()
    log.checkpoint.write_text(f"{text}\n\u2014 {ORIGIN} {blob}\n", encoding="utf-8")

    assert caught(log.verify(), "V3", None)


def test_23_a_retired_key_signs_nothing_for_the_pinned_one(log: Log) -> None:
    checkpoint = Checkpoint.parse(note.parse(log.checkpoint.read_bytes())[0])
    log.sign_past_signer(checkpoint, OTHER_KEY)

    assert caught(log.verify(), "V3", None)


def test_25_a_note_stripped_of_its_signature_is_no_note(log: Log) -> None:
    text, _ = note.parse(log.checkpoint.read_bytes())
    log.checkpoint.write_text(text + "\n", encoding="utf-8")

    assert caught(log.verify(), "V1", None)


def test_26_a_doubled_signature_line_is_refused(log: Log) -> None:
    signed = log.checkpoint.read_text(encoding="utf-8")
    log.checkpoint.write_text(signed + signed.splitlines()[-1] + "\n", encoding="utf-8")

    assert caught(log.verify(), "V1", None)


def test_26_more_lines_than_sixteen_are_refused(log: Log) -> None:
    text, _ = note.parse(log.checkpoint.read_bytes())
    keys = [note.SigningKey(f"witness-{n}", OTHER_KEY.private) for n in range(16)]
    log.checkpoint.write_bytes(note.sign(text, KEY, *keys))

    assert caught(log.verify(), "V1", None)


def test_26_an_added_line_of_an_unknown_key_is_reported_and_proves_nothing(log: Log) -> None:
    text, _ = note.parse(log.checkpoint.read_bytes())
    log.checkpoint.write_bytes(note.sign(text, KEY, note.SigningKey("witness-1", OTHER_KEY.private)))

    report = log.verify()

    assert report.verdict is Verdict.VERIFIED
    assert "witness-1" in report.remarks[0]


def test_27_data_hidden_in_an_extension_line_is_refused(log: Log) -> None:
    text, _ = note.parse(log.checkpoint.read_bytes())
    log.checkpoint.write_bytes(note.sign(text + "hidden\n", KEY))

    report = log.verify()

    assert caught(report, "V1", None)
    assert "no extension" in report.check("V1").sentence


# Rows 30 to 37: one meaning in two spellings, two meanings in one.

CYRILLIC_A = "\u0430"
SPELLINGS: dict[str, tuple[str, Callable[[str], str]]] = {
    "30 homoglyph in the user": ("V11", lambda t: t.replace("a:trader", f"a:tr{CYRILLIC_A}der")),
    "30 homoglyph in the counterparty": (
        "V11",
        lambda t: t.replace('"note":"entry 300"', f'"counterparty":"B{CYRILLIC_A}nk"'),
    ),
    "30 homoglyph in the ISIN": (
        "V11",
        lambda t: t.replace('"note":"entry 300"', '"isin":{"new":"DE\u0417","old":"DE3"}'),
    ),
    "31 text in NFD": ("V11", lambda t: t.replace("entry", unicodedata.normalize("NFD", "\u00e9ntry"))),
    "31 bidi override": ("V11", lambda t: t.replace("entry", "\u202eentry")),
    "31 zero width": ("V11", lambda t: t.replace("entry", "en\u200btry")),
    "31 unassigned": ("V11", lambda t: t.replace("entry", "\u0378entry")),
    "31 control character": ("V11", lambda t: t.replace("entry", "entry\\n")),
    "31 delete character": ("V11", lambda t: t.replace("entry", "entry\x7f")),
    "31 half a surrogate pair": ("V11", lambda t: t.replace("entry", "\\ud800")),
    "32 duplicate key": ("V9", lambda t: t.replace('"v":1', '"v":1,"v":1')),
    "32 duplicate key deep inside": ("V9", lambda t: t.replace('"note":', '"note":"x","note":')),
    "33 1.0": ("V9", lambda t: t.replace('"entry 300"', "1.0")),
    "33 1e0": ("V9", lambda t: t.replace('"entry 300"', "1e0")),
    "33 2^53": ("V9", lambda t: t.replace('"entry 300"', str(2**53))),
    "33 -0": ("V10", lambda t: t.replace('"entry 300"', "-0")),
    "33 01": ("V9", lambda t: t.replace('"entry 300"', "01")),
    "33 NaN": ("V9", lambda t: t.replace('"entry 300"', "NaN")),
    "33 null": ("V9", lambda t: t.replace('"entry 300"', "null")),
    "33 true for the version": ("V9", lambda t: t.replace('"v":1', '"v":true')),
    "34 white space": ("V10", lambda t: t.replace('"v":1', '"v": 1')),
    "34 white space at the end": ("V10", lambda t: t + "\n"),
    "34 key order": ("V10", lambda t: '{"v":1,' + t[1:].replace(',"v":1', "")),
    "34 escapes": ("V10", lambda t: t.replace("entry", "\\u0065ntry")),
    "34 byte order mark": ("V9", lambda t: "\ufeff" + t),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_30_to_34_another_spelling_of_an_entry_is_refused(log: Log, spelling: str) -> None:
    check, change = SPELLINGS[spelling]
    text = log.lines[300].decode()
    forged = change(text).encode()
    assert forged != log.lines[300]
    log.forge([*log.lines[:300], forged, log.lines[301]], signed=True)

    assert caught(log.verify(), check, 300)


def test_30_text_of_people_may_be_of_any_script(log: Log, story: Story) -> None:
    story.add("trade.note", data={"reason": "Gesch\u00e4ft best\u00e4tigt \u2013 \u6771\u4eac"})
    log.grow(story.lines[302:])

    assert log.verify().verdict is Verdict.VERIFIED


def test_33_whole_numbers_have_one_spelling_up_to_2_53(story: Story) -> None:
    entry = story.draft("trade.note", data={"n": 2**53 - 1})
    encode(entry)

    for other in (1.0, 2**53, -(2**53), float("nan"), None, b"1"):
        with pytest.raises(MalformedEntry):
            encode(entry | {"data": {"n": other}})


def test_35_shifting_the_border_between_two_entries_is_seen(log: Log) -> None:
    bundle = tiles.frame(log.lines[:256])
    first = len(log.lines[0])
    shifted = (first + 1).to_bytes(2, "big") + log.lines[0] + bundle[first + 2 :]
    log.put(tiles.bundle_path(0), shifted)

    assert caught(log.verify(), "V7", 0)


def test_35_shifting_the_border_between_two_fields_changes_the_leaf(story: Story) -> None:
    entry = story.draft("trade.note", data={"a": "12", "b": "3"})

    assert leaf_hash(encode(entry)) != leaf_hash(encode(entry | {"data": {"a": "1", "b": "23"}}))


def test_36_an_entry_that_looks_like_a_node_is_a_leaf_all_the_same(log: Log) -> None:
    left, right = map(leaf_hash, log.lines[300:302])
    assert leaf_hash(left + right) != merkle.node_hash(left, right)
    assert leaf_hash(b"\x01" + left + right) != merkle.node_hash(left, right)

    log.forge([*log.lines[:300], left + right], signed=True)

    assert caught(log.verify(), "V9", 300)


def test_37_doubling_an_odd_last_node_gives_another_root(log: Log) -> None:
    leaves = list(map(leaf_hash, log.lines[:301]))
    assert merkle.root(leaves) != merkle.root([*leaves, leaves[-1]])

    log.forge([*log.lines[:301], log.lines[300]], signed=True)  # of the same size as before

    assert caught(log.verify(), "V12", 301)


# Rows 38 to 41: files damaged, exchanged, gone.


def test_38_one_flipped_bit_in_a_leaf_tile_names_its_leaf(log: Log) -> None:
    flip(log, "tile/0/000", 77 * 32 + 5)

    report = log.verify()

    assert caught(report, "V7", 0)  # the tile above covers entry 0 on
    assert report.check("V7").index == 77
    assert failed(report) == {"V6", "V7"}


def test_38_one_flipped_bit_in_the_last_leaf_tile_names_its_leaf(log: Log) -> None:
    flip(log, "tile/0/001.p/46", 45 * 32)

    assert caught(log.verify(), "V7", 301)


def test_38_one_flipped_bit_in_an_upper_tile_is_seen(log: Log) -> None:
    flip(log, "tile/1/000.p/1", 0)

    report = log.verify()

    assert caught(report, "V6", 0)
    assert failed(report) == {"V6"}


def flip(log: Log, path: str, at: int) -> None:
    content = bytearray(log.file(path).read_bytes())
    content[at] ^= 1
    log.put(path, bytes(content))


def test_39_a_bundle_exchanged_under_its_tile_is_seen(log: Log) -> None:
    other = [respell(line, req="r-forged") for line in log.lines[256:]]
    log.put("tile/entries/001.p/46", tiles.frame(other))

    report = log.verify()

    assert report.check("V7").index == 256
    assert report.verdict is Verdict.TAMPERED


def test_39_a_tile_exchanged_over_its_bundle_is_seen(log: Log) -> None:
    log.put("tile/0/001.p/46", log.file("tile/0/000").read_bytes()[: 46 * 32])

    assert caught(log.verify(), "V7", 256)


def test_40_a_bundle_of_another_width_than_its_name_is_refused(log: Log) -> None:
    log.put("tile/entries/001.p/46", tiles.frame(log.lines[256:301]))

    assert caught(log.verify(), "V7", 256)


def test_40_a_bundle_with_trailing_bytes_is_refused(log: Log) -> None:
    log.put("tile/entries/001.p/46", log.file("tile/entries/001.p/46").read_bytes() + b"\x00")

    assert caught(log.verify(), "V7", 256)


def test_40_an_entry_without_bytes_is_refused(log: Log) -> None:
    log.put("tile/entries/001.p/46", tiles.frame(log.lines[256:301]) + b"\x00\x00")

    assert caught(log.verify(), "V7", 256)


@pytest.mark.parametrize("length", [0, 31, 45 * 32, 46 * 32 + 1, 47 * 32])
def test_40_a_tile_of_another_length_than_its_name_is_refused(log: Log, length: int) -> None:
    log.put("tile/0/001.p/46", (log.file("tile/0/001.p/46").read_bytes() * 2)[:length])

    assert caught(log.verify(), "V6", 256)


@pytest.mark.parametrize("name", ["0", "256", "046", "x"])
def test_40_a_partial_tile_of_an_impossible_width_is_refused(log: Log, name: str) -> None:
    log.put(f"tile/0/001.p/{name}", b"")

    report = log.verify()

    assert report.verdict is Verdict.TAMPERED
    assert failed(report) == {"V6"}


def test_40_another_partial_tile_beside_the_right_one_must_agree(log: Log) -> None:
    tile = log.file("tile/0/001.p/46").read_bytes()
    log.put("tile/0/001.p/9", tile[: 9 * 32])
    assert log.verify().verdict is Verdict.VERIFIED

    log.put("tile/0/001.p/9", tile[: 8 * 32] + bytes(32))

    assert caught(log.verify(), "V6", 264)


def test_40_another_partial_bundle_beside_the_right_one_must_agree(log: Log) -> None:
    log.put("tile/entries/001.p/3", tiles.frame(log.lines[256:259]))
    assert log.verify().verdict is Verdict.VERIFIED

    log.put("tile/entries/001.p/3", tiles.frame([*log.lines[256:258], log.lines[0]]))

    assert caught(log.verify(), "V7", 258)


def test_41_a_missing_bundle_leaves_the_log_incomplete(log: Log) -> None:
    log.file("tile/entries/001.p/46").unlink()

    report = log.verify()

    assert report.line() == "INCOMPLETE (L1 self-signed)"
    assert report.check("V8").status is Status.MISSING
    assert report.first_bad_index == 256
    assert {report.check(number).status for number in ("V7", "V9", "V13", "V17")} == {Status.MISSING}
    assert report.check("V6").status is Status.OK  # the tree itself is still whole


@pytest.mark.parametrize("path", ["tile/0/000", "tile/0/001.p/46", "tile/1/000.p/1"])
def test_41_a_missing_tile_leaves_the_log_incomplete(log: Log, path: str) -> None:
    log.file(path).unlink()

    report = log.verify()

    assert report.verdict is Verdict.INCOMPLETE
    assert report.check("V6").status is Status.MISSING


def test_41_a_missing_bundle_hides_no_contradiction_elsewhere(log: Log) -> None:
    log.file("tile/entries/001.p/46").unlink()
    flip(log, "tile/entries/000", 30)

    assert caught(log.verify(), "V7", 0)


def test_41_without_a_checkpoint_nothing_can_be_said(log: Log) -> None:
    log.checkpoint.unlink()

    report = log.verify()

    assert report.line() == "INCOMPLETE (level unknown)"
    assert report.size is None


# Row 42: proofs that are none.


def test_42_malformed_proofs_prove_nothing(log: Log) -> None:
    leaves = list(map(leaf_hash, log.lines))
    root, old_root = merkle.root(leaves), merkle.root(leaves[:200])
    path, proof = merkle.inclusion_proof(leaves, 100), merkle.consistency_proof(leaves, 200)
    assert merkle.verify_inclusion(leaves[100], 100, 302, path, root)
    assert merkle.verify_consistency(200, old_root, 302, root, proof)

    for bad in ([], path[:-1], [*path, path[0]], path[::-1], [b"", *path[1:]], [b"\x00" * 32] * 80):
        assert not merkle.verify_inclusion(leaves[100], 100, 302, bad, root)
    for bad in ([], proof[:-1], [*proof, proof[0]], proof[::-1], [b"", *proof[1:]], [b"\x00" * 32] * 80):
        assert not merkle.verify_consistency(200, old_root, 302, root, bad)
    for index in (-1, 101, 302, 2**70):
        assert not merkle.verify_inclusion(leaves[100], index, 302, path, root)
    for old, new in ((-1, 302), (201, 302), (200, 199), (302, 200)):
        assert not merkle.verify_consistency(old, old_root, new, root, proof)


# Row 43: what nobody signed.


def test_43_entries_beyond_the_signed_size_are_reported_and_not_vouched_for(log: Log, story: Story) -> None:
    story.trade("t-unsigned")
    tiles.TileWriter(log.directory).extend(302, story.lines[302:])

    report = log.verify()

    assert report.verdict is Verdict.VERIFIED
    assert report.size == 302
    assert report.remarks == ("2 entries lie beyond the signed size; nobody vouches for them yet.",)


def test_43_an_unsigned_tail_that_fills_the_bundle_leaves_the_signed_part_readable(
    log: Log, story: Story
) -> None:
    for number in range(150):
        story.trade(f"u-{number}")
    tiles.TileWriter(log.directory).extend(302, story.lines[302:])
    assert not log.file("tile/0/001.p").exists()

    report = log.verify()

    assert report.verdict is Verdict.VERIFIED
    assert "300 entries" in report.remarks[0]


# Row 54: four eyes, and the policy that demands them.


def test_54_who_captured_a_deal_does_not_verify_it(log: Log, story: Story) -> None:
    story.add("trade.capture", person=TRADER, trade="t-own")
    story.add("trade.verify", person=TRADER, trade="t-own")
    log.grow(story.lines[302:])

    report = log.verify()

    assert caught(report, "V16", 303)
    assert "D-01" in report.check("V16").sentence
    assert failed(report) == {"V16"}


def test_54_who_instructed_a_payment_does_not_release_it(log: Log, story: Story) -> None:
    story.add("settlement.instruct", person=VERIFIER, effects=[("settlement", "s-1")])
    story.add("settlement.release", person=VERIFIER, effects=[("settlement", "s-1")])
    log.grow(story.lines[302:])

    assert caught(log.verify(), "V16", 303)


def test_54_a_refused_attempt_on_ones_own_deal_is_no_breach(log: Log, story: Story) -> None:
    story.add("trade.capture", person=TRADER, trade="t-own")
    story.add("trade.verify", person=TRADER, trade="t-own", outcome="refuse")
    story.add("trade.verify", person=VERIFIER, trade="t-own")
    log.grow(story.lines[302:])

    assert log.verify().verdict is Verdict.VERIFIED


def test_54_a_policy_swapped_for_a_minute_without_an_entry_is_named_by_the_decision(
    log: Log, story: Story
) -> None:
    story.add("trade.capture", person=TRADER, trade="t-own")
    story.add("trade.verify", person=TRADER, trade="t-own", policy=LAX_POLICY)
    log.grow(story.lines[302:])

    report = log.verify()

    assert caught(report, "V17", 303)
    assert failed(report) == {"V16", "V17"}


def test_54_a_refused_publication_brings_no_policy_into_force(log: Log, story: Story) -> None:
    story.add("policy.publish", data={"policy": LAX_POLICY, "apart": []}, outcome="refuse")
    story.add("trade.capture", person=TRADER, trade="t-own")
    story.add("trade.verify", person=TRADER, trade="t-own", policy=LAX_POLICY)
    log.grow(story.lines[302:])

    assert failed(log.verify()) == {"V16", "V17"}


def test_54_a_published_policy_counts_from_its_entry_on(log: Log, story: Story) -> None:
    story.publish(LAX_POLICY, [])
    story.add("trade.capture", person=TRADER, trade="t-own")
    story.add("trade.verify", person=TRADER, trade="t-own", policy=LAX_POLICY)
    log.grow(story.lines[302:])
    assert log.verify().verdict is Verdict.VERIFIED  # the swap itself is an entry for all to see

    story.publish(
        POLICY, [{"rule": "D-01", "act": "trade.verify", "differs": ["trade.capture"], "scope": "trade"}]
    )
    story.add("trade.verify", person=TRADER, trade="t-own")
    log.grow(story.lines[305:])

    assert caught(log.verify(), "V16", 306)


def test_54_a_decision_ahead_of_its_policy_is_seen(log: Log, story: Story) -> None:
    story.add("trade.note", policy=LAX_POLICY)
    story.publish(LAX_POLICY, [])
    log.grow(story.lines[302:])

    assert caught(log.verify(), "V17", 302)


@pytest.mark.parametrize(
    "apart",
    [None, "D-01", [{"rule": "D-01"}], [{"rule": "D-01", "act": "a", "differs": "b", "scope": "trade"}]],
)
def test_54_a_policy_that_cannot_be_read_is_no_policy(log: Log, story: Story, apart: object) -> None:
    data = {"policy": LAX_POLICY} if apart is None else {"policy": LAX_POLICY, "apart": apart}
    story.add("policy.publish", data=data)
    log.grow(story.lines[302:])

    assert caught(log.verify(), "V16", 302)
