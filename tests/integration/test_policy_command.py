"""The policy is changed from the command line: with each account's own rights, and by nobody else."""

import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from policies.vocabulary import Office
from service import cli
from service.__main__ import main, parser
from service.bank import Bank
from service.cli import Exit, Outcome
from service.kernel import embedded
from service.policy_command import activate, shown, work_of
from tests.bank import PASSWORD
from tests.drafts import CAPTURE, GOOD, files
from tests.playing import alone

GAIN = "p, policy_approver, policy.read, sees what a change gives and takes\n"
WIDER = files(("policy.csv", GAIN, GAIN + "p, policy_approver, fixing.read, knows the rates\n"))


@pytest.fixture(scope="module")
async def bank(server: embedded.Server, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bank]:
    """Give one bank to all tests here; whoever drafts turns the draft down, and the last puts one in force.

    It does not put one in force by itself as a served bank would, which now and then is quicker than the command.
    """
    async with alone(server.url(), tmp_path_factory.mktemp("bank")) as opened:
        yield opened


def directory(at: Path, texts: dict[str, str]) -> Path:
    at.mkdir(exist_ok=True)
    for file, content in texts.items():
        (at / file).write_text(content, encoding="utf-8")
    return at


async def policy(bank: Bank, step: str, *more: object, by: str) -> Outcome:
    """Do what ``trennwand policy`` does, beside the running service."""
    asked = parser().parse_args(["policy", step, *map(str, more), "--as", by])
    do = work_of(asked, step)
    assert do is not None
    return await cli.signed_in(bank.settings, bank.admin_url, by, PASSWORD, do)


async def drafted(
    bank: Bank, at: Path, texts: dict[str, str] = GOOD, by: str = "policy-author", seconds: float = 3600.0
) -> Outcome:
    since = (bank.gate.clock.now() + timedelta(seconds=seconds)).isoformat()
    why = "the verifier compares with the books"
    return await policy(bank, "draft", directory(at, texts), "--from", since, "--reason", why, by=by)


async def decided(bank: Bank, draft: Outcome, by: str, step: str = "approve") -> Outcome:
    reason = ("--reason", "not needed") if step == "refuse" else ()
    return await policy(bank, step, draft.told["id"], "--version", draft.told["version"], *reason, by=by)


def refused(outcome: Outcome) -> tuple[Exit, str, str | None]:
    assert outcome.told["decision"]  # every no is an entry of the log
    return outcome.exit, outcome.told["code"], outcome.told.get("rule")


async def test_D_15_nobody_approves_a_change_that_raises_their_own_rights(bank: Bank, tmp_path: Path) -> None:
    draft = await drafted(bank, tmp_path, WIDER)
    approval = await decided(bank, draft, "policy-approver")
    assert refused(approval) == (Exit.REFUSED, "own_gain", "D-15")
    assert (await decided(bank, draft, "policy-approver", "refuse")).exit is Exit.OK


@pytest.mark.parametrize(
    ("find", "replace", "what"),
    [
        (CAPTURE, CAPTURE + "p, trader, trade.verify, planted\n", "trader"),
        (CAPTURE, CAPTURE + "p, trader, limit.vote, planted\n", "ORG-14"),
    ],
)
async def test_ORG_14_a_change_that_a_proof_refutes_is_not_even_kept(
    bank: Bank, tmp_path: Path, find: str, replace: str, what: str
) -> None:
    answer = await drafted(bank, tmp_path, files(("policy.csv", find, replace)))
    assert refused(answer) == (Exit.REFUSED, "policy_objection", "ORG-14")
    assert what in answer.told["detail"]


@pytest.mark.parametrize(
    ("replace", "what"),
    [
        (CAPTURE.replace("trade.capture", "trade.captrue"), "unknown action"),
        (CAPTURE.replace("trader", "tr\u0430der"), "U+0430"),
        (CAPTURE.replace("trader,", "trader, back_office,"), "no effect to state"),
    ],
)
async def test_ORG_13_what_reads_two_ways_is_refused_with_file_and_line(
    bank: Bank, tmp_path: Path, replace: str, what: str
) -> None:
    texts = files(("policy.csv", CAPTURE, replace))
    line = texts["policy.csv"][: texts["policy.csv"].index(replace)].count("\n") + 1
    answer = await drafted(bank, tmp_path, texts)
    assert refused(answer) == (Exit.REFUSED, "unreadable_policy", "ORG-13")
    assert answer.told["detail"].startswith(f"policy.csv, line {line}: ")
    assert what in answer.told["detail"]


