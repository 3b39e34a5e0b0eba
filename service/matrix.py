"""The authorisation matrix: every route, command and job of the service with its act and who may do it (SEG-03).

What stands for no act, and says no reason why it needs none, stops the start; so does what stands for an act that the
policy gives to nobody.
"""

import argparse
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from litestar import Litestar
from litestar.handlers import BaseRouteHandler

from policies.policy import Policy
from policies.vocabulary import Action
from service.faces import CONTRACT, action_of
from service.kernel.items import ROUTES

SERVICE_ROLE: Final = "svc_"
PUBLIC: Final = "everybody, signed in or not"


class Ungoverned(RuntimeError):
    """Something of the service could be used without any row of the policy; it does not start."""


@dataclass(frozen=True, slots=True)
class Use:
    """One way to use the service: a route, a command or a job, its acts, or the reason why it needs none."""

    kind: str
    name: str
    actions: tuple[Action, ...]
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Operates:
    """A command that acts for nobody: whoever has the bank's files and keys could do the same without it."""

    reason: str


Stands = Action | tuple[Action, ...] | Operates


BACKGROUND: Final[Mapping[str, tuple[Action, ...] | Operates]] = {
    "commits together": Operates("carries acts that were decided one by one into one transaction"),
    "desk reports": (Action.DESK_REPORT_ISSUE,),
    "escalation": (Action.WORK_ESCALATE,),
    "how the log stands": Operates("asks the log's process and acts for nobody"),
    "log keeper": Operates("gives entries their places and has them signed; writes none"),
    "nightly check of the log": (Action.LOG_CHECK,),
    "policy in force": (Action.POLICY_PUBLISH,),
    "pulse of the log": (Action.LOG_HEARTBEAT, Action.SESSION_NOISE),
    "start of the service": (Action.LOG_RESTART, Action.POLICY_PUBLISH, Action.SCHEMA_PUBLISH),
    "the back office's post": (
        Action.CONFIRMATION_CHASE,
        Action.CONFIRMATION_COLLECT,
        Action.CONFIRMATION_DEEM,
        Action.TRANSMISSION_BEGIN,
        Action.TRANSMISSION_COMPLETE,
        Action.TRANSMISSION_FAIL,
    ),
    "totals": Operates("adds up what the log has new, so that a page need not add up everything"),
    "until told to stop": Operates("waits"),
    "web server": Operates("answers requests, each of which is decided"),
    "worker of an office": Operates("does the office's automatic items, each a job of its own"),
}
"""Everything that runs without being asked, beside the automatic work items; alphabetised."""


def jobs() -> list[Use]:
    """Return every job: what an office does automatically with each kind of item, and what runs by the clock."""
    by_item = [
        Use("job", f"{route.office}: {item}", (route.action,))
        for item, route in sorted(ROUTES.items())
        if route.automatic
    ]
    by_clock = [
        Use("job", name, (), stands.reason) if isinstance(stands, Operates) else Use("job", name, stands)
        for name, stands in BACKGROUND.items()
    ]
    return by_item + by_clock


def must_be_governed(uses: Iterable[Use], policy: Policy) -> None:
    """Raise Ungoverned naming every use without a row of the policy."""
    wrong = []
    for use in uses:
        if not use.actions and not use.reason:
            wrong.append(f"{use.kind} {use.name} stands for no action and has no public mark")
        wrong += [
            f"{use.kind} {use.name} stands for {action}, which nobody may do"
            for action in use.actions
            if not holders(policy, use.kind, action)
        ]
    if wrong:
        raise Ungoverned("; ".join(wrong))


def holders(policy: Policy, kind: str, action: Action) -> list[str]:
    """Return the roles that may do the act; a job's are those of service accounts."""
    roles = [role for role in policy.roles if action in policy.powers_of[role]]
    return [role for role in roles if role.startswith(SERVICE_ROLE)] if kind == "job" else roles


def routes(app: Litestar) -> list[Use]:
    """Return every route of the application, interface and pages."""
    return sorted(
        {
            (f"{method} {route.path}", handler): Use(
                "route",
                f"{method} {route.path}",
                () if (action := action_of(handler)) is None else (action,),
                public_reason(handler, route.path),
            )
            for route in app.routes
            for handler in getattr(route, "route_handlers", [getattr(route, "route_handler", None)])
            if handler is not None
            for method in sorted(set(handler.http_methods) - {"OPTIONS"})
        }.values(),
        key=lambda use: (use.name.partition(" ")[2], use.name),
    )


def public_reason(handler: BaseRouteHandler, path: str) -> str | None:
    """Return why a route needs no act, if it is marked so."""
    mark = handler.opt.get("public")
    if path in CONTRACT or mark is True:
        return PUBLIC
    return str(mark) if mark else None


def commands(
    parser: argparse.ArgumentParser, name: str = "", inherited: Stands | None = None
) -> Iterator[Use]:
    """Yield every command of the command line, by what its parser or the one above it says it stands for."""
    stands: Stands | None = parser.get_default("stands") or inherited
    below = [one for one in parser._actions if isinstance(one, argparse._SubParsersAction)]  # noqa: SLF001 - it has no other word
    for choices in below:
        for word, command in choices.choices.items():
            yield from commands(command, f"{name} {word}".strip(), stands)
    if not below:
        match stands:
            case Operates(reason):
                yield Use("command", name, (), reason)
            case Action():
                yield Use("command", name, (stands,))
            case tuple():
                yield Use("command", name, stands)
            case _:
                yield Use("command", name, ())


def lines(uses: Iterable[Use], policy: Policy) -> Iterator[str]:
    """Yield the matrix: what it is, its name, the act, who may."""
    for use in uses:
        if not use.actions:
            yield f"{use.kind} | {use.name} | - | {use.reason}"
        for action in use.actions:
            yield f"{use.kind} | {use.name} | {action} | {', '.join(holders(policy, use.kind, action))}"
