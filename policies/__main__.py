"""``python -m policies``: check, prove and read the policy. Exit codes: 0 ok, 1 error or refuted, 2 usage."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final, TypeVar

from policies import changes, fewest, grants, lives, people, proof, prose, report, rights, staffing
from policies.policy import HERE, Policy, PolicyError, contents_of, load, read
from policies.rows import FILE_BYTES_MAX
from policies.standing import Standing
from policies.vocabulary import Action

MATRIX: Final = Path(__file__).parent.parent / "tests" / "policies" / "matrix.txt"
PERSONS: Final = 3
SHOWN_MAX: Final = 50

Answer = TypeVar("Answer")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    try:
        code = int(chosen.run(chosen))
        sys.stdout.flush()
    except BrokenPipeError:  # whoever reads has closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        print("error: nobody reads on", file=sys.stderr)
        return 1
    except PolicyError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m policies", description=__doc__)
    parser.add_argument("--policy", type=Path, default=None, help="a directory with other policy files")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text)
        made.set_defaults(run=run)
        return made

    command("check", _check, "read strictly and look for rows that say nothing")
    proof_of = command("prove", _prove, "prove that the sides never meet and how many people a task takes")
    proof_of.add_argument("--people", type=Path, help="a bank's own people, CSV or JSON")
    proof_of.add_argument("--roles", type=Path, help="a bank's own roles, instead of policy.csv")
    command("matrix", _matrix, "every act against every role").add_argument(
        "--write", action="store_true", help=f"redraw {MATRIX.name} beside the tests"
    )
    command("who-can", _who_can, "roles that may do an act").add_argument("action", type=_word(Action))
    command("what-can", _what_can, "acts that a role may do").add_argument("role")
    differing = command("diff", _diff, "what one policy gives or forbids that another does not")
    differing.add_argument("old", type=Path)
    differing.add_argument("new", type=Path)
    differing.add_argument("--language", choices=["en", "de"], help="as sentences that people read")
    rights = command("grants", _grants, "the offices' database rights as SQL")
    rights.add_argument("--prefix", default="trennwand", help="what the logins' names begin with")
    text = command("text", _text, "the policy as text that people read")
    text.add_argument("--language", choices=["en", "de"], default="en")
    why = command("explain", _explain, "why a role, or a person with a history, may or may not do an act")
    why.add_argument("role", nargs="?")
    why.add_argument("act", type=_word(Action), nargs="?", metavar="action")
    why.add_argument("--person", default="me", help="whom to judge, as the history names them")
    why.add_argument("--roles", type=lambda text: tuple(text.split(",")), help="what the person holds: a,b")
    why.add_argument("--action", type=_word(Action), help="what the person wants to do")
    why.add_argument(
        "--history",
        nargs="*",
        default=(),
        metavar="ACT:PERSON",
        help="what was done to the object before; ACT:PERSON:trade for elsewhere in its deal",
    )
    return parser


def _word(vocabulary: Callable[[str], Answer]) -> Callable[[str], Answer]:
    """Reader of a closed vocabulary's words, so that a misspelling is a usage error."""

    def read(text: str) -> Answer:
        try:
            return vocabulary(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"unknown: {text}") from None

    return read


def _show(found: Iterable[str]) -> None:
    for line in found:
        print(line)


def _known(policy: Policy, role: str) -> bool:
    if role in policy.roles:
        return True
    print(f"error: unknown role {role}", file=sys.stderr)
    return False


def _check(chosen: argparse.Namespace) -> int:
    policy = load(chosen.policy)
    found = list(report.findings(policy))
    _show((report.summary(policy), *found, f"{len(found)} findings"))
    return 1 if found else 0


def _matrix(chosen: argparse.Namespace) -> int:
    drawn = report.matrix(load(chosen.policy))
    if chosen.write:
        MATRIX.write_text(drawn, encoding="utf-8")
    else:
        print(drawn, end="")
    return 0


def _who_can(chosen: argparse.Namespace) -> int:
    _show(report.who_can(load(chosen.policy), chosen.action))
    return 0


def _what_can(chosen: argparse.Namespace) -> int:
    policy = load(chosen.policy)
    if not _known(policy, chosen.role):
        return 2
    _show(report.what_can(policy, chosen.role))
    return 0


def _diff(chosen: argparse.Namespace) -> int:
    old, new = load(chosen.old), load(chosen.new)
    if chosen.language is None:
        found = report.diff(old, new)
    else:
        found = prose.changed(changes.compared(old, new), {}, chosen.language)
    _show(list(found) or ["no difference"])
    return 0


def _text(chosen: argparse.Namespace) -> int:
    _show(prose.rendered(load(chosen.policy), chosen.language))
    return 0


def _grants(chosen: argparse.Namespace) -> int:
    _show(grants.statements(load(chosen.policy), chosen.prefix))
    return 0


def _explain(chosen: argparse.Namespace) -> int:
    policy = load(chosen.policy)
    if chosen.roles is None:
        if chosen.role is None or chosen.act is None:
            print("error: give a role and an act, or --roles and --action", file=sys.stderr)
            return 2
        if not _known(policy, chosen.role):
            return 2
        _show(report.explain(policy, chosen.role, chosen.act))
        return 0
    if chosen.action is None or not all(_known(policy, role) for role in chosen.roles):
        print("error: --roles needs --action, and roles the policy knows", file=sys.stderr)
        return 2
    try:
        history = [report.told(one) for one in chosen.history]
    except ValueError as wrong:
        print(f"error: {wrong}", file=sys.stderr)
        return 2
    standing = Standing(chosen.person, frozenset(chosen.roles))
    _show(report.judged(policy, standing, chosen.action, history))
    return 0


