"""Nothing is read that could be read in two ways; each refusal names file and line."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit.pack import POLICY_FILES
from policies.policy import FILES, PolicyError, load
from policies.rows import FILE_BYTES_MAX
from tests.policies.conftest import SHIPPED

P, S, A, T, M = "policy.csv", "separation.csv", "apart.csv", "tables.csv", "model.conf"
CAPTURE = "p, trader, trade.capture, strikes deals for the book under an own trader id\n"
S_08 = "S-08, office:front_office, settlement.release, H, "
D_02 = "D-02, settlement.release, settlement.deviate settlement.hold settlement.net settlement.prepare, object, ever, "
UNWIND = "position.unwind, position_movement, insert, *\n"

CELLS = [
    # a line that reads two ways
    (P, CAPTURE, CAPTURE.replace("\n", " \n"), "trailing blank"),
    (P, CAPTURE, " " + CAPTURE, "leading blank"),
    (P, CAPTURE, CAPTURE.replace("\n", "\r\n"), "U+000D"),
    (P, CAPTURE, CAPTURE.replace(", ", ",\t", 1), "U+0009"),
    (P, CAPTURE, CAPTURE.replace(", ", ",", 1), "a comma is followed by a blank"),
    (P, CAPTURE, CAPTURE.replace("trader,", "trader ,", 1), "blank before a comma"),
    (P, CAPTURE, CAPTURE.replace("trade.capture", '"trade.capture"'), "quotation mark"),
    (P, CAPTURE, CAPTURE.replace("trade.capture", ""), "empty cell"),
    (S, S_08, S_08.replace(", H", "\u00a0, H"), "U+00A0"),
    # look-alikes
    (P, CAPTURE, CAPTURE.replace("trade.capture", "tr\u0430de.capture"), "U+0430"),
    (P, CAPTURE, CAPTURE.replace("trader", "tr\u0430der"), "U+0430"),
    (P, CAPTURE, CAPTURE.replace("p, ", "p\u037e ", 1), "U+037E"),
    (P, CAPTURE, CAPTURE.replace("own", "o\u0308wn"), "U+0308"),
    (P, CAPTURE, CAPTURE.replace("own", "o\u200bwn"), "U+200B"),
    (P, CAPTURE, CAPTURE.replace("own", "\u202eown"), "U+202E"),
    (P, CAPTURE, CAPTURE.replace("own", "own\x00"), "U+0000"),
    (P, CAPTURE, CAPTURE.replace("own", "own\u2028"), "U+2028"),
    # arity
    (P, CAPTURE, "p, trader, trade.capture\n", "3 cells where 4 belong"),
    (P, CAPTURE, CAPTURE.replace("\n", ", allow\n"), "no effect to state"),
    (P, CAPTURE, CAPTURE.replace("\n", ", deny\n"), "no effect to state"),
    (P, "g, trader, front_office\n", "g, trader, front_office, desk\n", "4 cells where 3 belong"),
    (S, S_08, S_08.replace("H, ", "H, x, "), "7 cells where 6 belong"),
    (A, D_02, D_02.replace("ever, ", ""), "6 cells where 7 belong"),
    (T, UNWIND, UNWIND.replace(", *", ""), "3 cells where 4 belong"),
    # vocabulary
    (P, CAPTURE, CAPTURE.replace("p, ", "p2, ", 1), "unknown kind 'p2'"),
    (P, CAPTURE, CAPTURE.replace("p, ", "P, ", 1), "unknown kind 'P'"),
    (P, "g, trader, front_office\n", "g2, trader, front_office\n", "unknown kind 'g2'"),
    (P, CAPTURE, CAPTURE.replace("trade.capture", "trade.captrue"), "unknown action 'trade.captrue'"),
    (P, CAPTURE, CAPTURE.replace("trade.capture", "*"), "unknown action '*'"),
    (P, CAPTURE, CAPTURE.replace("trader", "trador", 1), "unknown role 'trador'"),
    (P, CAPTURE, CAPTURE.replace("trader", "front_office", 1), "unknown role 'front_office'"),
    (P, "g, svc_log, log\n", "g, svc_log, lgo\n", "'lgo' is no office"),
    (P, "g, trader, front_office\n", "g, Trader, front_office\n", "'Trader' is no name of a role"),
    (P, "g, legal, staff\n", "g, leagl, staff\n", "unknown office 'leagl'"),
    (S, S_08, S_08.replace("S-08", "S-8"), "no control of the form"),
    (S, S_08, S_08.replace("front_office", "frontoffice"), "unknown office 'frontoffice'"),
    (S, S_08, S_08.replace("settlement.release", "settlement.relaese"), "unknown action"),
    (S, S_08, S_08.replace("settlement.release", "role:relaeser"), "unknown role 'relaeser'"),
    (S, S_08, S_08.replace("office:", "unit:"), "neither an act nor office"),
    (S, S_08, S_08.replace(", H", ", h"), "unknown severity 'h'"),
    (A, D_02, D_02.replace("D-02", "D2"), "no control of the form"),
    (A, D_02, D_02.replace("settlement.prepare", "settlement.perpare"), "unknown action"),
    (A, D_02, D_02.replace("object", "desk"), "unknown scope 'desk'"),
    (A, D_02, D_02.replace("ever", "0"), "neither a number of days"),
    (A, D_02, D_02.replace("ever", "4000"), "neither a number of days"),
    (A, D_02, D_02.replace("ever", "-1"), "neither a number of days"),
    (T, UNWIND, UNWIND.replace("insert", "delete"), "unknown verb 'delete'"),
    (T, UNWIND, UNWIND.replace("insert", "INSERT"), "unknown verb 'INSERT'"),
    (T, UNWIND, UNWIND.replace("position_movement", "trade; drop table trade"), "no name of a table"),
    (T, UNWIND, UNWIND.replace("position_movement", "session"), "owner-defined functions"),
    (T, UNWIND, UNWIND.replace("position_movement", "audit_entry"), "owner-defined functions"),
    (T, UNWIND, UNWIND.replace("position.unwind", "position.unwnid"), "unknown action"),
    # what contradicts itself
    (P, CAPTURE, CAPTURE + CAPTURE, "second row for trader and trade.capture"),
    (P, CAPTURE, CAPTURE + "p, trader, work.read, twice\n", "work.read is given to staff already"),
    (P, "g, trader, front_office\n", "g, trader, front_office\n" * 2, "second office of trader"),
    (
        P,
        "g, trader, front_office\n",
        "g, trader, front_office\ng, trader, back_office\n",
        "second office of trader",
    ),
    (P, "g, legal, staff\n", "g, legal, staff\n" * 2, "second row of legal"),
    (
        P,
        "g, trader, front_office\n",
        "g, trader, front_office\ng, idler, front_office\n",
        "idler may do nothing",
    ),
    (P, "g, svc_legal, legal\n", "g, svc_legal, credit\n", "the service role of credit is svc_credit"),
    (S, S_08, S_08.replace("settlement.release", "office:front_office"), "cannot be apart from itself"),
    (S, S_08, S_08.replace("settlement.release", "trade.capture"), "trader alone holds both"),
    (A, D_02, D_02.replace("settlement.prepare", "settlement.release"), "cannot differ from itself"),
    (A, D_02, D_02.replace("settlement.prepare", "settlement.prepare  journal.post"), "two blanks"),
    (A, D_02, D_02.replace("settlement.prepare", "journal.post journal.post"), "names one twice"),
    (A, D_02, D_02.replace("settlement.prepare", "settlement.read"), "leaves no history"),
    (T, UNWIND, UNWIND + UNWIND, "second row of position.unwind"),
    (T, UNWIND, UNWIND.replace("insert, *", "update, *"), "an update names its columns"),
    (T, UNWIND, UNWIND.replace("insert, *", "insert, amount"), "an insert writes whole rows"),
    (T, UNWIND, UNWIND.replace("insert, *", "update, Amount"), "no name of a column"),
    (T, UNWIND, UNWIND.replace("insert, *", "update, rev rev"), "names one twice"),
    (T, UNWIND, UNWIND.replace("unwind", "read"), "changes nothing and needs no insert"),
    # circles and depth
    (P, "g, front_office, staff\n", "g, front_office, front_office\n", "cycle"),
    (P, "g, trader, front_office\n", "g, trader, trader\n", "cycle"),
    (P, "g, trader, front_office\n", "g, trader, head_of_trading\n", "one level deep"),
    (P, "g, front_office, staff\n", "g, front_office, back_office\n", "front_office is no role"),
    (P, "g, trader, front_office\n", "g, staff, front_office\n", "cycle"),
    # the model
    (
        M,
        "e = some(where (p.eft == allow))\n",
        "e = some(where (p.eft == alow))\n",
        "not the allow-only model",
    ),
    (
        M,
        "e = some(where (p.eft == allow))\n",
        "e = !some(where (p.eft == deny))\n",
        "not the allow-only model",
    ),
    (M, "p = sub, act\n", "p = sub, act, eft\n", "not the allow-only model"),
    (M, "p = sub, act\n", "p = sub, act\np2 = sub, act\n", "not the allow-only model"),
    (M, "g(r.sub, p.sub) && ", "", "not the allow-only model"),
    (M, "r.act == p.act", "keyMatch(r.act, p.act)", "not the allow-only model"),
    (M, "[matchers]\n", "[matcher]\n", "not the allow-only model"),
]


@pytest.mark.parametrize(("file", "find", "replace", "what"), CELLS, ids=[f"{c[0]}-{c[3]}" for c in CELLS])
def test_a_hostile_line_is_refused_with_its_file_and_line(spoil, file, find, replace, what) -> None:
    at = (SHIPPED / file).read_text(encoding="utf-8").split(find)[0].count("\n") + 1

    with pytest.raises(PolicyError) as refused:
        load(spoil(file, find, replace))

    assert what in refused.value.what
    assert refused.value.file == file
    lines = replace.count("\n") or 1  # a second row is named where it stands, not where the first does
    assert at <= refused.value.line < at + lines or "cycle" in what
    assert str(refused.value) == f"{file}, line {refused.value.line}: {refused.value.what}"


def test_a_longer_circle_is_named_at_the_row_that_closes_it(spoil) -> None:
    directory = spoil("policy.csv", "g, trader, front_office\n", "g, trader, desk\ng, desk, trader\n")
    with pytest.raises(PolicyError, match=r"policy\.csv, line \d+: cycle: trader already belongs to desk"):
        load(directory)


def test_a_model_that_ends_early_is_refused(spoil) -> None:
    with pytest.raises(PolicyError, match=r"model\.conf, line 13: the model ends without"):
        load(spoil("model.conf", "m = g(r.sub, p.sub) && r.act == p.act\n", ""))


def test_evidence_packs_carry_every_file_of_the_policy_in_the_order_of_its_version() -> None:
    assert POLICY_FILES == FILES


@pytest.mark.parametrize("file", FILES)
def test_a_missing_file_is_refused(copy: Path, file: str) -> None:
    (copy / file).unlink()
    with pytest.raises(PolicyError, match=f"{file}, line 1: cannot be read"):
        load(copy)


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("content", [b"", b"\n", b"# only a comment\n"])
def test_an_empty_file_is_refused(copy: Path, file: str, content: bytes) -> None:
    (copy / file).write_bytes(content)
    with pytest.raises(PolicyError, match=rf"{file}, line \d+: (empty|the first row|the model ends)"):
        load(copy)


@pytest.mark.parametrize("file", FILES[2:])
def test_a_file_with_a_header_and_no_rows_is_refused(copy: Path, file: str) -> None:
    header, _, _ = (copy / file).read_text(encoding="utf-8").partition("\n")
    (copy / file).write_text(header + "\n", encoding="utf-8")
    with pytest.raises(PolicyError, match=f"{file}, line 1: empty"):
        load(copy)


@pytest.mark.parametrize("file", FILES[2:])
def test_a_file_without_its_header_is_refused(copy: Path, file: str) -> None:
    _, _, rest = (copy / file).read_text(encoding="utf-8").partition("\n")
    (copy / file).write_text(rest, encoding="utf-8")
    with pytest.raises(PolicyError, match=f"{file}, line 1: the first row must be"):
        load(copy)


def test_a_policy_with_memberships_alone_is_refused(copy: Path) -> None:
    (copy / "policy.csv").write_text(
        "g, front_office, staff\np, staff, session.open, sign in\n", encoding="utf-8"
    )
    with pytest.raises(PolicyError, match="no role may do anything"):
        load(copy)


@pytest.mark.parametrize("file", FILES)
def test_a_file_cut_off_in_its_last_line_is_refused(copy: Path, file: str) -> None:
    (copy / file).write_bytes((copy / file).read_bytes()[:-3])
    with pytest.raises(PolicyError, match=r"cut off|trailing blank"):
        load(copy)


@pytest.mark.parametrize(
    ("prefix", "what"),
    [
        (b"\xef\xbb\xbf", r"U\+FEFF in column 1"),
        (b"\xff\xfe", "not UTF-8"),
        (b"#" * FILE_BYTES_MAX, "longer than"),
    ],
)
@pytest.mark.parametrize("file", FILES)
def test_bytes_that_are_no_plain_text_are_refused(copy: Path, file: str, prefix: bytes, what: str) -> None:
    (copy / file).write_bytes(prefix + (copy / file).read_bytes())
    with pytest.raises(PolicyError, match=f"{file}, line 1: {what}"):
        load(copy)


def test_too_many_rows_are_refused(copy: Path) -> None:
    header = (copy / "tables.csv").read_text(encoding="utf-8").partition("\n")[0]
    many = "".join(f"trade.read, table_{number}, select, *\n" for number in range(5_001))
    (copy / "tables.csv").write_text(f"{header}\n{many}", encoding="utf-8")
    with pytest.raises(PolicyError, match=r"tables\.csv, line 5001: more than 5000 rows"):
        load(copy)


def test_comments_and_empty_lines_change_no_cell(copy: Path) -> None:
    before = load(copy).cells.keys()
    for file in FILES:
        (copy / file).write_bytes(b"# read by people\n\n" + (copy / file).read_bytes())
    assert load(copy).cells.keys() == before


@settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # each example writes its own byte back
)
@given(file=st.sampled_from(FILES), at=st.floats(0, 1, exclude_max=True), byte=st.integers(0, 255))
def test_one_other_byte_is_refused_or_makes_another_version(copy: Path, policy, file, at, byte) -> None:
    sound = (SHIPPED / file).read_bytes()
    place = int(at * len(sound))
    (copy / file).write_bytes(sound[:place] + bytes([byte]) + sound[place + 1 :])
    try:
        assert (load(copy).version == policy.version) is (sound[place] == byte)
    except PolicyError as error:
        named = (error.file, error.line >= 1)
        assert named in {(name, True) for name in FILES}
    finally:
        (copy / file).write_bytes(sound)
