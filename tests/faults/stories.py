"""What the people of the fault runs do: every office has its part, and some of it is refused."""

import asyncio
import base64
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from tests.faults.crowd import TERMS_OF_TODAY, Crowd, Line
from tests.plain import LEI

TRADERS, VERIFIERS = ("trader", "other-trader"), ("verifier", "other-verifier")
CONFIRMERS, SETTLERS = ("confirmer", "other-confirmer"), ("settler", "other-settler")
RELEASERS = ("releaser", "other-releaser")
DAYS = {"valid_from": "1999-01-04", "valid_to": "2099-12-31"}
TRIES, POST_SECONDS = 3, 2.5
LOOKS: Mapping[str, tuple[str, ...]] = {
    "trader": ("/api/trades", "/api/positions", "/api/work", "/api/dashboard", "/api/entries"),
    "head-of-trading": ("/api/trades", "/api/excesses", "/api/work"),
    "verifier": ("/api/work", "/api/transactions", "/api/balances"),
    "confirmer": ("/api/confirmations", "/api/confirmations/inbound", "/api/settlements"),
    "settler": ("/api/settlements", "/api/work", "/api/grants"),
    "releaser": ("/api/settlements", "/api/payments"),
    "steward": ("/api/counterparties", "/api/instructions", "/api/trades"),
    "accountant": ("/api/journals", "/api/balances", "/api/grants"),
    "risk-controller": ("/api/limits", "/api/exposures", "/api/checks"),
    "credit-officer": ("/api/limits", "/api/excesses"),
    "compliance": ("/api/entries", "/api/denials", "/api/conflicts", "/api/trades"),
    "auditor": ("/api/entries", "/api/journals", "/api/trades", "/api/access"),
    "legal": ("/api/agreements", "/api/trades"),
    "rights-admin": ("/api/persons", "/api/grants", "/api/trades"),
    "board-back": ("/api/dashboard", "/api/notices"),
    "board-trading": ("/api/dashboard", "/api/notices", "/api/journals"),
}

Story = Callable[[Crowd, Line], Awaitable[object]]


async def captured(crowd: Crowd, line: Line, amount: int | None = None) -> tuple[str, dict[str, Any]]:
    """Enter a deal of today that is settled today."""
    trader = line.chance.choice(TRADERS)
    terms = {
        "base_amount": f"{amount or line.chance.randrange(1, 5000)}000.00",
        "side": line.chance.choice(("buy", "sell")),
    }
    return trader, await crowd.done(line, trader, "capture", "/api/trades", **TERMS_OF_TODAY | terms)


async def capture(crowd: Crowd, line: Line) -> None:
    for _ in range(4):
        await captured(crowd, line)


async def verify(crowd: Crowd, line: Line, amount: int | None = None) -> tuple[str, dict[str, Any]]:
    trader, deal = await captured(crowd, line, amount)
    path = f"/api/trades/{deal['id']}/verification"
    await crowd.done(line, line.chance.choice(VERIFIERS), "verify", path, version=deal["version"])
    return trader, deal


async def correct(crowd: Crowd, line: Line) -> None:
    """A deal is sent back, corrected and verified."""
    trader, deal = await captured(crowd, line)
    path, verifier = f"/api/trades/{deal['id']}", line.chance.choice(VERIFIERS)
    why = "the rate is not on the ticket"
    back = await crowd.done(line, verifier, "return", f"{path}/return", version=deal["version"], reason=why)
    right = TERMS_OF_TODAY | {"base_amount": "1250000.00", "version": back["version"]}
    again = await crowd.done(line, trader, "resubmit", f"{path}/resubmission", **right)
    await crowd.act(line, verifier, "verify", f"{path}/verification", version=again["version"])


async def cancel(crowd: Crowd, line: Line) -> None:
    """The desk asks to cancel a deal; the back office approves or refuses."""
    trader, deal = await captured(crowd, line)
    seen = {"version": deal["version"], "reason": "entered twice"}
    request = await crowd.done(line, trader, "request", f"/api/trades/{deal['id']}/cancellations", **seen)
    await decide(crowd, line, request)


async def decide(crowd: Crowd, line: Line, request: Mapping[str, Any]) -> None:
    what = line.chance.choice(("approval", "refusal"))
    seen = {"version": request["version"], "reason": "as agreed with the counterparty"}
    await crowd.act(line, "verifier", what, f"/api/requests/{request['id']}/{what}", **seen)


async def amend(crowd: Crowd, line: Line) -> None:
    """A verified deal gets other terms, by two people, and is verified again."""
    trader, deal = await verify(crowd, line)
    path = f"/api/trades/{deal['id']}"
    terms = TERMS_OF_TODAY | {"base_amount": "1200000.00", "reason": "the ticket says 1.2 million"}
    request = await crowd.done(line, trader, "amend", f"{path}/amendments", **terms, version=deal["version"])
    await decide(crowd, line, request)
    await crowd.act(line, "other-verifier", "verify", f"{path}/verification", version=2)


