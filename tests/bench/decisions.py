"""What a decision costs: the policy's cell with its reason, and the history held against apart.csv."""

import time
from statistics import median
from typing import Any

from policies.apart import Act, refusal
from policies.policy import load
from policies.vocabulary import Action

ROUNDS, CALLS = 7, 20_000


def measure() -> dict[str, Any]:
    """Return microseconds per decision: right and history of twenty acts together."""
    policy = load()
    roles = frozenset({"releaser"})
    acts = ("trade.capture", "trade.verify", "confirmation.dispatch", "settlement.prepare")
    history = [Act(act, f"person-{n}", None, "trade") for n in range(5) for act in acts]
    per_call = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        for _ in range(CALLS):
            policy.decide(roles, Action.SETTLEMENT_RELEASE)
            refusal(policy.apart, Action.SETTLEMENT_RELEASE, "person-9", history)
        per_call.append((time.perf_counter() - began) / CALLS * 1e6)
    return {"decide_us": round(median(per_call), 2)}
