"""What auditors and the pipeline type."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from policies import __main__ as command_line
from policies.__main__ import main
from policies.lives import LIVES, SENTENCE

CAPTURE = "p, trader, trade.capture, strikes deals for the book under an own trader id\n"


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    code = main(arguments)
    return code, capsys.readouterr().out


def test_check_finds_nothing(capsys) -> None:
    code, out = said(capsys, "check")
    assert code == 0
    assert out.startswith("policy sha256:")
    assert out.endswith("\n0 findings\n")


def test_check_names_an_act_that_nobody_may_do(capsys, spoil) -> None:
    directory = spoil(
        "policy.csv", "p, svc_log, session.noise, counts unauthenticated noise by the minute\n", ""
    )
    code, out = said(capsys, "--policy", str(directory), "check")
    assert code == 1
    assert "nobody may session.noise\n1 findings\n" in out


def test_check_names_a_side_that_nobody_holds(capsys, spoil) -> None:
    directory = spoil("policy.csv", "p, svc_log, policy.publish, records which policy is in force\n", "")
    code, out = said(capsys, "--policy", str(directory), "check")
    assert code == 1
    assert "nobody holds policy.publish" in out


def test_check_names_a_table_that_is_written_and_not_read(capsys, spoil) -> None:
    directory = spoil("tables.csv", "instruction.read, instruction, select, *\n", "")
    code, out = said(capsys, "--policy", str(directory), "check")
    assert code == 1
    assert "tables.csv: master_data may insert instruction and not read it" in out


def test_a_malformed_policy_is_an_error_with_file_and_line(capsys, spoil) -> None:
    directory = spoil("policy.csv", CAPTURE, CAPTURE.replace("capture", "captrue"))
    assert main(["--policy", str(directory), "check"]) == 1
    assert "error: policy.csv, line " in capsys.readouterr().err


def test_prove_prints_what_it_enumerated_and_ends_both_proofs_with_the_sentence(capsys, policy) -> None:
    started = time.process_time()  # its own seconds: other tests run beside it
    code, out = said(capsys, "prove")

    assert code == 0
    assert time.process_time() - started < 10
    blocks = out.split("\n\n")
    assert blocks[1].startswith("static: ")
    assert f"of {2 ** len(policy.roles):,} sets of roles, " in blocks[1]
    assert blocks[1].endswith(f"\n0 {SENTENCE}")
    assert blocks[1 + len(LIVES)].startswith("history of a trade: ")
    assert blocks[1 + len(LIVES)].endswith(f"\n0 {SENTENCE}")
    assert blocks[-1].startswith("proved in ")


def test_prove_prints_the_two_roles_that_meet(capsys, spoil) -> None:
    directory = spoil("policy.csv", CAPTURE, CAPTURE + "p, trader, trade.verify, planted\n")
    code, out = said(capsys, "--policy", str(directory), "prove")
    assert code == 1
    assert (
        f"counter-example: one person holds trader (amendment.request) and trader (trade.verify)\n1 {SENTENCE}"
        in out
    )
    assert "REFUTED" in out


def test_prove_prints_the_way_one_person_took(capsys, copy: Path, monkeypatch) -> None:
    monkeypatch.setattr(command_line, "PERSONS", 1)
    rows = (copy / "apart.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [row for row in rows if not row.startswith("D-01, trade.verify, ")]
    (copy / "apart.csv").write_text("".join(kept), encoding="utf-8")

    code, out = said(capsys, "--policy", str(copy), "prove")

    assert code == 1
    assert f"counter-example: person 1 internal.offer, person 1 trade.verify\n1 {SENTENCE}" in out


def test_matrix_is_printed_or_redrawn(capsys, tmp_path: Path, monkeypatch) -> None:
    code, out = said(capsys, "matrix")
    assert code == 0
    monkeypatch.setattr(command_line, "MATRIX", tmp_path / "matrix.txt")
    assert said(capsys, "matrix", "--write") == (0, "")
    assert (tmp_path / "matrix.txt").read_text(encoding="utf-8") == out


def test_who_can_and_what_can(capsys) -> None:
    assert said(capsys, "who-can", "trade.verify") == (
        0,
        "verifier (back_office): agrees the terms of a captured deal\n",
    )
    code, out = said(capsys, "what-can", "svc_front_office")
    assert code == 0
    assert [line.partition(":")[0] for line in out.splitlines()] == [
        *("delegation.end", "delegation.read", "delegation.request", "escalation.lead"),
        "explanation.read",
        *("password.change", "position.unwind", "power.read", "session.close", "session.open"),
        *("trade.amend", "trade.read", "work.leave", "work.read", "work.take"),
    ]


def test_explain_says_why_and_what_else_stands_in_the_way(capsys) -> None:
    code, out = said(capsys, "explain", "trader", "trade.verify")
    assert code == 0
    assert out.startswith("trader (front_office) may not trade.verify: no row of policy.csv")
    assert (
        "D-01: refused to whoever did amendment.request, cancellation.request, internal.accept, internal.offer, "
        "trade.capture, trade.resubmit on the same trade" in out
    )
    assert "S-01 (H): never together with office:back_office" in out
    _, out = said(capsys, "explain", "releaser", "settlement.release")
    assert "  policy.csv, line " in out
    assert "within 365 days" in out
    assert "  database: update settlement (state, rev, signed_by, released_by)" in out


def test_grants_are_sql(capsys) -> None:
    code, out = said(capsys, "grants", "--prefix", "bank")
    assert code == 0
    assert all(line.startswith("GRANT ") and line.endswith('";') for line in out.splitlines())


def test_diff_tells_what_is_gained_lost_and_changed(capsys, copy: Path, tmp_path_factory) -> None:
    new = tmp_path_factory.mktemp("new")
    for file in copy.iterdir():
        text = file.read_text(encoding="utf-8")
        text = text.replace("p, trader, position.read, sees the positions of the desk\n", "")
        text = text.replace("g, counsel, legal", "g, counsel, compliance")
        text = text.replace("p, counsel, party.read, knows the parties of an agreement\n", "")
        text = text.replace("g, svc_legal, legal\n", "g, svc_legal, legal\n\np, counsel, log.read, planted\n")
        text = "".join(
            line
            for line in text.splitlines(keepends=True)
            if not line.startswith(("S-20", "D-03, request.r"))
        )
        (new / file.name).write_text(text, encoding="utf-8")

    code, out = said(capsys, "diff", str(copy), str(new))

    assert code == 0
    assert out.splitlines() == [
        "+ counsel may log.read",
        "- counsel may party.read",
        "~ counsel: office legal becomes compliance",
        "- trader may position.read",
        "- S-20 (C) office:risk_control x office:accounting",
        "- D-03 request.refuse differs from amendment.request cancellation.request (trade, ever)",
    ]
    assert said(capsys, "diff", str(copy), str(copy)) == (0, "no difference\n")


@pytest.mark.parametrize(
    "arguments", [[], ["who-can", "trade.captrue"], ["explain", "trader", "x"], ["delete"], ["who-can"]]
)
def test_a_misspelt_command_is_a_usage_error(capsys, arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2


@pytest.mark.parametrize("arguments", [["what-can", "trador"], ["explain", "Trader", "trade.capture"]])
def test_an_unknown_role_is_a_usage_error(capsys, arguments: list[str]) -> None:
    assert main(arguments) == 2
    assert "unknown role" in capsys.readouterr().err


def test_it_runs_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "policies", "check"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.endswith("0 findings\n")
