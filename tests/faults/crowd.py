"""A client process of the fault runs: its people act over HTTP, each act with its own key, until it is answered.

Told on standard input, in one line of JSON, what ``Told`` holds. Before an act is sent, a line in ``asked`` says what
is sent; the answer that ends it is a line in ``answers`` before the next act of that person begins. So what stands in
``answers`` was acknowledged or refused, and what stands in ``asked`` alone is in doubt: whoever comes later asks for
it again under the same key. Everything that is chosen follows from the seed, the process's name, and the number of
the story.
"""

import asyncio
import contextlib
import json
import random  # noqa: TID251 - seeded: a run can be repeated
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.plain import PASSWORD, TERMS

STORIES_AT_ONCE = 20
TRIES_MAX = 600
ANSWER_SECONDS_MAX = 20
PAUSE_SECONDS = 0.1
PAUSE_SECONDS_MAX = 2.0
COMES_SECONDS_MAX = 90
TERMS_OF_TODAY = TERMS | {"value_date": TERMS["trade_date"]}
NOT_SIGNED_IN = 401


@dataclass(frozen=True)
class Told:
    """Where the nodes listen, how many acts this process has left, and where what it knows goes."""

    name: str
    ports: list[int]
    acts: int
    seed: int
    asked: str
    answers: str


def note(file: Path, **fact: Any) -> None:
    """Add a line that survives the end of this process."""
    with file.open("a", encoding="ascii") as lines:
        lines.write(json.dumps(fact) + "\n")


class Unanswered(Exception):
    """No node answered an act, however often it was asked."""


class Enough(Exception):
    """This process has done its share."""


class Over(Exception):
    """An act was refused, or what follows it did not come: the story ends here."""


@dataclass(frozen=True)
class Answer:
    """The answer that ended an act, and how often a node failed or fell silent before it."""

    status: int
    body: Any
    failed: int
    silent: int


@dataclass
class Line:
    """One kept-alive connection to whichever node answers; a lost answer is asked for again, with the same key."""

    ports: list[int]
    turn: int = 0
    chance: random.Random = field(default_factory=lambda: random.Random(0))
    streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(
        self, method: str, path: str, token: str | None = None, body: object = None, key: str | None = None
    ) -> Answer:
        """Return the first answer that is no failure of a node. Raises Unanswered."""
        failed = silent = 0
        for _ in range(TRIES_MAX):
            try:
                async with asyncio.timeout(ANSWER_SECONDS_MAX):
                    status, answer = await self.once(method, path, token, body, key)
            except (OSError, EOFError, ValueError, asyncio.LimitOverrunError):
                status, answer = 0, None
            if 0 < status < 500:
                return Answer(status, answer, failed, silent)
            failed, silent = failed + (status > 0), silent + (status == 0)
            self.hang_up()
            await asyncio.sleep(PAUSE_SECONDS)
        raise Unanswered(f"{method} {path}")

    async def once(
        self, method: str, path: str, token: str | None, body: object, key: str | None
    ) -> tuple[int, Any]:
        """Ask one node, once. Whoever gives up waiting leaves the connection: the late answer is nobody else's."""
        streams, self.streams = self.streams, None
        if streams is None:
            port = self.ports[self.turn % len(self.ports)]
            streams = await asyncio.open_connection("127.0.0.1", port)
        reader, writer = streams
        try:
            told = await exchanged(reader, writer, method, path, token, body, key)
        except BaseException:
            writer.close()
            raise
        self.streams = streams
        return told

    def hang_up(self) -> None:
        """Close the connection and turn to the next node."""
        if self.streams is not None:
            self.streams[1].close()
            self.streams = None
        self.turn += 1


async def exchanged(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    method: str,
    path: str,
    token: str | None,
    body: object,
    key: str | None,
) -> tuple[int, Any]:
    """Send one request and read its answer: status and body."""
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
    lengths = [int(one[15:]) for one in told if one.lower().startswith(b"content-length:")]
    length = sum(lengths)  # none for an answer without a body
    return int(told[0].split()[1]), json.loads(await reader.readexactly(length) or b"null")