async def settle(crowd: Crowd, line: Line) -> None:
    """A deal goes its whole way: confirmed, signed for, prepared, released, settled, booked."""
    _, deal = await verify(crowd, line, line.chance.randrange(1, 5000))
    trade, confirmer = deal["id"], line.chance.choice(CONFIRMERS)
    (now,) = await crowd.until(line, confirmer, f"/api/confirmations?trade={trade}")
    path = f"/api/confirmations/{now['id']}"
    sent = await crowd.done(line, confirmer, "dispatch", f"{path}/dispatch", version=now["version"])
    theirs = now["ours"] | {"reference": "CP 4711"}
    told = await crowd.done(
        line, confirmer, "counter", f"{path}/counter", version=sent["version"], fields=theirs
    )
    await crowd.done(line, confirmer, "match", f"{path}/match", version=told["version"])
    checklist = await crowd.until(line, confirmer, f"{path}/papers", "checklist")
    signed = {"code": "no_message", "reason": "they confirm by telephone", "version": checklist["version"]}
    await crowd.act(line, "other-verifier", "sign", f"{path}/checklist", **signed)
    legs = await crowd.until(line, "settler", f"/api/settlements?trade={trade}")
    hands = (line.chance.choice(SETTLERS), line.chance.choice(RELEASERS), line.chance.choice(SETTLERS))
    steps = zip(
        ("prepare", "release", "complete"), ("preparation", "release", "completion"), hands, strict=True
    )
    for act, last, account in steps:
        for leg in legs:
            for _ in range(TRIES):
                now = await crowd.look(line, account, f"/api/settlements/{leg['id']}")
                at = f"/api/settlements/{leg['id']}/{last}"
                answer = await crowd.act(line, account, act, at, version=now["version"])
                if answer.get("code") != "payment_not_sent":
                    break
                await asyncio.sleep(POST_SECONDS)


async def propose(crowd: Crowd, line: Line) -> None:
    """Two people bring a portfolio into force."""
    body = {"name": f"P-{line.chance.getrandbits(48):012x}", "desk": "FX desk"}
    made = await crowd.done(line, "steward", "propose", "/api/portfolios", **body)
    path = f"/api/proposals/{made['proposal']}/approval"
    await crowd.act(line, "steward-approver", "approve", path, version=made["version"])


async def limit(crowd: Crowd, line: Line) -> None:
    """A counterparty's limit is proposed by trading and voted by credit; another by risk control."""
    amount = {"amount_eur": f"{line.chance.randrange(500, 900)}000000000.00", "reason": "agreed with credit"}
    made = await crowd.done(
        line, "head-of-trading", "limit", "/api/limits", counterparty=LEI, **amount, **DAYS
    )
    for voter in ("credit-officer", "other-credit-officer"):
        vote = {"vote": "approve", "reason": "within what we can bear", "version": made["version"]}
        made = await crowd.done(line, voter, "vote", f"/api/limits/{made['id']}/vote", **vote)


async def grant(crowd: Crowd, line: Line) -> None:
    """A newcomer gets an account and a right by three people, and loses everything again."""
    name = f"n-{line.chance.getrandbits(40):010x}"
    person = await crowd.done(
        line, "rights-requester", "register", "/api/persons", name=name, unit="Settlement and control"
    )
    body = {"name": name, "person": person["id"], "office": "back_office"}
    await crowd.done(line, "rights-admin", "open account", "/api/accounts", **body)
    asked = {"account": name, "role": "settler", "reason": "joins the unit"}
    right = await crowd.done(line, "board-back", "ask for a right", "/api/grants", **asked)
    for step, account in (("approval", "rights-owner"), ("execution", "rights-admin")):
        right = await crowd.done(
            line, account, step, f"/api/grants/{right['id']}/{step}", version=right["version"]
        )
    seen = {"version": person["version"], "reason": "leaves the bank"}
    await crowd.act(line, "rights-admin", "disable", f"/api/persons/{person['id']}/disablement", **seen)


async def file(crowd: Crowd, line: Line) -> None:
    """A paper about a deal is filed."""
    _, deal = await captured(crowd, line)
    content = base64.b64encode(b"%PDF-1.7\n" + line.chance.randbytes(2_000)).decode()
    about = {
        "kind": "statement",
        "name": "statement.pdf",
        "media_type": "application/pdf",
        "trade_id": deal["id"],
    }
    paper = {"content": content, **about}
    await crowd.act(line, line.chance.choice(SETTLERS), "file", "/api/documents", **paper)


async def read(crowd: Crowd, line: Line) -> None:
    """Everybody looks at something, and some at what is not theirs to see."""
    for _ in range(6):
        account = line.chance.choice(list(LOOKS))
        await crowd.look(line, account, line.chance.choice(LOOKS[account]))


async def be_refused(crowd: Crowd, line: Line) -> None:
    """Acts that the bank refuses: without the right, at another version, on both sides, at a rate nobody deals at."""
    trader, deal = await captured(crowd, line)
    path = f"/api/trades/{deal['id']}/verification"
    await crowd.act(line, trader, "no right", path, version=deal["version"])
    await crowd.act(line, "verifier", "stale", path, version=deal["version"] + 1)
    await crowd.act(line, trader, "malformed", "/api/trades", **TERMS_OF_TODAY | {"rate": "-1"})
    await crowd.act(line, "accountant", "no such work", "/api/journals", event="trade", trade=deal["id"])


STORIES: dict[str, tuple[int, Story]] = {
    "capture": (8, capture),
    "verify": (6, verify),
    "correct": (3, correct),
    "cancel": (3, cancel),
    "amend": (3, amend),
    "settle": (4, settle),
    "propose": (2, propose),
    "limit": (1, limit),
    "grant": (2, grant),
    "file": (1, file),
    "read": (4, read),
    "be refused": (3, be_refused),
}
"""Each with its weight."""
