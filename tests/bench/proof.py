"""What ``python -m policies prove`` takes: the shipped policy, and a bank of 10,000 people and 40 roles."""

import argparse
import csv
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from policies import rights
from policies.policy import Policy, load, read
from policies.rights import SERVICE
from policies.separation import conflicts

PEOPLE, ROLES = 10_000, 40
DEPUTY_EVERY, SECOND_ROLE_EVERY, SECOND_ACCOUNT_EVERY = 50, 7, 40


def roles_file(policy: Policy, count: int = ROLES) -> str:
    """Return a policy.csv with as many roles of people: the shipped ones, and regional ones with the same rights."""
    text = policy.texts[rights.FILE].decode()
    human = [role for role in policy.roles if not role.startswith(SERVICE)]
    lines = []
    for number in range(count - len(human)):
        base = human[number % len(human)]
        lines.append(f"g, {base}_{number}, {policy.offices[base]}")
        lines += [
            f"p, {base}_{number}, {right.action}, {right.reason}"
            for right in policy.rights
            if right.holder == base
        ]
    return text + "\n".join(lines) + "\n"


def people_rows(policy: Policy, roles: list[str], count: int = PEOPLE) -> Iterator[list[str]]:
    """Yield the rows of a people file: second roles and accounts that conflict with nothing, and deputies."""
    beside = {
        role: next((other for other in roles if other != role and not conflicts(policy, {role, other})), "")
        for role in roles
    }
    for number in range(count):
        role = roles[number % len(roles)]
        unit, person = f"{policy.offices[role]} {number // 400}", f"P{number:05d}"
        mine = f"{role} {beside[role]}".strip() if number % SECOND_ROLE_EVERY == 0 else role
        before = number - len(roles)
        deputy = f"P{before:05d}:{role}" if before >= 0 and number % DEPUTY_EVERY == 0 else ""
        yield [person, f"a{number:05d}", mine, unit, deputy, ""]
        if number % SECOND_ACCOUNT_EVERY == 0:
            yield [person, f"b{number:05d}", role, unit, "", ""]


def write(folder: Path, count: int = PEOPLE) -> tuple[Path, Path]:
    """Write people and roles into the folder; return both files."""
    roles_at, people_at = folder / "roles.csv", folder / "people.csv"
    shipped = load()
    text = roles_file(shipped).encode()
    roles_at.write_bytes(text)
    policy = read({**shipped.texts, rights.FILE: text})
    human = [role for role in policy.roles if not role.startswith(SERVICE)]
    with people_at.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["person", "account", "roles", "unit", "deputy_for", "service"])
        writer.writerows(people_rows(policy, human, count))
    return people_at, roles_at


def measure() -> dict[str, Any]:
    """Return the seconds that both proofs took, start of the process included."""
    with tempfile.TemporaryDirectory() as folder:
        people, roles = write(Path(folder))
        return {
            "prove_seconds": _seconds(),
            "prove_people": PEOPLE,
            "prove_roles": ROLES,
            "prove_people_seconds": _seconds("--people", str(people), "--roles", str(roles)),
        }


def _seconds(*arguments: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "policies", "prove", *arguments], check=True, capture_output=True)
    return round(time.perf_counter() - began, 1)


def main() -> int:
    """Write the files into a folder, to be looked at or proved by hand."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--people", type=int, default=PEOPLE)
    asked = parser.parse_args()
    for file in write(asked.folder, asked.people):
        print(file)
    return 0


if __name__ == "__main__":
    sys.exit(main())
