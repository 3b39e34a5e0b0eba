"""``trennwand report``: a report for examiners from the command line, with an account's own rights."""

import argparse
import csv
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action
from service import cli
from service.cli import Exit, Outcome
from service.compliance import evidence
from service.gate import Gate
from service.kernel.actor import Actor
from service.kernel.errors import NotPermitted, Refusal
from service.reports import asking
from service.reports.tables import REPORTS
from service.settings import Settings

FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked on the command line; with ``out`` the report leaves the house as a pack and a table."""

    name: str
    on: str
    purpose: str
    act: str | None = None
    out: Path | None = None


def add_command(
    commands: Any, common: argparse.ArgumentParser, run: Callable[[argparse.Namespace], int]
) -> None:
    """Add ``report``."""
    report = commands.add_parser(
        "report", parents=[common], help="tell examiners who could do what on a date, with proof"
    )
    report.add_argument("name", choices=sorted(REPORTS), metavar="NAME", help=", ".join(sorted(REPORTS)))
    report.add_argument(
        "--on", required=True, metavar="DATE", help="a day (its end in Berlin), or a time with its zone"
    )
    report.add_argument("--purpose", required=True, metavar="TEXT", help="what for; it stands in the log")
    report.add_argument("--act", metavar="ACTION", help="of the report `able` (settlement.release)")
    report.add_argument(
        "--out", type=Path, metavar="DIR", help="write the table and the pack with the proofs there"
    )
    report.add_argument("--as", dest="account", required=True, metavar="ACCOUNT", help="who asks")
    report.add_argument("--password-stdin", action="store_true", help="read the password from standard input")
    report.set_defaults(run=run, stands=(Action.REPORT_READ, Action.EVIDENCE_EXPORT))


async def report(settings: Settings, server_url: str, account: str, password: str, wish: Wish) -> Outcome:
    """Sign in, make the report, write down that somebody looked and what for, sign out."""

    async def do(gate: Gate, actor: Actor) -> Outcome:
        try:
            return await _made(gate, settings, actor, wish)
        except Refusal as refusal:
            if refusal.decision is None:
                await gate.refuse(actor, Action.REPORT_READ, refusal)
            return cli.refused(refusal)

    return await cli.signed_in(settings, server_url, account, password, do)


async def _made(gate: Gate, settings: Settings, actor: Actor, wish: Wish) -> Outcome:
    decision = gate.policy.decide(actor.roles, Action.REPORT_READ)
    if not decision.allowed:
        raise NotPermitted(decision.reason, rule=decision.rule)
    purpose = asking.must_say_why(wish.purpose)
    wanted = asking.asked(gate, wish.name, wish.on, wish.act)
    query = f"on={quote(wish.on)}&purpose={quote(purpose)}" + (f"&act={quote(wish.act)}" if wish.act else "")
    await gate.record_read(actor, Action.REPORT_READ, path=f"/api/reports/{wish.name}", query=query)
    engine = gate.offices[actor.office].execution_options(postgresql_readonly=True)
    async with AsyncSession(engine) as session:
        told = await asking.view(session, gate, wanted)
        if wish.out is None:
            return Outcome(Exit.OK, told)
        done = await asking.export(session, gate, settings, actor, wanted, purpose)
    digest = str(done.answer["sha256"])
    wish.out.mkdir(parents=True, exist_ok=True)
    table, pack = wish.out / f"{wish.name}.csv", wish.out / f"{wish.name}.zip"
    write_table(table, told)
    shutil.copyfile(evidence.file_of(settings, actor, digest), pack)
    return Outcome(
        Exit.OK, {**done.answer, "rows": len(told["rows"]), "table": str(table), "pack": str(pack)}
    )


def write_table(path: Path, told: Mapping[str, Any]) -> None:
    """Write a report as a table that no spreadsheet takes for formulas."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        for row in (told["columns"], *told["rows"]):
            writer.writerow([f"'{cell}" if cell.startswith(FORMULA) else cell for cell in row])


def shown(outcome: Outcome) -> Outcome:
    """Return the outcome as people read it: a row is a line."""
    rows = outcome.told.get("rows")
    if not isinstance(rows, list):
        return outcome
    lines = [json.dumps(row, ensure_ascii=False)[1:-1] for row in rows]
    return Outcome(outcome.exit, {**outcome.told, "rows": lines})
