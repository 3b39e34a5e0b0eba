"""The command line: ``trennwand`` or ``python -m service``.

Exit codes: 0 ok, 1 error, 2 usage, 3 refused, 4 conflict, 5 integrity.
"""

import argparse
import getpass
import json
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime, time
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

from audit.keys import UnusableKey
from audit.signer import InconsistentExtension, SignerMemoryLost, SignerUnreachable
from audit.signer_client import AnotherSigner
from policies.policy import load as load_policy
from policies.vocabulary import READS, Action, Office
from service import bank as banks
from service import cli, journal, keyholding, matrix, policy_command, reporting, running, safekeeping, split
from service.acts import FACE_ONLY
from service.app import every_route
from service.audit_trail.sequencer import LogContradiction
from service.cli import Act, Exit, NoBank, tell
from service.compliance.evidence import Wish
from service.compliance.queries import BadInstant, instant
from service.deal_files import Import, import_file
from service.demo import run as demo
from service.demo.plan import DEALS, DEALS_MIN
from service.importing.outcomes import moment_or_time
from service.importing.rows import Defaults
from service.kernel.embedded import CannotStart, NoServerBinaries
from service.matrix import Operates, Ungoverned
from service.migrations.schema import SchemaDiffers
from service.production import NotForProduction
from service.running import CannotServe, Stopped
from service.settings import BadSettings, Settings, load
from service.staff_files import StaffFile, report_staff

DEMO = Operates("opens a demo bank and plays its accounts; refused in production")
OBSTACLES = (
    AnotherSigner,
    BadSettings,
    CannotServe,
    CannotStart,
    InconsistentExtension,
    NoBank,
    NoServerBinaries,
    NotForProduction,
    demo.NotADemo,
    SchemaDiffers,
    SignerMemoryLost,
    SignerUnreachable,
    Stopped,
    Ungoverned,
    UnusableKey,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    known = parser()
    asked = known.parse_args(arguments)
    journal.set_up("text")
    try:
        matrix.must_be_governed(matrix.commands(known), load_policy())
        code = int(asked.run(asked))
        sys.stdout.flush()
    except BrokenPipeError:  # whoever reads has closed the pipe; what was done is done
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        print("trennwand: nobody reads on", file=sys.stderr)
        return Exit.FAILED
    except LogContradiction as broken:
        print(f"trennwand: {broken}", file=sys.stderr)
        return Exit.INTEGRITY
    except OBSTACLES as obstacle:
        print(f"trennwand: {obstacle}", file=sys.stderr)
        return Exit.FAILED
    except KeyboardInterrupt:
        return Exit.FAILED
    return code


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--data", type=Path, default=Path(".data"), metavar="DIR", help="the bank's data (.data)"
    )
    common.add_argument("--json", action="store_true", help="print one JSON object")
    top = argparse.ArgumentParser(prog="trennwand", description=__doc__)
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    run = commands.add_parser(
        "run", parents=[common], help="open the demo bank, play its days, verify, serve"
    )
    run.add_argument("--no-serve", action="store_true", help="end after the verification")
    run.add_argument("--port", type=port, metavar="N")
    add_days(run)
    run.set_defaults(run=run_demo, stands=DEMO)

    day = commands.add_parser("day", parents=[common], help="open the demo bank, play its days, verify")
    add_days(day)
    day.set_defaults(run=run_demo, no_serve=True, port=None, stands=DEMO)

    add_serving(commands, common)

    act = commands.add_parser("act", parents=[common], help="do one act with an account's own rights")
    act.add_argument("action", metavar="ACTION", help="for instance trade.verify")
    act.add_argument("--account", required=True, metavar="NAME")
    act.add_argument("--password-stdin", action="store_true", help="read the password from standard input")
    act.add_argument("--key", metavar="KEY", help="idempotency key: the same key and command answer the same")
    act.add_argument("--command", required=True, metavar="JSON", help="the command's fields")
    act.set_defaults(run=run_act, stands=tuple(sorted(set(Action) - READS - FACE_ONLY)))

    add_import(commands, common)
    add_staff(commands, common)

    migrate = commands.add_parser("migrate", parents=[common], help="bring the database up to this release")
    migrate.add_argument(
        "--check", action="store_true", help="only compare migrations and tables, on an empty database"
    )
    migrate.set_defaults(run=run_migrate, stands=Operates("needs the database's administrator"))

    add_evidence(commands, common)
    reporting.add_command(commands, common, run_report)
    safekeeping.add_commands(commands, common)
    keyholding.add_commands(commands, common, tell)
    policy_command.add_command(commands, common, tell, moment)

    doctor = commands.add_parser("doctor", parents=[common], help="examine the bank without changing it")
    doctor.set_defaults(run=run_doctor, stands=Operates("looks on and changes nothing; needs every login"))

    listed = commands.add_parser(
        "matrix", help="list every route, command and job with its act and who may do it"
    )
    listed.set_defaults(run=run_matrix, stands=Operates("prints what the program is, without a bank"))
    return top


