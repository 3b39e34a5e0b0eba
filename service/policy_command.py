"""``trennwand policy``: the policy is drafted, looked at, approved and refused from the command line."""

import argparse
import asyncio
import getpass
import json
import sys
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncSession

from policies.policy import FILES, PolicyError, contents_of
from policies.vocabulary import Action
from service import bank as banks
from service import cli, running
from service.cli import Act, Exit, Outcome
from service.compliance.sealing import keep_policy
from service.enactment import enact_due
from service.gate import Gate
from service.governance import queries
from service.kernel.actor import Actor
from service.kernel.errors import NotPermitted, Refusal
from service.settings import Settings, load

LIMIT: Final = 50
KINDS: Final = frozenset({".csv", ".conf"})
STEPS: Final[Mapping[str, tuple[Action, str]]] = {
    "draft": (Action.POLICY_DRAFT, "draft a change: the whole set of files of a directory"),
    "list": (Action.POLICY_READ, "list drafts and versions, newest first"),
    "show": (Action.POLICY_READ, "tell what a draft changes, whether the proof holds, and who approved it"),
    "approve": (Action.POLICY_APPROVE, "approve a draft as one of two"),
    "refuse": (Action.POLICY_REFUSE, "turn a draft down before it is in force"),
    "activate": (
        Action.POLICY_PUBLISH,
        "let the service put the approved draft in force whose time has come",
    ),
}


def add_command(commands: Any, common: argparse.ArgumentParser, tell: Any, moment: Any) -> None:
    """Add ``policy``; ``tell`` prints what a step came to, ``moment`` reads a time."""
    policy = commands.add_parser("policy", help="change who may do what: one drafts, two others approve")
    steps = policy.add_subparsers(required=True, metavar="STEP")
    for name, (action, purpose) in STEPS.items():
        step = steps.add_parser(name, parents=[common], help=purpose)
        step.set_defaults(run=lambda asked, step=name: tell(asked, run(asked, step)), stands=action)
        if name == "draft":
            step.add_argument("directory", type=Path, metavar="DIR", help=f"holds {', '.join(FILES)}")
            step.add_argument(
                "--from", dest="since", type=moment, required=True, metavar="T", help="in force from"
            )
        if name in {"show", "approve", "refuse"}:
            step.add_argument("draft", type=UUID, metavar="ID", help="as `list` tells it")
        if name in {"approve", "refuse"}:
            step.add_argument("--version", type=int, required=True, metavar="N", help="as `show` tells it")
        if name in {"draft", "refuse"}:
            step.add_argument("--reason", required=True, metavar="TEXT", help="why; it stands in the log")
        if name == "list":
            step.add_argument("--after", type=UUID, metavar="ID", help=f"the next {LIMIT} below this one")
        if name != "activate":
            step.add_argument("--as", dest="account", required=True, metavar="ACCOUNT", help="who acts")
            step.add_argument(
                "--password-stdin", action="store_true", help="read the password from standard input"
            )


def run(asked: argparse.Namespace, step: str) -> Outcome:
    """Command ``policy``."""
    try:
        do = work_of(asked, step)
    except PolicyError as error:
        return Outcome(Exit.FAILED, {"wrong": str(error)})
    settings = load(asked.data)
    cli.must_be_a_bank(settings)
    word = "" if do is None else password(asked)
    with banks.database_server(settings) as server_url:
        if do is None:
            return running.run(activate(settings, server_url))
        outcome = running.run(cli.signed_in(settings, server_url, asked.account, word, do))
    return outcome if asked.json else shown(outcome)


def work_of(asked: argparse.Namespace, step: str) -> Callable[[Gate, Actor], Awaitable[Outcome]] | None:
    """Return what is to be done once somebody is signed in; None for what nobody signs in for. Raises PolicyError."""
    match step:
        case "draft":
            return acting(drafted(asked.directory, asked.reason, asked.since))
        case "approve" | "refuse":
            told = {"draft": str(asked.draft), "version": asked.version}
            if step == "refuse":
                told["reason"] = asked.reason
            return acting(Act(STEPS[step][0].value, json.dumps(told)))
        case "list":
            return reading(lambda session, _: queries.drafts(session, cursor=asked.after, limit=LIMIT))
        case "show":
            return reading(lambda session, gate: one_draft(session, gate, asked.draft))
    return None


