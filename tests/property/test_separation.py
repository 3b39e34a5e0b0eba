"""Whatever happens in whatever order: nobody does two acts that a rule keeps apart, by any path."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import policies
from policies.policy import FILES
from tests.conftest import Template, a_copy
from tests.property.separation.oracle import Facts, Oracle, Rules, deed_of
from tests.property.separation.play import Play
from tests.property.separation.run import played, summary

SEEDS, STEPS = (1, 2), 60
SHIPPED = Rules({file: (Path(policies.__file__).parent / file).read_text(encoding="utf-8") for file in FILES})
NOON = datetime(2026, 10, 27, 12, tzinfo=UTC)
DESK, CONTROL = "desk", "control"
ROLE = {
    "trade.capture": "trader",
    "trade.verify": "verifier",
    "instruction.propose": "steward",
    "settlement.prepare": "settler",
    "settlement.release": "releaser",
    "journal.post": "svc_accounting",
}


def entry(act: str, person: str, *, trade: str | None = "deal", days: int = 0, **more: Any) -> bytes:
    """An entry of the log, as far as the second opinion reads it."""
    unit = DESK if act.startswith("trade.capture") else CONTROL
    actor = {"person": person, "unit": unit, "board": f"board of {unit}", "roles": [ROLE[act]]}
    written = {
        "id": f"{act} by {person}",
        "act": act,
        "ts": (NOON + timedelta(days=days)).isoformat(),
        "actor": actor | more.pop("actor", {}),
        "decision": {"outcome": more.pop("outcome", "allow"), "policy": "p"},
        "data": more.pop("data", {}),
        "links": {} if trade is None else {"trade": trade},
        "eff": [{"kind": kind, "id": key} for kind, key in more.pop("things", ())],
    }
    return json.dumps(written).encode()


def found(*entries: bytes, **facts: Any) -> list[str]:
    """What the second opinion says about a log of these entries."""
    functions = {DESK: "front_office", CONTROL: "back_office"}
    oracle = Oracle({"p": SHIPPED}, Facts(function=functions, **facts))
    for one in entries:
        if (deed := deed_of(one)) is not None:
            oracle.learn(deed)
    return [said.split(": ")[1].split()[0] for said in oracle.violations()]


CAPTURED = entry("trade.capture", "p")
LEG = [("settlement", "leg")]


def test_the_second_opinion_finds_what_is_planted() -> None:
    assert found(CAPTURED, entry("trade.verify", "q")) == []
    assert found(CAPTURED, entry("trade.verify", "p")) == ["D-01"]
    assert found(CAPTURED, entry("trade.verify", "p", trade="another")) == []
    assert found(CAPTURED, entry("trade.verify", "p", outcome="refuse")) == []
    assert found(CAPTURED, entry("trade.verify", "q", actor={"deputy_for": "p"})) == ["D-01"]
    assert found(CAPTURED, entry("journal.post", "service", actor={"owner": "p"})) == ["D-01"]
    mirrored = entry("trade.verify", "p", trade="leg two")
    assert found(CAPTURED, mirrored, mirrors={"leg two": "deal"}) == ["D-01"]


def test_the_second_opinion_knows_objects_and_what_they_rest_on() -> None:
    told = {"rows": {"settlement:leg": {"change": {"instruction_id": {"new": "route"}}}}}
    proposed = entry("instruction.propose", "r", trade=None, things=[("instruction", "route")])
    prepared = entry("settlement.prepare", "s", things=LEG, data=told)
    assert found(proposed, prepared, entry("settlement.release", "t", things=LEG)) == []
    assert found(proposed, prepared, entry("settlement.release", "s", things=LEG)) == ["D-02"]
    assert found(proposed, prepared, entry("settlement.release", "r", things=LEG)) == ["D-04"]
    assert found(proposed, prepared, entry("settlement.release", "r", things=LEG, days=366)) == []
    assert found(prepared, entry("settlement.release", "s", things=[("settlement", "other leg")])) == []


def test_the_second_opinion_knows_moves_units_and_roles() -> None:
    moves = {"p": [(date(2026, 1, 1), DESK), (date(2026, 8, 31), CONTROL)]}
    theirs = {"moves": moves, "desk": {"deal": DESK}}
    checked = entry("trade.verify", "p")
    assert found(checked, **theirs) == ["D-12"]
    assert found(entry("trade.verify", "p", days=123), **theirs) == ["D-12"]  # 27 February
    assert found(entry("trade.verify", "p", days=124), **theirs) == []  # the 28th stands for a 31st
    assert found(checked, moves=moves, desk={"deal": "another desk"}) == []
    assert found(entry("trade.verify", "q", actor={"unit": DESK})) == ["SEG-04"]
    assert found(CAPTURED, entry("trade.verify", "q", actor={"board": f"board of {DESK}"})) == ["SEG-04"]
    assert found(entry("trade.verify", "q", actor={"roles": ["confirmer"]})) == ["trade.verify"]
    assert found(entry("trade.verify", "q", actor={"roles": ["verifier", "trader"]})) == ["S-01"]


async def one_run(template: Template, folder: Path, seed: int, steps: int) -> Play:
    async with a_copy(template, folder / f"bank-{seed}") as world:
        play = await played(world, seed, steps)
    print("\n".join(summary(play)))
    return play


async def test_nobody_does_two_acts_that_a_rule_keeps_apart_by_any_path(
    template: Template, tmp_path: Path
) -> None:
    plays = [await one_run(template, tmp_path, seed, STEPS) for seed in SEEDS]

    allowed = sum(n for play in plays for (_, outcome), n in play.tally.items() if outcome == "allowed")
    refused = sum(n for play in plays for (_, outcome), n in play.tally.items() if outcome == "refused")
    assert allowed >= len(SEEDS) * STEPS // 2, "a bank in which nothing is allowed proves nothing"
    assert allowed >= refused // 2
    assert sum(sum(play.forbidden.values()) for play in plays) >= len(SEEDS) * STEPS // 8
    assert sum(play.forbidden["TRD-19"] for play in plays) > 0, "nobody knocked while absent"
    for path in ("api", "batch", "command line", "raw SQL"):
        assert sum(play.tally[path, "refused"] for play in plays) > 0, path
    for path in ("api", "batch", "command line", "second account", "service account"):
        assert sum(play.tally[path, "allowed"] for play in plays) > 0, path


@pytest.mark.long
@settings(
    max_examples=20,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(seed=st.integers(min_value=3, max_value=2**32))
async def test_nor_in_any_other_stretch_of_the_banks_life(
    template: Template, tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    play = await one_run(template, Path(tmp_path_factory.mktemp("play")), seed, 250)

    assert sum(play.forbidden.values()) > 0
