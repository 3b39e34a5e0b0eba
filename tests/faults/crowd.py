"""A client process of the fault run: its people act over HTTP, each act with its own key, until it is answered.

Told on standard input, in one line of JSON, what ``Told`` holds. Every answer that ends an act is a line in the
file of answers before the next act begins: what stands there was acknowledged.
"""

import asyncio
import json
import random  # noqa: TID251 - seeded: a run can be repeated
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.bank import PASSWORD
from tests.deals import TERMS

STORIES_AT_ONCE = 12
TRIES_MAX = 600
ANSWER_SECONDS_MAX = 20
PAUSE_SECONDS = 0.1
DRAFT_TRIES_MAX = 40
TRADERS, VERIFIERS = ("trader", "other-trader"), ("verifier", "other-verifier")
ACCOUNTS = (*TRADERS, *VERIFIERS, "confirmer", "steward", "steward-approver")


@dataclass(frozen=True)
class Told:
    """Where the nodes listen, how many acts this process has left, and where its answers go."""

    name: str
    ports: list[int]
    acts: int
    seed: int
    answers: str


def note(file: Path, **fact: Any) -> None:
    """Add a line that survives the end of this process."""
    with file.open("a", encoding="ascii") as lines:
        lines.write(json.dumps(fact) + "\n")


class Unanswered(Exception):
    """No node answered an act, however often it was asked."""


class Enough(Exception):
    """This process has done its share."""


@dataclass
class Line:
    """One kept-alive connection to whichever node answers; a lost answer is asked for again, with the same key."""

    ports: list[int]
    turn: int = 0
    streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(
        self, method: str, path: str, token: str | None = None, body: object = None, key: str | None = None
    ) -> tuple[int, Any]:
        """Return status and body of the first answer that is no failure of a node. Raises Unanswered."""
        for _ in range(TRIES_MAX):
            try:
                async with asyncio.timeout(ANSWER_SECONDS_MAX):
                    status, answer = await self._once(method, path, token, body, key)
            except (OSError, EOFError, ValueError, asyncio.LimitOverrunError):
                status, answer = 0, None
            if 0 < status < 500:
                return status, answer
            self._hang_up()
            await asyncio.sleep(PAUSE_SECONDS)
        raise Unanswered(f"{method} {path}")

    async def _once(
        self, method: str, path: str, token: str | None, body: object, key: str | None
    ) -> tuple[int, Any]:
        if self.streams is None:
            port = self.ports[self.turn % len(self.ports)]
            self.streams = await asyncio.open_connection("127.0.0.1", port)
        reader, writer = self.streams
        content = b"" if body is None else json.dumps(body).encode()
        headers = {"Host": "127.0.0.1", "Content-Length": str(len(content))}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        if key is not None:
            headers["Idempotency-Key"] = key
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        writer.write(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + content)
        told = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
        length = next(int(one[15:]) for one in told if one.lower().startswith(b"content-length:"))
        return int(told[0].split()[1]), json.loads(await reader.readexactly(length) or b"null")

    def _hang_up(self) -> None:
        if self.streams is not None:
            self.streams[1].close()
            self.streams = None
        self.turn += 1


@dataclass
class Crowd:
    """The people of one client process."""

    told: Told
    tokens: dict[str, str]
    random: random.Random
    left: int
    answers: list[str] = field(default_factory=list)

    async def act(self, line: Line, account: str, act: str, path: str, **body: Any) -> dict[str, Any]:
        """Do one act and keep its answer; a refusal is an answer. Raises Enough when the share is done."""
        if self.left <= 0:
            raise Enough
        self.left -= 1
        key = f"{self.told.name}-{self.random.getrandbits(64):016x}"
        status, answer = await line.ask("POST", path, self.tokens[account], body, key)
        kept = {
            "act": act,
            "status": status,
            "receipt": answer.get("receipt"),
            "decision": answer.get("decision"),
            "code": answer.get("code"),
        }
        note(Path(self.told.answers), **kept)
        return dict(answer)

    async def tell(self, line: Line) -> None:
        """Play one story after the other."""
        names = list(STORIES)
        weights = [STORIES[name][0] for name in names]
        while True:
            (name,) = self.random.choices(names, weights)
            try:
                await STORIES[name][1](self, line)
            except KeyError as refused:  # the act before it was refused, so the story ends here
                if refused.args[0] not in ("id", "version", "proposal"):
                    raise

    async def captured(self, line: Line) -> tuple[str, dict[str, Any]]:
        trader = self.random.choice(TRADERS)
        amount = f"{self.random.randrange(1, 5000)}000.00"
        return trader, await self.act(
            line, trader, "capture", "/api/trades", **TERMS | {"base_amount": amount}
        )


Story = Callable[[Crowd, Line], Awaitable[object]]


async def capture(crowd: Crowd, line: Line) -> None:
    for _ in range(4):
        await crowd.captured(line)