def drafted(directory: Path, reason: str, since: datetime) -> Act:
    """Return the act that drafts the files of a directory. Raises PolicyError for what is no text of a policy."""
    texts = {}
    for file, content in contents_of(directory).items():
        try:
            texts[file] = content.decode("utf-8")
        except UnicodeDecodeError as broken:
            line = content[: broken.start].count(b"\n") + 1
            raise PolicyError(file, line, "is not written in UTF-8") from broken
    for other in sorted(directory.iterdir()):
        if other.suffix in KINDS and other.name not in FILES:
            name = ascii(other.name)[1:-1][:80]
            raise PolicyError(name, 1, f"is no file of the policy; those are {', '.join(FILES)}")
    told = {"files": texts, "reason": reason, "effective_at": since.isoformat()}
    return Act(Action.POLICY_DRAFT.value, json.dumps(told))


def acting(act: Act) -> Callable[[Gate, Actor], Awaitable[Outcome]]:
    """Return what does an act with the account's own rights."""
    return lambda gate, actor: cli.perform(gate, actor, act)


def reading(
    read: Callable[[AsyncSession, Gate], Awaitable[dict[str, Any]]],
) -> Callable[[Gate, Actor], Awaitable[Outcome]]:
    """Return what reads with the account's own rights and on its office's login."""

    async def do(gate: Gate, actor: Actor) -> Outcome:
        try:
            decision = gate.policy.decide(actor.roles, Action.POLICY_READ)
            if actor.restricted or not decision.allowed:
                raise NotPermitted(decision.reason, rule=decision.rule)
            engine = gate.offices[actor.office].execution_options(postgresql_readonly=True)
            async with AsyncSession(engine) as session:
                return Outcome(Exit.OK, await read(session, gate))
        except Refusal as refusal:
            await gate.refuse(actor, Action.POLICY_READ, refusal)
            return cli.refused(refusal)

    return do


async def one_draft(session: AsyncSession, gate: Gate, draft: UUID) -> dict[str, Any]:
    """Return a draft with all that an approver wants to know."""
    row = await queries.draft_of(session, draft)
    return await queries.draft_shown(session, gate.policy, row, gate.clock.now())


async def activate(settings: Settings, server_url: str) -> Outcome:
    """Put the change in force that is due, as the running service does by itself."""
    async with cli.open_gate(settings, server_url) as gate:
        url = make_url(server_url).set(database=cli.database_of(settings))
        done = await enact_due(gate, url.render_as_string(hide_password=False))
        if done is None:
            return Outcome(Exit.CONFLICT, {"wrong": "No approved change of the policy is due."})
        told = {"draft": str(done.draft), "policy": done.version}
        if done.objections:
            return Outcome(Exit.REFUSED, {**told, "objections": list(done.objections)})
        await gate.reload()
        await asyncio.to_thread(keep_policy, settings.data, gate.policy)
    return Outcome(Exit.OK, told)


def shown(outcome: Outcome) -> Outcome:
    """Return the outcome as people read it: a draft is a line."""
    items = outcome.told.get("items")
    if not isinstance(items, list):
        return outcome
    lines = [
        f"{one['id']} version {one['version']} {one['state']} from {one['effective_at']} {one['policy']}: {one['reason']}"
        for one in items
    ]
    return Outcome(outcome.exit, {**outcome.told, "items": lines})


def password(asked: argparse.Namespace) -> str:
    """Read the password of the account that is to act."""
    if asked.password_stdin:
        return sys.stdin.readline().rstrip("\n")
    return getpass.getpass(f"{asked.account}: ")
