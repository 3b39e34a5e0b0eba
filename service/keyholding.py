"""What the command line does for the log's keys: change them by two people, and run the signer."""

import argparse
import asyncio
import getpass
import sys
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from audit import signer_command
from audit.signer import SignerUnreachable
from audit.signer_keys import RotationUnderWay
from policies.vocabulary import Action, Office
from service import bank as banks
from service import cli, running
from service.audit_trail.sequencer import LogKeeper
from service.cli import Exit, Outcome
from service.gate import Gate
from service.kernel.actor import Actor
from service.kernel.errors import Refusal
from service.matrix import Operates
from service.rotation import ceremony
from service.rotation.ceremony import OVERLAP
from service.rotation.lifecycle import RotationState
from service.settings import Settings, load

STANDS: Final[Mapping[str, Action | tuple[Action, ...] | Operates]] = {
    "approve": (Action.ROTATION_APPROVE, Action.LOG_ROTATE),
    "finish": Action.LOG_ROTATE,
    "refuse": Action.ROTATION_REFUSE,
    "request": Action.ROTATION_REQUEST,
    "show": Operates("tells what waits; needs every login"),
}


def add_commands(commands: Any, common: argparse.ArgumentParser, tell: Any) -> None:
    """Add ``rotate-key`` and ``signer``; ``tell`` prints what a command came to."""
    rotate = commands.add_parser("rotate-key", help="give the log a new key: two custodians and the signer")
    steps = rotate.add_subparsers(required=True, metavar="STEP")
    for name, purpose in (
        ("show", "tell what waits"),
        ("request", "ask for a new key"),
        ("approve", "approve what another custodian asked for, and make the key"),
        ("refuse", "turn it down, or take the own request back"),
        ("finish", "go on after an approval that was interrupted"),
    ):
        step = steps.add_parser(name, parents=[common], help=purpose)
        if name in {"request", "approve", "refuse"}:
            step.add_argument("--as", dest="account", required=True, metavar="ACCOUNT", help="who acts")
            step.add_argument(
                "--password-stdin", action="store_true", help="read the password from standard input"
            )
        if name in {"request", "refuse"}:
            step.add_argument("--reason", required=True, metavar="TEXT", help="why; it stands in the log")
        if name in {"approve", "refuse"}:
            step.add_argument("--rotation", type=UUID, required=True, metavar="ID", help="as `show` tells it")
        if name == "request":
            step.add_argument(
                "--overlap",
                type=int,
                default=OVERLAP,
                metavar="N",
                help=f"entries that both keys sign ({OVERLAP})",
            )
        step.set_defaults(
            run=lambda asked, step=name: tell(asked, run_rotation(asked, step)), stands=STANDS[name]
        )
    signer = commands.add_parser("signer", help="run the signer as a process of its own, or see to its keys")
    signer_command.add_arguments(signer)
    signer.set_defaults(run=run_signer, stands=Operates("needs the log's signing key"))


def run_signer(asked: argparse.Namespace) -> int:
    """Command ``signer``."""
    try:
        return signer_command.run(asked)
    except signer_command.WrongUsage as wrong:
        sys.stderr.write(f"trennwand: {wrong}\n")
        return Exit.USAGE


def run_rotation(asked: argparse.Namespace, step: str) -> Outcome:
    """Command ``rotate-key``."""
    told = load(asked.data)
    cli.must_be_a_bank(told)
    word = None
    if step in {"request", "approve", "refuse"}:
        word = (
            sys.stdin.readline().rstrip("\n")
            if asked.password_stdin
            else getpass.getpass(f"{asked.account}: ")
        )
    with banks.database_server(told) as server_url:
        if word is None:
            return running.run(_unsigned(told, server_url, finish=step == "finish"))
        return running.run(
            cli.signed_in(
                told,
                server_url,
                asked.account,
                word,
                lambda gate, actor: _step(told, gate, actor, asked, step),
            )
        )


async def _unsigned(settings: Settings, server_url: str, *, finish: bool) -> Outcome:
    """Tell what waits, or have an approved key made."""
    async with cli.open_gate(settings, server_url) as gate:
        waiting = await ceremony.open_rotation(gate)
        if waiting is None:
            return Outcome(Exit.OK, {"rotation": "none"})
        if not finish:
            return Outcome(Exit.OK, {name: str(value) for name, value in waiting.items()})
        if waiting["state"] != RotationState.APPROVED:
            return Outcome(Exit.FAILED, {"wrong": "Another custodian has not approved it yet."})
        return await _made(settings, gate, waiting["rotation"])


async def _step(
    settings: Settings, gate: Gate, actor: Actor, asked: argparse.Namespace, step: str
) -> Outcome:
    """Do a custodian's part."""
    try:
        if step == "request":
            request = ceremony.RequestRotation(reason=asked.reason, overlap=asked.overlap)
            return Outcome(Exit.OK, (await gate.perform(actor, ceremony.request_rotation, request)).answer)
        waiting = await ceremony.open_rotation(gate)
        version = 1 if waiting is None else waiting["version"]
        if step == "refuse":
            refusal = ceremony.RefuseRotation(rotation=asked.rotation, version=version, reason=asked.reason)
            return Outcome(Exit.OK, (await gate.perform(actor, ceremony.refuse_rotation, refusal)).answer)
        approval = ceremony.ApproveRotation(rotation=asked.rotation, version=version)
        await gate.perform(actor, ceremony.approve_rotation, approval)
    except Refusal as refusal:
        return cli.refused(refusal)
    # Crash here: approved, and the key is as before; `finish` goes on.
    return await _made(settings, gate, asked.rotation)


async def _made(settings: Settings, gate: Gate, rotation: UUID) -> Outcome:
    """Have the signer make the key, beside a service that may be running."""
    signer = banks.open_signer(settings)
    publisher = await asyncio.to_thread(banks.open_publisher, settings, signer)
    try:
        done = await ceremony.carry_out(gate, LogKeeper(gate.offices[Office.LOG], publisher), rotation)
    except (RotationUnderWay, SignerUnreachable) as obstacle:
        return Outcome(
            Exit.FAILED, {"wrong": f"{obstacle} The approval stands: `rotate-key finish` goes on."}
        )
    except Refusal as refusal:
        return cli.refused(refusal)
    return Outcome(Exit.OK, {name: value for name, value in done.answer.items() if name != "receipt"})
