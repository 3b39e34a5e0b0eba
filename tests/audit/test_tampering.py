"""One test per way to tamper with the files of a log; the number is the row of the tamper matrix."""

import base64
import json
import unicodedata
from collections.abc import Callable

import pytest

from audit import merkle, note, tiles
from audit.checkpoint import Checkpoint
from audit.entry import MalformedEntry, encode, leaf_hash
from audit.report import Status, Verdict
from audit.signer import InconsistentExtension
from tests.audit.logs import (
    KEY,
    ORIGIN,
    OTHER_KEY,
    Log,
    Story,
    caught,
    failed,
    respell,
)


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