def add_serving(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add serving, whole or in parts, and what the parts are made of."""
    serve = commands.add_parser("serve", parents=[common], help="serve the bank that is there")
    serve.add_argument("--port", type=port, metavar="N")
    serve.add_argument("--self-check", action="store_true", help="hold the books against the log now too")
    whole_or_part = serve.add_mutually_exclusive_group()
    whole_or_part.add_argument(
        "--split", action="store_true", help="one process for each office, behind one address"
    )
    whole_or_part.add_argument(
        "--offices", type=offices, metavar="OFFICE,…", help="only these, knowing no other office's login"
    )
    whole_or_part.add_argument(
        "--beside", action="store_true", help="join the node that serves this bank already, on another port"
    )
    serve.add_argument(
        "--sockets", type=Path, metavar="DIR", help="with --offices: where the bank's processes meet"
    )
    serve.add_argument("--attached", action="store_true", help="with --offices: end with standard input")
    serve.set_defaults(
        run=run_service, stands=Operates("serves with the logins it was given, and acts for nobody")
    )

    divide = commands.add_parser(
        "divide", parents=[common], help="write a directory for each office: its login, and nothing more"
    )
    divide.set_defaults(run=run_divide, stands=Operates("needs the database's administrator"))


def add_import(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the import of deals, with what foreign formats leave unsaid."""
    command = commands.add_parser(
        "import",
        parents=[common],
        help="enter the deals of a file as one person; a rerun enters nothing twice",
    )
    command.add_argument("file", type=Path, metavar="FILE")
    command.add_argument("--as", dest="account", required=True, metavar="ACCOUNT", help="who enters them")
    command.add_argument(
        "--password-stdin", action="store_true", help="read the password from standard input"
    )
    command.add_argument("--preview", action="store_true", help="only say what would become of each row")
    command.add_argument("--report", type=Path, metavar="FILE.csv", help="tell the rows there")
    command.add_argument("--format", choices=("own", "strata", "fpml"), help="by the file's content")
    foreign = command.add_argument_group("what Strata and FpML files do not say")
    foreign.add_argument("--portfolio", metavar="NAME")
    foreign.add_argument(
        "--counterparty",
        action="append",
        default=[],
        metavar="LEI|NAME=LEI",
        help="of every row, or of those that name it so",
    )
    foreign.add_argument(
        "--executed-at",
        type=struck,
        metavar="T",
        help="a time with its zone, or a time of day on each trade date (in Berlin)",
    )
    foreign.add_argument("--side-agreements", default="none", metavar="TEXT", help="none unless said")
    foreign.add_argument("--location", choices=("premises", "home_office", "other"))
    foreign.add_argument("--roll", choices=("following",), help="move days on which nobody pays")
    foreign.add_argument(
        "--we-are",
        metavar="PARTY|LEI",
        help="which party of a document we are; by default the one with our LEI",
    )
    command.set_defaults(run=run_import, stands=Action.TRADE_CAPTURE)


def add_staff(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the report of joiners, movers and leavers."""
    command = commands.add_parser(
        "staff",
        parents=[common],
        help="report the joiners, movers and leavers of a file; a rerun reports nothing twice",
    )
    command.add_argument("file", type=Path, metavar="FILE")
    command.add_argument("--as", dest="account", required=True, metavar="ACCOUNT", help="who reports them")
    command.add_argument(
        "--password-stdin", action="store_true", help="read the password from standard input"
    )
    command.add_argument("--report", type=Path, metavar="FILE.csv", help="tell the rows there")
    command.set_defaults(run=run_staff, stands=Action.STAFF_EVENT_RECORD)


def add_evidence(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add what examiners ask for: evidence packs, and the past told again from the log."""
    export = commands.add_parser(
        "export", parents=[common], help="export evidence as one file, with a reason"
    )
    about = export.add_mutually_exclusive_group(required=True)
    about.add_argument("--trade", type=UUID, metavar="ID")
    about.add_argument("--person", type=UUID, metavar="ID")
    about.add_argument(
        "--from", dest="since", type=moment, metavar="T", help="a day, or a time with its zone"
    )
    about.add_argument("--rows", action="store_true", help="every business row, to reconcile with the log")
    export.add_argument("--to", dest="before", type=moment, metavar="T", help="exclusive")
    export.add_argument("--reason", required=True, metavar="TEXT", help="why; it stands in the log")
    export.add_argument("--as", dest="account", required=True, metavar="ACCOUNT", help="who asks")
    export.add_argument("--password-stdin", action="store_true", help="read the password from standard input")
    export.add_argument("--out", type=Path, metavar="FILE", help="also copy the pack there")
    export.set_defaults(run=run_export, stands=Action.EVIDENCE_EXPORT)

    rebuild = commands.add_parser("rebuild", parents=[common], help="tell the past again from the log alone")
    what = rebuild.add_mutually_exclusive_group(required=True)
    what.add_argument("--trade", type=UUID, metavar="ID")
    what.add_argument("--account", type=UUID, metavar="ID", help="the rights of an account")
    for whole, said in (
        ("rights", "who could do what: every account with its acts"),
        ("balances", "what stood on every account"),
        ("limits", "what deals held of every limit"),
    ):
        what.add_argument(f"--{whole}", dest="whole", action="store_const", const=whole, help=said)
    what.add_argument(
        "--check", action="store_true", help="rebuild every deal and compare with what is stored"
    )
    rebuild.add_argument("--as-of", type=moment, metavar="T", help="a day, or a time with its zone (now)")
    rebuild.set_defaults(run=run_rebuild, stands=Operates("reads the log's files, as whoever has them can"))


def add_days(command: argparse.ArgumentParser) -> None:
    """Add what the days can be told."""
    command.add_argument("--fresh", action="store_true", help="delete the bank and begin anew")
    command.add_argument("--deals", type=deals, default=DEALS, metavar="N", help=f"deals to strike ({DEALS})")


def port(text: str) -> int:
    """Read a port; 0 takes a free one."""
    if not text.isascii() or not text.isdigit() or int(text) > 65_535:  # noqa: PLR2004
        raise argparse.ArgumentTypeError(f"{text!r} is no port from 0 to 65535")
    return int(text)


def offices(text: str) -> tuple[Office, ...]:
    """Read the offices that a process serves, each once."""
    try:
        return tuple(dict.fromkeys(Office(name) for name in text.split(",")))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} names no offices; there are {', '.join(Office)}"
        ) from None


