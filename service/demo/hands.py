"""The demo bank's people at work: each account calls the public interface with a token of its own.

Every act carries a key that is the same in every run, so a day that was interrupted is simply played again from
its beginning: what was done answers as it did the first time, what was not is done now.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx

from service.kernel.errors import Refusal
from service.kernel.problems import problem

Thing = TypeVar("Thing")

AT_ONCE = 4
POLL_SECONDS = 0.05
WAIT_SECONDS_MAX = 60
NO_LONGER = frozenset({401, 403})


class BrokenPromise(RuntimeError):
    """The bank did not do what it must, or contradicts an answer it gave before."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the interface said."""

    status: int
    body: Any

    @property
    def allowed(self) -> bool:
        """Whether the act was done."""
        return self.status < 300  # noqa: PLR2004 - the success statuses of HTTP


class AnswerBook:
    """Every answer ever given, one line each; an answer given again must say the same.

    A line is written when its answer has arrived, so the last line of a killed run may be cut off: nobody
    relied on it.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self.known = {(line["account"], line["key"]): line for line in read_lines(file)}

    def hold(self, account: str, key: str, path: str, answer: Answer) -> None:
        """Keep the answer. Raises BrokenPromise if another one was given under this key before."""
        line = {"account": account, "key": key, "path": path, "status": answer.status, "body": answer.body}
        before = self.known.get((account, key))
        if before is None:
            self.known[account, key] = line
            with self.file.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(line, ensure_ascii=False) + "\n")
        elif before != line:
            raise BrokenPromise(
                f"{account} {path} ({key}) was answered {before['body']} and now {answer.body}"
            )

    def receipts(self) -> list[dict[str, Any]]:
        """Return the receipts of all answers: the entries that the log must hold."""
        bodies = [line["body"] for line in self.known.values() if isinstance(line["body"], dict)]
        return [body["receipt"] for body in bodies if "receipt" in body]


def read_lines(file: Path) -> list[dict[str, Any]]:
    """Return the complete lines of the book; a cut-off end is taken away."""
    if not file.exists():
        return []
    whole, _, rest = file.read_bytes().rpartition(b"\n")
    if rest:
        file.write_bytes(whole + b"\n" if whole else b"")
    return [json.loads(line) for line in whole.splitlines()]


@dataclass(slots=True)
class Hands:
    """The callers. ``sign_in`` gives an account's bearer token; ``on_act`` hears of every act that was done."""

    client: httpx.AsyncClient
    sign_in: Callable[[str], Awaitable[str]]
    answers: AnswerBook
    on_act: Callable[[], None] = lambda: None
    tokens: dict[str, str] = field(default_factory=dict)

    async def act(self, account: str, path: str, body: Any, key: str) -> dict[str, Any]:
        """Do something the account may do. Raises BrokenPromise if the bank refuses."""
        answer = await self.attempt(account, path, body, key)
        given = self.answers.known.get((account, key))
        if answer.status in NO_LONGER and given is not None:
            # Done before, by somebody whose right has ended since: what was answered then still stands.
            return dict(given["body"] or {})
        if not answer.allowed:
            raise BrokenPromise(f"{account} POST {path} ({key}): {answer.status} {answer.body}")
        self.answers.hold(account, key, path, answer)
        self.on_act()
        return dict(answer.body or {})

    async def attempt(
        self, account: str, path: str, body: Any, key: str, *, headers: dict[str, str] | None = None
    ) -> Answer:
        """Try something and return whatever comes of it, be it that the account may not even sign in.

        Bytes are sent as they are.
        """
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        try:
            token = await self.token(account)
        except Refusal as refusal:
            return Answer(refusal.status, problem(refusal))
        words = {
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/json",
            "Idempotency-Key": key,
        }
        response = await self.client.post(path, content=sent, headers=words | (headers or {}))
        return read(response)

    async def get(self, account: str, path: str, /, **query: Any) -> Any:
        """Read something the account may read. Raises BrokenPromise if the bank refuses."""
        answer = await self.look(account, path, **query)
        if not answer.allowed:
            raise BrokenPromise(f"{account} GET {path}: {answer.status} {answer.body}")
        return answer.body

    async def look(self, account: str, path: str, /, **query: Any) -> Answer:
        """Read something and return whatever comes of it."""
        headers = {"Authorization": f"Bearer {await self.token(account)}"}
        return read(await self.client.get(path, params=query, headers=headers))

    async def token(self, account: str) -> str:
        """Return the account's bearer token, signing in the first time."""
        if account not in self.tokens:
            self.tokens[account] = await self.sign_in(account)
        return self.tokens[account]


def read(response: httpx.Response) -> Answer:
    """Return the response's status and JSON."""
    return Answer(response.status_code, response.json() if response.content else None)


async def each(things: Iterable[Thing], work: Callable[[Thing], Awaitable[Any]]) -> None:
    """Do the work for each of the things, a few at a time; the first failure ends it all."""
    places = asyncio.Semaphore(AT_ONCE)

    async def one(thing: Thing) -> None:
        async with places:
            await work(thing)

    try:
        async with asyncio.TaskGroup() as group:
            for thing in things:
                group.create_task(one(thing))
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None


async def until(look: Callable[[], Awaitable[Thing | None]], what: str) -> Thing:
    """Look again and again until there is something. Raises BrokenPromise if it never comes."""
    deadline = asyncio.get_running_loop().time() + WAIT_SECONDS_MAX
    while (found := await look()) is None:
        if asyncio.get_running_loop().time() > deadline:
            raise BrokenPromise(f"nobody did it within {WAIT_SECONDS_MAX} s: {what}")
        await asyncio.sleep(POLL_SECONDS)
    return found
