"""Recorded decisions decided again by the policies they name: from the entries, and from the texts in a pack."""

import json
from pathlib import Path
from typing import Any

import pytest

from audit import replay, verify
from audit.__main__ import main
from audit.entry import encode
from audit.history import unknown_schemas
from audit.replay import Decision, Rules, UnreadableRules
from audit.report import Report, Status, Verdict
from tests.audit.logs import APART, KEY, NOW, RELEASER, TRADER, VERIFIER, Log, Story, caught, failed
from tests.audit.packs import TEXTS, Deals, Packs, judged

ROLES = {
    "r": ["log.genesis", "policy.publish"],
    "trader": ["trade.capture", "trade.return", "work.read"],
    "verifier": ["trade.verify", "trade.return", "settlement.release", "work.read"],
}
ROLE_OF = {TRADER: "trader", VERIFIER: "verifier", RELEASER: "verifier"}
POLICY_CSV = b"""# who may do what
g, back_office, staff
g, front_office, staff
g, trader, front_office
g, verifier, back_office
g, r, log
p, staff, work.read, everybody
p, r, log.genesis, begins
p, r, policy.publish, publishes
p, trader, trade.capture, deals
p, trader, trade.return, asks
p, verifier, trade.verify, controls
p, verifier, trade.return, controls
p, verifier, settlement.release, signs
"""
APART_CSV = b"""control, action, differs, scope, within_days, source, why
D-01, trade.verify, trade.capture trade.amend, trade, ever, a, b
D-02, settlement.release, settlement.instruct, object, ever, a, b
"""


class Judged(Deals):
    """A story whose policy says what each role may do, and whose entries say which rows decided."""

    def publish(self, policy: str, apart: list[dict[str, Any]]) -> bytes:
        if not hasattr(self, "policy") or policy != self.policy:
            return super().publish(policy, apart)
        data = {"policy": policy, "apart": apart, "roles": ROLES}
        return self.add("policy.publish", person="p:admin", data=data, policy=policy)

    def draft(self, act: str, **facts: Any) -> dict[str, Any]:
        entry = super().draft(act, **facts)
        role = ROLE_OF.get(entry["actor"]["person"], "r")
        entry["actor"]["roles"] = [role]
        controls = [row["rule"] for row in APART if row["act"] == act]
        if entry["decision"]["policy"] == getattr(self, "policy", None):
            entry["decision"]["rules"] = [f"P:{role}:{act}", *controls]
            if entry["decision"]["outcome"] == "refuse":
                entry["decision"]["rules"] = ["not_found"]
        return entry

    def spoil_last(self, **decision: Any) -> None:
        entry = json.loads(self.lines[-1])
        entry["decision"] |= decision
        self.lines[-1] = encode(entry)


@pytest.fixture
def story(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Judged:
    monkeypatch.setitem(TEXTS, "policy.csv", POLICY_CSV)
    monkeypatch.setitem(TEXTS, "apart.csv", APART_CSV)
    told = Judged(tmp_path / "policy")
    told.life("t-1")
    return told


def packed(story: Deals, tmp_path: Path) -> Report:
    return judged(Packs(tmp_path, story, Log(tmp_path, story.lines)).of_trade("t-1"))


def replayed(story: Story) -> replay.Replayed:
    return replay.replay(enumerate(json.loads(line) for line in story.lines))


def test_every_decision_comes_out_the_same_again(story: Judged, tmp_path: Path) -> None:
    report, found = packed(story, tmp_path), replayed(story)

    assert report.verdict is Verdict.VERIFIED, report.lines()
    assert "5 decisions were decided again by the policies they name." in report.remarks
    assert (found.decisions, found.skipped, found.first) == (5, 2, None)


FORGED = {
    "an act that the role does not have": ("trade.verify", TRADER, {}, "gives it to none of them"),
    "a refusal of what the role has": (
        "trade.capture",
        TRADER,
        {"outcome": "refuse", "rules": ["P:absent"]},
        "its policy gives it",
    ),
    "a row about another act": (
        "trade.capture",
        TRADER,
        {"rules": ["P:trader:trade.return"]},
        "which is no rule about that",
    ),
    "a row of another role": (
        "trade.return",
        TRADER,
        {"rules": ["P:verifier:trade.return"]},
        "which is no rule about that",
    ),
    "a control left out": (
        "trade.verify",
        VERIFIER,
        {"rules": ["P:verifier:trade.verify"]},
        "its policy demands",
    ),
    "a control that there is not": (
        "trade.capture",
        TRADER,
        {"rules": ["P:trader:trade.capture", "D-01"]},
        "its policy demands",
    ),
}


@pytest.mark.parametrize("forged", FORGED)
def test_a_decision_that_comes_out_otherwise_is_found(story: Judged, tmp_path: Path, forged: str) -> None:
    act, person, decision, said = FORGED[forged]
    story.add(act, person=person, trade="t-1", policy=story.policy)
    story.spoil_last(**decision)
    index = len(story.lines) - 1
    report, found = packed(story, tmp_path), replayed(story)

    assert failed(report) == {"V17"} or failed(report) == {"V16", "V17"}, report.lines()
    assert said in report.check("V17").sentence
    assert found.first is not None
    assert (found.differing, found.first[0]) == (1, index)
    assert said in found.first[1]


def test_a_refusal_of_four_eyes_needs_an_act_that_explains_it(story: Judged, tmp_path: Path) -> None:
    story.add("trade.verify", person=TRADER, trade="t-1", policy=story.policy, outcome="refuse")
    story.spoil_last(rules=["D-01"])
    assert packed(story, tmp_path).verdict is Verdict.VERIFIED

    story.add("trade.verify", person="p:nobody", trade="t-1", policy=story.policy, outcome="refuse")
    story.spoil_last(rules=["D-01"])
    (tmp_path / "again").mkdir()
    report = packed(story, tmp_path / "again")
    assert caught(report, "V17", len(story.lines) - 1)
    assert "its person had done nothing it bars" in report.check("V17").sentence


def test_a_staff_right_is_everybodys_who_belongs_to_a_staffed_office(story: Judged) -> None:
    story.add("work.read", person=TRADER, policy=story.policy)
    story.spoil_last(rules=["P:staff:work.read"])

    assert replayed(story).differing == 0


def test_a_publication_that_says_other_than_its_texts_is_found(
    story: Judged, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ROLES, "trader", [*ROLES["trader"], "trade.verify"])
    lax = Judged(tmp_path / "lax")
    lax.life("t-1")
    report = packed(lax, tmp_path)

    assert failed(report) == {"V17"}
    assert "tells other rules than the texts" in report.check("V17").sentence


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("policy.csv", b"x, trader, trade.capture, deals\n"),
        ("policy.csv", b"p, trader\n"),
        ("policy.csv", b"\xff\n"),
        ("policy.csv", b"#" * (replay.FILE_BYTES_MAX + 1)),
        ("apart.csv", b"control, action\nD-01\n"),
    ],
)
def test_texts_that_cannot_be_read_decide_nothing(tmp_path: Path, file: str, content: bytes) -> None:
    for name, text in {"policy.csv": POLICY_CSV, "apart.csv": APART_CSV, file: content}.items():
        (tmp_path / name).write_bytes(text)
    with pytest.raises(UnreadableRules):
        replay.read_texts(tmp_path)