def moment(text: str) -> datetime:
    """Read a time with its zone, or the beginning of a day."""
    try:
        found = instant(text, "time")
    except BadInstant as bad:
        raise argparse.ArgumentTypeError(str(bad)) from bad
    assert found is not None
    return found


def struck(text: str) -> datetime | time:
    """Read when deals were struck."""
    try:
        return moment_or_time(text)
    except ValueError as bad:
        raise argparse.ArgumentTypeError(str(bad)) from bad


def deals(text: str) -> int:
    """Read a number of deals: enough for every story."""
    if not text.isascii() or not text.isdigit() or not DEALS_MIN <= int(text) <= 100_000:  # noqa: PLR2004
        raise argparse.ArgumentTypeError(f"{text!r} is no number of deals from {DEALS_MIN} to 100000")
    return int(text)


def run_demo(asked: argparse.Namespace) -> int:
    """Commands ``run`` and ``day``."""
    wishes = demo.Wishes(
        serve=not asked.no_serve, port=asked.port, fresh=asked.fresh, deals=asked.deals, json=asked.json
    )
    return demo.run(settings(asked), wishes)


def run_matrix(_: argparse.Namespace) -> int:
    """Command ``matrix``."""
    policy = load_policy()
    uses = [*matrix.routes(every_route()), *matrix.commands(parser()), *matrix.jobs()]
    for line in matrix.lines(uses, policy):
        print(line)
    matrix.must_be_governed(uses, policy)
    return Exit.OK


def run_service(asked: argparse.Namespace) -> int:
    """Command ``serve``."""
    if asked.offices is not None:
        part = split.serve_part(asked.data, asked.offices, asked.sockets, asked.port)
        running.run(split.while_wanted(part) if asked.attached else part)
        return Exit.OK
    told = bank_settings(asked)
    running.run(cli.must_be_safe(told))
    hold = running.beside if asked.beside else running.alone
    with hold(told.data) as place, banks.database_server(told) as server_url:
        port_ = told.port if asked.port is None else asked.port
        if asked.split:
            running.run(split.serve_split(told, server_url, port_))
            return Exit.OK
        first = None if asked.beside else place
        return running.run(cli.serve(told, server_url, port_, first, self_check=asked.self_check))


def run_divide(asked: argparse.Namespace) -> int:
    """Command ``divide``."""
    told = bank_settings(asked)
    with banks.database_server(told) as server_url:
        return tell(asked, running.run(cli.divide(told, server_url)))


def run_act(asked: argparse.Namespace) -> int:
    """Command ``act``."""
    told = bank_settings(asked)
    word = password(asked)
    act = Act(asked.action, asked.command, asked.key)
    with banks.database_server(told) as server_url:
        return tell(asked, running.run(cli.sign_in_and_act(told, server_url, asked.account, word, act)))


