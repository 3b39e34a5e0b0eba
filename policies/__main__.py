"""``python -m policies``: check, prove and read the policy. Exit codes: 0 ok, 1 error or refuted, 2 usage."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final, TypeVar

from policies import grants, lives, proof, report
from policies.policy import Policy, PolicyError, load
from policies.separation import Severity
from policies.vocabulary import Action

MATRIX: Final = Path(__file__).parent.parent / "tests" / "policies" / "matrix.txt"
PERSONS: Final = 3

Answer = TypeVar("Answer")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    try:
        return int(chosen.run(chosen))
    except PolicyError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m policies", description=__doc__)
    parser.add_argument("--policy", type=Path, default=None, help="a directory with other policy files")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text)
        made.set_defaults(run=run)
        return made

    command("check", _check, "read strictly and look for rows that say nothing")
    command("prove", _prove, "prove statically and by history that the sides never meet")
    command("matrix", _matrix, "every act against every role").add_argument(
        "--write", action="store_true", help=f"redraw {MATRIX.name} beside the tests"
    )
    command("who-can", _who_can, "roles that may do an act").add_argument("action", type=_word(Action))
    command("what-can", _what_can, "acts that a role may do").add_argument("role")
    changes = command("diff", _diff, "what one policy gives or forbids that another does not")
    changes.add_argument("old", type=Path)
    changes.add_argument("new", type=Path)
    rights = command("grants", _grants, "the offices' database rights as SQL")
    rights.add_argument("--prefix", default="trennwand", help="what the logins' names begin with")
    why = command("explain", _explain, "why a role may or may not do an act")
    why.add_argument("role")
    why.add_argument("action", type=_word(Action))
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
    _show(list(report.diff(load(chosen.old), load(chosen.new))) or ["no difference"])
    return 0


def _grants(chosen: argparse.Namespace) -> int:
    _show(grants.statements(load(chosen.policy), chosen.prefix))
    return 0


def _explain(chosen: argparse.Namespace) -> int:
    policy = load(chosen.policy)
    if not _known(policy, chosen.role):
        return 2
    _show(report.explain(policy, chosen.role, chosen.action))
    return 0


def _prove(chosen: argparse.Namespace) -> int:
    started = time.monotonic()
    policy = load(chosen.policy)
    print(report.summary(policy))
    refuted = _print_static(policy)
    for life in lives.LIVES:
        refuted += _print_history(policy, life)
    print("\nfewest people who can take a trade from capture to the books, each step by hand")
    for text, severities in (
        ("by history alone", frozenset[Severity]()),
        ("with hard rules of separation", proof.HARD),
        ("with all rules of separation", proof.ALL),
    ):
        print(f"  {text}: {proof.fewest_people(policy, proof.DEAL, severities)}")
    print(f"\n{'proved' if not refuted else 'REFUTED'} in {time.monotonic() - started:.1f} s")
    return 1 if refuted else 0


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