@pytest.mark.parametrize(
    "data",
    [
        {"roles": 5, "apart": []},
        {"roles": {"r": "x"}, "apart": []},
        {"roles": {"r": [5]}, "apart": []},
        {"roles": {}},
        {"roles": {}, "apart": [{}]},
        {"roles": {}, "apart": [5]},
        {"roles": {}, "apart": [APART[0] | {"differs": "x"}]},
    ],
)
def test_a_publication_that_cannot_be_read_is_found(
    story: Judged, tmp_path: Path, data: dict[str, Any]
) -> None:
    with pytest.raises(UnreadableRules):
        replay.published(data)
    story.add(
        "policy.publish", person="p:admin", data=data | {"policy": "sha256:" + "e5" * 32}, policy=story.policy
    )

    assert replayed(story).differing == 1
    assert "V17" in failed(packed(story, tmp_path))


def test_decisions_by_several_policies_are_each_judged_by_their_own() -> None:
    told = Decision(1, "a.b", "p", ("r",), True, "one", ("P:r:a.b",), None)  # noqa: FBT003

    assert replay.differs(told, Rules({"r": frozenset({"a.b"})}, frozenset())) is None
    assert replay.differs(told, Rules({"r": frozenset()}, frozenset())) is not None


def test_the_command_line_replays_a_log_and_a_pack(
    story: Judged, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "audit.__main__.verify", lambda *args, **asked: verify.verify(*args, **asked, now=NOW)
    )
    packs = Packs(tmp_path, story, Log(tmp_path, story.lines))
    key = ["--key", str(KEY.verifier)]

    assert main(["replay", str(packs.log.directory), *key]) == 0
    assert "5 decisions were decided again" in capsys.readouterr().out
    assert main(["replay", str(tmp_path / "nothing"), *key]) == 64
    monkeypatch.setattr("audit.__main__.verify_bundle", lambda path, _: judged(path))
    assert main(["replay", str(packs.of_trade("t-1")), *key]) == 0
    story.add("trade.verify", person=TRADER, policy=story.policy)
    packs.log.grow(story.lines[-1:])
    assert main(["replay", str(packs.log.directory), *key]) == 1
    assert f"entry {len(story.lines) - 1}: trade.verify was allowed" in capsys.readouterr().out
    packs.log.checkpoint.write_bytes(b"")
    assert main(["replay", str(packs.log.directory), *key]) == 1


# Schemas -------------------------------------------------------------------------------------------

SCHEMA = "sha256:" + "5c" * 32


def test_a_start_is_on_a_schema_that_the_log_published_before(tmp_path: Path) -> None:
    story = Story()
    story.add("schema.publish", person="p:admin", data={"schema": SCHEMA})
    story.add("log.restart", person="p:admin", data={"schema": SCHEMA})
    report = Log(tmp_path, story.lines).verify()
    assert report.verdict is Verdict.VERIFIED, report.lines()
    assert report.check("V17").status is Status.OK


@pytest.mark.parametrize("named", ["sha256:" + "00" * 32, ["x"], 5])
def test_a_start_on_a_schema_that_nobody_published_is_found(tmp_path: Path, named: Any) -> None:
    story = Story()
    story.add("schema.publish", person="p:admin", data={"schema": SCHEMA}, outcome="refuse")
    story.add("log.restart", person="p:admin", data={"schema": named})

    assert caught(Log(tmp_path, story.lines).verify(), "V17", 3)


def test_a_schema_that_cannot_be_read_is_found(tmp_path: Path) -> None:
    story = Story()
    story.add("schema.publish", person="p:admin", data={"schema": "x"})

    assert caught(Log(tmp_path, story.lines).verify(), "V17", 2)
    assert unknown_schemas([]) == []
