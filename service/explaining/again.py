"""A decision that was made, decided again by every policy this house has kept: by the one it names, and by others."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from policies.policy import ABSENT, FILES, Policy
from policies.vocabulary import Action
from service.in_force import as_it_says

POLICIES_MAX: Final = 5
"""The newest are asked; the command line asks all."""
SAME: Final = {True: "allow", False: "refuse"}


@lru_cache(maxsize=16)
def policy_kept(directory: Path) -> Policy | None:
    """Return the policy whose texts a directory holds, None unless they hash to its name."""
    texts = {name: (directory / name).read_bytes() for name in FILES if (directory / name).is_file()}
    return as_it_says(texts, f"sha256:{directory.name}")[0]


def decided_again(entry: Mapping[str, Any], kept: Path | None, in_force: Policy) -> list[dict[str, Any]]:
    """Return what each policy makes of the same roles, act and history; the one the decision names comes first.

    Nothing for what no policy decided: a refusal because of an object's state, a limit, a form.
    """
    rule, named = entry["decision"]["rules"][0], entry["decision"]["policy"]
    if entry["decision"]["outcome"] != "allow" and rule != ABSENT and not bars(in_force, entry["act"], rule):
        return []
    policies = {in_force.version: in_force}
    if kept is not None and kept.is_dir():
        found = [one for one in kept.iterdir() if one.is_dir() and not one.name.startswith("tmp-")]
        newest = sorted(
            found, key=lambda one: (f"sha256:{one.name}" == named, one.stat().st_mtime), reverse=True
        )
        for directory in newest[:POLICIES_MAX]:
            if (policy := policy_kept(directory)) is not None:
                policies[policy.version] = policy
    order = sorted(policies, key=lambda version: (version != named, version != in_force.version))
    return [told(policies[version], entry, in_force) for version in order]


def bars(policy: Policy, act: str, control: str) -> bool:
    """Tell whether a policy holds an act against a control of who did what before."""
    return any((rule.control, rule.action.value) == (control, act) for rule in policy.apart)


def told(policy: Policy, entry: Mapping[str, Any], in_force: Policy) -> dict[str, Any]:
    """Return one policy's verdict, and whether it is the one that was recorded."""
    rule, recorded = entry["decision"]["rules"][0], entry["decision"]["outcome"] == "allow"
    verdict = policy.decide(entry["actor"]["roles"], Action(entry["act"]))
    barred = verdict.allowed and not recorded and bars(policy, entry["act"], rule)
    allowed = verdict.allowed and not barred
    return {
        "policy": policy.version,
        "named": policy.version == entry["decision"]["policy"],
        "in_force": policy.version == in_force.version,
        "outcome": SAME[allowed],
        "rule": rule if barred else verdict.rule,
        "same": allowed == recorded,
    }