async def verify(crowd: Crowd, line: Line) -> dict[str, Any]:
    _, deal = await crowd.captured(line)
    path = f"/api/trades/{deal['id']}/verification"
    await crowd.act(line, crowd.random.choice(VERIFIERS), "verify", path, version=deal["version"])
    return deal


async def correct(crowd: Crowd, line: Line) -> None:
    """A deal is sent back, corrected and verified."""
    trader, deal = await crowd.captured(line)
    path, verifier = f"/api/trades/{deal['id']}", crowd.random.choice(VERIFIERS)
    seen: Mapping[str, Any] = {"version": deal["version"], "reason": "the rate is not on the ticket"}
    back = await crowd.act(line, verifier, "return", f"{path}/return", **seen)
    right = TERMS | {"base_amount": "1250000.00", "version": back["version"]}
    again = await crowd.act(line, trader, "resubmit", f"{path}/resubmission", **right)
    await crowd.act(line, verifier, "verify", f"{path}/verification", version=again["version"])


async def cancel(crowd: Crowd, line: Line) -> None:
    """The desk asks to cancel a deal; the back office approves or refuses."""
    trader, deal = await crowd.captured(line)
    seen = {"version": deal["version"], "reason": "entered twice"}
    request = await crowd.act(line, trader, "request", f"/api/trades/{deal['id']}/cancellations", **seen)
    what = crowd.random.choice(("approval", "refusal"))
    seen = {"version": request["version"], "reason": "as agreed with the counterparty"}
    await crowd.act(line, "verifier", what, f"/api/requests/{request['id']}/{what}", **seen)


async def confirm(crowd: Crowd, line: Line) -> None:
    """A confirmation goes out and comes back, once the automatic draft is there."""
    deal = await verify(crowd, line)
    for _ in range(DRAFT_TRIES_MAX):
        path = f"/api/confirmations?trade={deal['id']}"
        _, found = await line.ask("GET", path, crowd.tokens["confirmer"])
        if found.get("items"):
            break
        await asyncio.sleep(PAUSE_SECONDS * 5)
    else:
        return
    (now,) = found["items"]
    path = f"/api/confirmations/{now['id']}"
    sent = await crowd.act(line, "confirmer", "dispatch", f"{path}/dispatch", version=now["version"])
    theirs = now["ours"] | {"reference": "CP 4711"}
    told = await crowd.act(
        line, "confirmer", "counter", f"{path}/counter", version=sent["version"], fields=theirs
    )
    await crowd.act(line, "confirmer", "match", f"{path}/match", version=told["version"])


async def propose(crowd: Crowd, line: Line) -> None:
    """Two people bring a portfolio into force."""
    body = {"name": f"P-{crowd.random.getrandbits(48):012x}", "desk": "FX desk"}
    made = await crowd.act(line, "steward", "propose", "/api/portfolios", **body)
    path = f"/api/proposals/{made['proposal']}/approval"
    await crowd.act(line, "steward-approver", "approve", path, version=made["version"])


async def be_refused(crowd: Crowd, line: Line) -> None:
    """Acts that the bank refuses: without the right, at another version, at a rate nobody deals at."""
    trader, deal = await crowd.captured(line)
    path = f"/api/trades/{deal['id']}/verification"
    await crowd.act(line, trader, "no right", path, version=deal["version"])
    await crowd.act(line, "verifier", "stale", path, version=deal["version"] + 1)
    await crowd.act(line, trader, "malformed", "/api/trades", **TERMS | {"rate": "-1"})


STORIES: dict[str, tuple[int, Story]] = {
    "capture": (8, capture),
    "verify": (8, verify),
    "correct": (3, correct),
    "cancel": (3, cancel),
    "confirm": (2, confirm),
    "propose": (3, propose),
    "be refused": (3, be_refused),
}


async def signed_in(line: Line, account: str) -> str:
    """Return a token. Other processes sign in to the same account, so it may take a few tries."""
    for _ in range(TRIES_MAX):
        status, answer = await line.ask(
            "POST", "/api/sessions", body={"account": account, "password": PASSWORD}
        )
        if status < 300:
            return str(answer["token"])
        await asyncio.sleep(PAUSE_SECONDS)
    raise Unanswered(account)


async def main(told: Told) -> None:
    """Act until the share is done."""
    first = Line(told.ports, told.seed)
    tokens = {account: await signed_in(first, account) for account in ACCOUNTS}
    crowd = Crowd(told, tokens, random.Random(told.seed), told.acts)
    lines = [Line(told.ports, turn) for turn in range(STORIES_AT_ONCE)]
    found = await asyncio.gather(*(crowd.tell(line) for line in lines), return_exceptions=True)
    for failure in found:
        if not isinstance(failure, Enough):
            raise failure if isinstance(failure, BaseException) else AssertionError(failure)


if __name__ == "__main__":
    asyncio.run(main(Told(**json.loads(sys.stdin.readline()))))