def _prove(chosen: argparse.Namespace) -> int:
    started = time.monotonic()
    contents = contents_of(chosen.policy or HERE)
    if chosen.roles is not None:
        contents[rights.FILE] = _bounded(chosen.roles)
    policy = read(contents)
    print(report.summary(policy))
    refuted = _print_static(policy)
    for life in lives.LIVES:
        refuted += _print_history(policy, life)
    refuted += _print_tasks(policy)
    if chosen.people is not None:
        refuted += _print_people(policy, chosen.people)
    print(f"\n{'proved' if not refuted else 'REFUTED'} in {time.monotonic() - started:.1f} s")
    return 1 if refuted else 0


def _bounded(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise PolicyError(path.name, 1, f"cannot be read: {error.strerror}") from error


def _print_tasks(policy: Policy) -> int:
    needed = fewest.prove_tasks(policy)
    print(
        "\nfewest people for each sensitive task: every set of roles one person may hold, every order, every deputy\n"
        "  task   demanded  by roles alone  by history alone  by both  without exceptions  states"
    )
    for one in needed:
        counts = (one.task.people, one.by_roles, one.by_history, one.by_both, one.without_exceptions)
        demanded, roles, history, both, strict = ("none" if count is None else str(count) for count in counts)
        print(
            f"  {one.task.task}   {demanded:>8}  {roles:>14}  {history:>16}  {both:>7}  {strict:>18}  {one.states:>6,}"
            f"  {'' if one.holds else 'TOO FEW: '}{one.task.why}"
        )
    failed = sum(not one.holds for one in needed)
    print(
        f"{failed} of {len(needed)} tasks that fewer people can do than their row demands, or that nobody can"
    )
    return failed


def _print_people(policy: Policy, path: Path) -> int:
    found = people.read(path, policy)
    print(f"\npeople of {path.name}")
    _show(f"  {line}" for line in people.lines(found))
    clashing = staffing.clashes(policy, found.values())
    for clash in clashing[:SHOWN_MAX]:
        rules = "; ".join(
            f"{rule.control} ({rule.severity}) {rule.left} and {rule.right}" for rule in clash.conflicts
        )
        print(f"  {clash.person} ({clash.unit}): {rules}")
    if len(clashing) > SHOWN_MAX:
        print(f"  … and {len(clashing) - SHOWN_MAX:,} more")
    hard = sum(clash.hard for clash in clashing)
    print(
        f"{hard:,} persons hold powers that never meet; {len(clashing) - hard:,} need a recorded exception (severity C)"
    )
    tasks = staffing.staffed(policy, found.values())
    for one in tasks:
        if one.wrong or one.only_with_deputies:
            print(f"  {one.task.task} {one.task.why}: {one.wrong or 'only with deputies'}")
        elif one.thin:
            print(f"  {one.task.task}: only one person can {', '.join(one.thin)}")
    wrong = sum(one.wrong is not None for one in tasks)
    print(f"{wrong} of {len(tasks)} tasks that nobody or too few of these people can do")
    return hard + wrong


def _print_static(policy: Policy) -> int:
    found = proof.prove_static(policy)
    reach, pairs = found.reach, len(policy.roles) * (len(policy.roles) - 1) // 2
    print(
        "\nstatic: separation.csv alone, exceptions taken as granted, apart.csv ignored\n"
        f"  {found.rules} hard rules refuse {reach.refused:,} of {pairs:,} pairs of roles\n"
        f"  of {2 ** len(policy.roles):,} sets of roles, {reach.sets:,} may be held by one natural person;\n"
        f"  each is part of one of {len(reach.largest)} largest sets, and all of these were examined"
    )
    if found.counter_example:
        sides = " and ".join(f"{role} ({action})" for role, action in found.counter_example)
        print(f"  counter-example: one person holds {sides}")
    print(f"{1 if found.counter_example else 0} {lives.SENTENCE}")
    return 1 if found.counter_example else 0


def _print_history(policy: Policy, life: lives.Life) -> int:
    found = proof.prove_history(policy, life, PERSONS)
    alone = proof.prove_history(policy, life, 1).alone
    opening = " or ".join(sorted(life.opening))
    print(
        f"\nhistory of a {life.name}: apart.csv alone, every person holds every role\n"
        f"  {len(life.opening) + len(life.acts)} acts of {len(found.kinds)} kinds in any order and number after"
        f" {opening}, by {PERSONS} persons and one outside\n"
        f"  {found.states:,} states; {found.admitted + found.refused:,} acts tried, {found.admitted:,} admitted,"
        f" {found.refused:,} refused\n"
        f"  what one person can have done: {alone} sets of acts if alone, {found.alone} among {PERSONS};"
        f" others open {'no way' if alone == found.alone else 'further ways'}"
    )
    for goal in life.goals:
        if path := found.counter_examples.get(goal.sentence):
            steps = ", ".join(f"{'outsider' if who == 0 else f'person {who}'} {act}" for who, act in path)
            print(f"  counter-example: {steps}")
        print(f"{1 if path else 0} {goal.sentence}")
    return len(found.counter_examples)


if __name__ == "__main__":
    sys.exit(main())