def test_ORG_13_a_directory_that_is_no_policy_names_the_file_and_starts_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = directory(tmp_path / "whole", GOOD)
    (whole / "apart.csv").unlink()
    stray = directory(tmp_path / "stray", GOOD)
    (stray / "apart2.csv").write_text("# nobody reads this\n")
    broken = directory(tmp_path / "broken", GOOD)
    (broken / "tasks.csv").write_bytes(b"# one\n# tw\xf6\n")
    for at, said in (
        (tmp_path / "none", "model.conf, line 1: cannot be read: No such file or directory"),
        (whole, "apart.csv, line 1: cannot be read: No such file or directory"),
        (stray, "apart2.csv, line 1: is no file of the policy"),
        (broken, "tasks.csv, line 2: is not written in UTF-8"),
    ):
        more = ["--from", "2030-01-01", "--reason", "why", "--as", "policy-author", "--json"]
        assert main(["policy", "draft", str(at), *more, "--data", str(tmp_path)]) == Exit.FAILED
        assert said in json.loads(capsys.readouterr().out)["wrong"]


def test_a_step_that_says_too_little_is_a_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    for wrong in (
        [],
        ["draft", "."],
        ["show", "nothing", "--as", "compliance"],
        ["approve", "01900000-0000-7000-8000-000000000000", "--as", "policy-approver"],
    ):
        with pytest.raises(SystemExit) as left:
            main(["policy", *wrong])
        assert left.value.code == Exit.USAGE
    assert "usage: trennwand policy" in capsys.readouterr().err


async def test_S_15_D_15_three_people_and_nobody_else_change_the_policy_from_the_command_line(
    bank: Bank, tmp_path: Path
) -> None:
    draft = await drafted(bank, tmp_path, seconds=15)
    assert (await activate(bank.settings, bank.admin_url)).exit is Exit.CONFLICT
    for by in ("policy-author", "trader"):
        assert refused(await decided(bank, draft, by))[:2] == (Exit.REFUSED, "not_permitted"), by
    assert refused(await policy(bank, "list", by="trader"))[:2] == (Exit.REFUSED, "not_permitted")
    await an_approver_sees(bank, draft)

    once = await decided(bank, draft, "policy-approver")
    assert once.told["state"] == "endorsed"
    again = await decided(bank, once, "policy-approver")
    assert refused(again) == (Exit.CONFLICT, "approved_before", None)
    assert (await decided(bank, draft, "other-policy-approver")).exit is Exit.CONFLICT  # an old version
    twice = await decided(bank, once, "other-policy-approver")
    assert (twice.exit, twice.told["state"]) == (Exit.OK, "approved")

    due = datetime.fromisoformat(twice.told["effective_at"])
    while (done := await activate(bank.settings, bank.admin_url)).exit is Exit.CONFLICT:
        assert bank.gate.clock.now() < due + timedelta(seconds=120)
    assert (done.exit, done.told["policy"]) == (Exit.OK, draft.told["policy"])
    async with bank.offices[Office.LOG].connect() as connection:
        assert await connection.scalar(text("SELECT public.policy_now()")) == draft.told["policy"]


async def an_approver_sees(bank: Bank, draft: Outcome) -> None:
    waiting = shown(await policy(bank, "list", by="policy-approver")).told["items"]
    assert waiting[0].startswith(f"{draft.told['id']} version 1 drafted from ")
    told = (await policy(bank, "show", draft.told["id"], by="policy-approver")).told
    assert "Verifier (verifier) may now: Read balances (balance.read)" in told["changes"]["en"]
    assert "Geschäftskontrolle (verifier) darf neu: Salden lesen (balance.read)" in told["changes"]["de"]
    assert told["objections"] == []
    assert told["simulation"]["decisions"] > 0
    nowhere = await policy(bank, "show", "01900000-0000-7000-8000-000000000000", by="policy-author")
    assert nowhere.told["status"] == 404
