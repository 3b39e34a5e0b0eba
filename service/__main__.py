"""The command line: ``trennwand`` or ``python -m service``.

Exit codes: 0 ok, 1 error, 2 usage, 3 refused, 4 conflict, 5 integrity.
"""

import argparse
import getpass
import json
import logging
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

from service import bank as banks
from service import cli, running
from service.cli import Act, Exit, NoBank, Outcome
from service.compliance.evidence import Wish
from service.compliance.queries import BadInstant, instant
from service.demo import run as demo
from service.demo.plan import DEALS, DEALS_MIN
from service.kernel.embedded import CannotStart, NoServerBinaries
from service.running import CannotServe, Stopped
from service.settings import BadSettings, Settings, load

OBSTACLES = (BadSettings, CannotServe, CannotStart, NoBank, NoServerBinaries, demo.NotADemo, Stopped)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    asked = parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        return int(asked.run(asked))
    except OBSTACLES as obstacle:
        print(f"trennwand: {obstacle}", file=sys.stderr)
        return Exit.FAILED
    except KeyboardInterrupt:
        return Exit.FAILED


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
    run.set_defaults(run=run_demo)

    day = commands.add_parser("day", parents=[common], help="open the demo bank, play its days, verify")
    add_days(day)
    day.set_defaults(run=run_demo, no_serve=True, port=None)

    serve = commands.add_parser("serve", parents=[common], help="serve the bank that is there")
    serve.add_argument("--port", type=port, metavar="N")
    serve.set_defaults(run=run_service)

    act = commands.add_parser("act", parents=[common], help="do one act with an account's own rights")
    act.add_argument("action", metavar="ACTION", help="for instance trade.verify")
    act.add_argument("--account", required=True, metavar="NAME")
    act.add_argument("--password-stdin", action="store_true", help="read the password from standard input")
    act.add_argument("--key", metavar="KEY", help="idempotency key: the same key and command answer the same")
    act.add_argument("--command", required=True, metavar="JSON", help="the command's fields")
    act.set_defaults(run=run_act)

    migrate = commands.add_parser("migrate", parents=[common], help="bring the database up to this release")
    migrate.add_argument(
        "--check", action="store_true", help="only compare migrations and tables, on an empty database"
    )
    migrate.set_defaults(run=run_migrate)

    add_evidence(commands, common)

    doctor = commands.add_parser("doctor", parents=[common], help="examine the bank without changing it")
    doctor.set_defaults(run=run_doctor)
    return top


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
    export.add_argument("--to", dest="before", type=moment, metavar="T", help="exclusive")
    export.add_argument("--reason", required=True, metavar="TEXT", help="why; it stands in the log")
    export.add_argument("--as", dest="account", required=True, metavar="ACCOUNT", help="who asks")
    export.add_argument("--password-stdin", action="store_true", help="read the password from standard input")
    export.add_argument("--out", type=Path, metavar="FILE", help="also copy the pack there")
    export.set_defaults(run=run_export)

    rebuild = commands.add_parser("rebuild", parents=[common], help="tell the past again from the log alone")
    what = rebuild.add_mutually_exclusive_group(required=True)
    what.add_argument("--trade", type=UUID, metavar="ID")
    what.add_argument("--account", type=UUID, metavar="ID", help="the rights of an account")
    what.add_argument("--balances", action="store_true")
    what.add_argument(
        "--check", action="store_true", help="rebuild every deal and compare with what is stored"
    )
    rebuild.add_argument("--as-of", type=moment, metavar="T", help="a day, or a time with its zone (now)")
    rebuild.set_defaults(run=run_rebuild)


def add_days(command: argparse.ArgumentParser) -> None:
    """Add what the days can be told."""
    command.add_argument("--fresh", action="store_true", help="delete the bank and begin anew")
    command.add_argument("--deals", type=deals, default=DEALS, metavar="N", help=f"deals to strike ({DEALS})")


def port(text: str) -> int:
    """Read a port; 0 takes a free one."""
    if not text.isascii() or not text.isdigit() or int(text) > 65_535:  # noqa: PLR2004
        raise argparse.ArgumentTypeError(f"{text!r} is no port from 0 to 65535")
    return int(text)


def moment(text: str) -> datetime:
    """Read a time with its zone, or the beginning of a day."""
    try:
        found = instant(text, "time")
    except BadInstant as bad:
        raise argparse.ArgumentTypeError(str(bad)) from bad
    assert found is not None
    return found


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


def run_service(asked: argparse.Namespace) -> int:
    """Command ``serve``."""
    told = bank_settings(asked)
    with running.alone(told.data), banks.database_server(told) as server_url:
        return running.run(cli.serve(told, server_url, told.port if asked.port is None else asked.port))


def run_act(asked: argparse.Namespace) -> int:
    """Command ``act``."""
    told = bank_settings(asked)
    word = password(asked)
    act = Act(asked.action, asked.command, asked.key)
    with banks.database_server(told) as server_url:
        return tell(asked, running.run(cli.sign_in_and_act(told, server_url, asked.account, word, act)))


def run_export(asked: argparse.Namespace) -> int:
    """Command ``export``."""
    told = bank_settings(asked)
    scope: Literal["trade", "person", "period"] = (
        "trade" if asked.trade else "person" if asked.person else "period"
    )
    wish = Wish(scope, asked.reason, asked.trade, asked.person, asked.since, asked.before)
    word = password(asked)
    with banks.database_server(told) as server_url:
        return tell(asked, running.run(cli.export(told, server_url, asked.account, word, wish, asked.out)))


def run_rebuild(asked: argparse.Namespace) -> int:
    """Command ``rebuild``."""
    told = bank_settings(asked)
    if not asked.check:
        return tell(asked, cli.rebuild_from_files(told, asked.trade, asked.account, asked.as_of))
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
    """Return what the data directory and the environment say. Raises BadSettings."""
    return load(asked.data)


def bank_settings(asked: argparse.Namespace) -> Settings:
    """Return the settings of a bank that is there. Raises NoBank, BadSettings."""
    told = settings(asked)
    cli.must_be_a_bank(told)
    return told


def tell(asked: argparse.Namespace, outcome: Outcome) -> int:
    """Print what a command came to."""
    if asked.json:
        print(json.dumps(outcome.told, ensure_ascii=False, indent=1))
    else:
        for line in lines(outcome.told):
            print(line)
    return outcome.exit


def lines(told: Mapping[str, Any], indent: str = "") -> list[str]:
    """Return an object as lines for people."""
    found: list[str] = []
    for name, value in told.items():
        if isinstance(value, Mapping):
            found += [f"{indent}{name}:", *lines(value, f"{indent}  ")]
        elif isinstance(value, list):
            found += [
                f"{indent}{name}: {'none' if not value else ''}".rstrip(),
                *(f"{indent}  {one}" for one in value),
            ]
        else:
            found.append(f"{indent}{name}: {value}")
    return found


if __name__ == "__main__":
    sys.exit(main())
