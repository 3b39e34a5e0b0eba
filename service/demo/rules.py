"""The rules themselves change: drafted by one person, approved by two others, proved before and while it happens."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import policies
from policies.policy import FILES
from service.demo.days import House
from service.demo.hands import Hands, until
from service.demo.trials import Trials
from service.kernel.clock import SystemClock

AUTHOR, APPROVERS, READER = "policy-author", ("policy-approver", "other-policy-approver"), "verifier"
REASON = "verifiers compare deals with the books"
HELD = "p, verifier, trade.read, checks deals\n"
MORE = "p, verifier, balance.read, compares deals with the books\n"
TRADERS = "p, trader, trade.verify, saves time\n"
LATER = "2099-12-31T12:00:00Z"
SOON = timedelta(seconds=3)
FIRST = {"version": 1}


async def change(trials: Trials, house: House) -> None:
    """Try to give trading a control right; then have three people give verifiers one more thing to read."""
    hands = house.hands
    planted = {"files": files(HELD + TRADERS), "reason": REASON, "effective_at": LATER}
    path = "/api/policy/drafts"
    await trials.api(AUTHOR, "drafts that traders verify deals", path, planted, "422 ORG-14")
    await trials.api("trader", "drafts a policy", path, planted, "403 not_permitted")
    draft = await draft_of(hands) or await propose(hands)
    await trials.api(
        AUTHOR, "approves the own draft", f"{path}/{draft['id']}/approval", FIRST, "403 not_permitted"
    )
    version = draft["version"] if draft["state"] == "drafted" else 1
    for approver in APPROVERS:
        seen = {"version": version}
        told = await hands.act(approver, f"{path}/{draft['id']}/approval", seen, f"policy-{approver}")
        version = told["version"]

    async def in_force() -> Mapping[str, Any] | None:
        answer = await hands.look(READER, "/api/balances")
        return answer.body if answer.allowed else None

    await until(in_force, "the new policy is in force")


def files(rows: str) -> dict[str, str]:
    """Return the policy as shipped, the verifiers' row of it replaced."""
    shipped = Path(policies.__file__).parent
    texts = {name: (shipped / name).read_text(encoding="utf-8") for name in FILES}
    return texts | {"policy.csv": texts["policy.csv"].replace(HELD, rows)}


async def draft_of(hands: Hands) -> dict[str, Any] | None:
    """Return the draft that an earlier start of this day has proposed already."""
    found = (await hands.get(AUTHOR, "/api/policy/drafts"))["items"]
    return next((one for one in found if one["reason"] == REASON), None)


async def propose(hands: Hands) -> dict[str, Any]:
    """Draft the change, to be in force in a moment."""
    begins = (SystemClock().now() + SOON).isoformat()
    body = {"files": files(HELD + MORE), "reason": REASON, "effective_at": begins}
    return await hands.act(AUTHOR, "/api/policy/drafts", body, f"policy-{begins}")