@dataclass
class Crowd:
    """The people of one client process."""

    told: Told
    tokens: dict[str, str] = field(default_factory=dict)
    doors: dict[str, asyncio.Lock] = field(
        default_factory=dict
    )  # one of an account's stories signs in at a time
    left: int = 0

    async def token(self, line: Line, account: str, *, anew: str | None = None) -> str:
        """Return the account's token, signed in if need be; ``anew``: that one is good no longer."""
        async with self.doors.setdefault(account, asyncio.Lock()):
            if self.tokens.get(account, anew) == anew:
                self.tokens[account] = await signed_in(line, account)
        return self.tokens[account]

    async def act(self, line: Line, account: str, act: str, path: str, /, **body: Any) -> dict[str, Any]:
        """Do one act and keep its answer; a refusal is an answer. Raises Enough when the share is done."""
        if self.left <= 0:
            raise Enough
        self.left -= 1
        key = f"{self.told.name}-{line.chance.getrandbits(64):016x}"
        asked = {"act": act, "account": account, "key": key, "path": path, "body": body}
        note(Path(self.told.asked), **asked)
        return await self.answered(line, asked)

    async def answered(self, line: Line, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Ask until there is an answer, and keep it."""
        token, failed, silent = await self.token(line, asked["account"]), 0, 0
        while True:
            one = await line.ask("POST", asked["path"], token, asked["body"], asked["key"])
            failed, silent = failed + one.failed, silent + one.silent
            if one.status != NOT_SIGNED_IN:
                break
            token = await self.token(line, asked["account"], anew=token)  # the session ended meanwhile
        answer = dict(one.body)
        kept = {name: answer.get(name) for name in ("receipt", "decision", "code")}
        names = {name: asked[name] for name in ("act", "account", "key")}
        note(Path(self.told.answers), **names, status=one.status, failed=failed, silent=silent, **kept)
        return answer

    async def done(self, line: Line, account: str, act: str, path: str, /, **body: Any) -> dict[str, Any]:
        """Do one act on which others build. Raises Over if it is refused."""
        answer = await self.act(line, account, act, path, **body)
        if "receipt" not in answer:
            raise Over
        return answer

    async def look(self, line: Line, account: str, path: str) -> Any:
        """Read something; what one may not read is refused and in the log."""
        if self.left <= 0:
            raise Enough
        self.left -= 1
        token = await self.token(line, account)
        one = await line.ask("GET", path, token)
        if one.status == NOT_SIGNED_IN:
            one = await line.ask("GET", path, await self.token(line, account, anew=token))
        kept = {"status": one.status, "failed": one.failed, "silent": one.silent}
        if one.status >= 400:
            kept |= {"decision": one.body.get("decision"), "code": one.body.get("code")}
        note(Path(self.told.answers), act="read", account=account, key=None, **kept)
        return one.body

    async def until(self, line: Line, account: str, path: str, wanted: str = "items") -> Any:
        """Return what the bank's own accounts brought about, once it is there. Raises TimeoutError if it does not come."""
        pause = PAUSE_SECONDS
        async with asyncio.timeout(COMES_SECONDS_MAX):
            while True:
                one = await line.ask("GET", path, await self.token(line, account))
                if one.status < 400 and one.body.get(wanted):
                    return one.body[wanted]
                await asyncio.sleep(pause)
                pause = min(pause * 2, PAUSE_SECONDS_MAX)

    async def tell(self, lane: int) -> None:
        """Play one story after the other, each chosen by its number."""
        from tests.faults.stories import STORIES

        line, number = Line(self.told.ports, lane), 0
        names, weights = list(STORIES), [weight for weight, _ in STORIES.values()]
        while True:
            line.chance = random.Random(f"{self.told.seed} {self.told.name} {lane} {number}")
            (name,) = line.chance.choices(names, weights)
            with contextlib.suppress(Over, TimeoutError):
                await STORIES[name][1](self, line)
            number += 1


async def signed_in(line: Line, account: str) -> str:
    """Return a token. Other processes sign in to the same account, so it may take a few tries."""
    for _ in range(TRIES_MAX):
        one = await line.ask("POST", "/api/sessions", body={"account": account, "password": PASSWORD})
        if one.status < 300:
            return str(one.body["token"])
        await asyncio.sleep(PAUSE_SECONDS)
    raise Unanswered(account)


async def main(told: Told) -> None:
    """Act until the share is done."""
    crowd = Crowd(told, left=told.acts)
    found = await asyncio.gather(
        *(crowd.tell(lane) for lane in range(STORIES_AT_ONCE)), return_exceptions=True
    )
    for failure in found:
        if not isinstance(failure, Enough):
            raise failure if isinstance(failure, BaseException) else AssertionError(failure)


async def settle(told: Told, asked: Sequence[Mapping[str, Any]]) -> None:
    """Ask again for what is in doubt, or was answered before, under the same keys; keep what is said now."""
    crowd, line = Crowd(told), Line(told.ports)
    for one in asked:
        await crowd.answered(line, one)
    line.hang_up()


if __name__ == "__main__":
    asyncio.run(main(Told(**json.loads(sys.stdin.readline()))))
