"""Changes of the policy, as tests draft them."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx

import policies
from policies.policy import FILES
from tests.bank import World

SHIPPED = Path(policies.__file__).parent
CAPTURE = "p, trader, trade.capture, strikes deals for the book under an own trader id\n"
VERIFIER = "p, verifier, trade.read, checks deals\n"
MORE = VERIFIER + "p, verifier, balance.read, compares deals with the books\n"


def files(*changes: tuple[str, str, str]) -> dict[str, str]:
    """The shipped policy with places of its files changed."""
    texts = {file: (SHIPPED / file).read_text(encoding="utf-8") for file in FILES}
    for file, find, replace in changes:
        assert texts[file].count(find) == 1, find
        texts[file] = texts[file].replace(find, replace)
    return texts


GOOD = files(("policy.csv", VERIFIER, MORE))
"""A change that gives the verifiers one more thing to read."""


async def drafted(
    world: World, texts: dict[str, str], by: str = "policy-author", **more: Any
) -> httpx.Response:
    body = {
        "files": texts,
        "reason": "the verifier compares with the books",
        "effective_at": (world.bank.gate.clock.now() + timedelta(seconds=1)).isoformat(),
        **more,
    }
    return await (await world.as_(by)).post("/api/policy/drafts", body)