def run_import(asked: argparse.Namespace) -> int:
    """Command ``import``."""
    known = counterparties(asked)
    told = bank_settings(asked)
    defaults = Defaults(
        counterparty=known,
        portfolio=asked.portfolio,
        executed_at=asked.executed_at,
        side_agreements=asked.side_agreements,
        location=asked.location,
        roll=asked.roll,
        we_are=asked.we_are or told.entity_lei or None,
    )
    wish = Import(asked.file, defaults, asked.format, asked.preview, asked.report, asked.json)
    word = password(asked)
    if rows_in_json := asked.json and asked.report is None:
        print('{"outcomes": [', end="", flush=True)
    with banks.database_server(told) as server_url:
        outcome = running.run(import_file(told, server_url, asked.account, word, wish))
    if not rows_in_json:
        return tell(asked, outcome)
    print("],", json.dumps(outcome.told, ensure_ascii=False)[1:])
    return outcome.exit


def run_staff(asked: argparse.Namespace) -> int:
    """Command ``staff``."""
    told = bank_settings(asked)
    wish = StaffFile(asked.file, asked.report, asked.json)
    word = password(asked)
    if rows_in_json := asked.json and asked.report is None:
        print('{"outcomes": [', end="", flush=True)
    with banks.database_server(told) as server_url:
        outcome = running.run(report_staff(told, server_url, asked.account, word, wish))
    if not rows_in_json:
        return tell(asked, outcome)
    print("],", json.dumps(outcome.told, ensure_ascii=False)[1:])
    return outcome.exit


def counterparties(asked: argparse.Namespace) -> Mapping[str, str] | str | None:
    """Return whom the rows mean: one for all, or one for each name. Ends with the usage if both are said."""
    named = dict(one.split("=", 1) for one in asked.counterparty if "=" in one)
    for_all = [one for one in asked.counterparty if "=" not in one]
    if len(for_all) > 1 or (for_all and named) or len(named) + len(for_all) < len(asked.counterparty):
        print(
            "trennwand import: --counterparty says two things; one LEI, or NAME=LEI for each name",
            file=sys.stderr,
        )
        raise SystemExit(Exit.USAGE)
    return for_all[0] if for_all else named or None


def run_export(asked: argparse.Namespace) -> int:
    """Command ``export``."""
    told = bank_settings(asked)
    scope: Literal["trade", "person", "period", "rows"] = (
        "trade" if asked.trade else "person" if asked.person else "rows" if asked.rows else "period"
    )
    wish = Wish(scope, asked.reason, asked.trade, asked.person, asked.since, asked.before)
    word = password(asked)
    with banks.database_server(told) as server_url:
        return tell(asked, running.run(cli.export(told, server_url, asked.account, word, wish, asked.out)))


def run_report(asked: argparse.Namespace) -> int:
    """Command ``report``."""
    told = bank_settings(asked)
    wish = reporting.Wish(asked.name, asked.on, asked.purpose, asked.act, asked.out)
    word = password(asked)
    with banks.database_server(told) as server_url:
        outcome = running.run(reporting.report(told, server_url, asked.account, word, wish))
    return tell(asked, outcome if asked.json else reporting.shown(outcome))


def run_rebuild(asked: argparse.Namespace) -> int:
    """Command ``rebuild``."""
    told = bank_settings(asked)
    if not asked.check:
        return tell(asked, cli.rebuild_from_files(told, asked.trade, asked.account, asked.as_of, asked.whole))
    with banks.database_server(told) as server_url:
        return tell(asked, running.run(cli.check_rebuilt(told, server_url)))


def password(asked: argparse.Namespace) -> str:
    """Read the password of the account that is to act."""
    if asked.password_stdin:
        return sys.stdin.readline().rstrip("\n")
    return getpass.getpass(f"{asked.account}: ")


def run_migrate(asked: argparse.Namespace) -> int:
    """Command ``migrate``."""
    if asked.check:
        return tell(asked, cli.check_migrations())
    told = settings(asked)
    with banks.database_server(told) as server_url:
        return tell(asked, running.run(cli.migrate(told, server_url)))


def run_doctor(asked: argparse.Namespace) -> int:
    """Command ``doctor``."""
    told = bank_settings(asked)
    with banks.database_server(told) as server_url:
        return tell(asked, running.run(cli.doctor(told, server_url)))


def settings(asked: argparse.Namespace) -> Settings:
    """Return what the data directory and the environment say, and speak as they wish. Raises BadSettings."""
    told = load(asked.data)
    journal.set_up(told.journal)
    return told


def bank_settings(asked: argparse.Namespace) -> Settings:
    """Return the settings of a bank that is there. Raises NoBank, BadSettings."""
    told = settings(asked)
    cli.must_be_a_bank(told)
    return told


if __name__ == "__main__":
    sys.exit(main())
