"""Things nobody may do, tried in every way there is: what was expected, what came of it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from policies.vocabulary import Office
from service.bank import Bank
from service.cli import ORIGIN, Act, Exit, perform
from service.demo.hands import Answer, Hands
from service.kernel.failures import sqlstate
from service.people.directory import actor_of_token

API, BATCH, COMMAND_LINE, SQL = "API", "batch", "command line", "SQL"


@dataclass(frozen=True, slots=True)
class Tried:
    """One forbidden act: who tried what in which way, what had to come of it and what did."""

    who: str
    what: str
    way: str
    expected: str
    got: str

    @property
    def held(self) -> bool:
        """Whether the bank said the right no."""
        return self.expected == self.got

    @property
    def rule(self) -> str:
        """The control or the code that bit."""
        return self.got.rsplit(" ", 1)[-1]


@dataclass(slots=True)
class Trials:
    """Tries forbidden acts and keeps what came of each.

    What is expected is written as ``403 not_permitted``, or ``403 D-01`` where a control must have bitten;
    for the command line the exit code stands first, for SQL the error code of PostgreSQL.
    """

    bank: Bank
    hands: Hands
    tried: list[Tried] = field(default_factory=list)

    async def api(
        self,
        who: str,
        what: str,
        path: str,
        body: Any,
        expected: str,
        *,
        key: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        """Try a POST on the public interface."""
        answer = await self.hands.attempt(who, path, body, key or self._key(who, what, API), headers=headers)
        self.note(who, what, API, expected, said(answer, expected))

    async def look(self, who: str, what: str, path: str, expected: str, /, **query: Any) -> None:
        """Try a GET on the public interface."""
        self.note(who, what, API, expected, said(await self.hands.look(who, path, **query), expected))

    async def batch(
        self, who: str, what: str, acts: Sequence[tuple[str, Mapping[str, Any]]], expected: str
    ) -> None:
        """Try several acts in one request; each must be refused for itself."""
        body = [{"action": action, "command": command} for action, command in acts]
        answer = await self.hands.attempt(who, "/api/acts", body, self._key(who, what, BATCH))
        if not answer.allowed:
            self.note(who, what, BATCH, expected, said(answer, expected))
            return
        for (action, _), outcome in zip(acts, answer.body, strict=True):
            one = Answer(outcome["status"], outcome.get("problem"))
            self.note(who, f"{what}: {action}", BATCH, expected, said(one, expected))

    async def command_line(
        self, who: str, what: str, action: str, command: Mapping[str, Any], expected: str
    ) -> None:
        """Try ``trennwand act`` with the account's own rights."""
        actor = await actor_of_token(self.bank.offices, await self.hands.token(who), origin=ORIGIN)
        assert actor is not None
        act = Act(action, json.dumps(command), self._key(who, what, COMMAND_LINE))
        outcome = await perform(self.bank.gate, actor, act)
        name = outcome.told.get("rule") if wants_rule(expected) else outcome.told.get("code")
        got = f"exit {outcome.exit.value} {name}" if outcome.exit is not Exit.OK else "done"
        self.note(who, what, COMMAND_LINE, expected, got)

    async def sql(self, office: Office, what: str, statement: str, expected: str, **values: Any) -> None:
        """Try a statement with the office's own database login, as a compromised process could."""
        try:
            async with self.bank.offices[office].begin() as connection:
                result = await connection.execute(text(statement), values)
                touched = result.scalar() if result.returns_rows else result.rowcount
            got = f"{touched} rows" if touched else "nothing"
        except DBAPIError as failure:
            got = f"refused {sqlstate(failure)}"
        self.note(f"login of {office.value}", what, SQL, expected, got)

    def note(self, who: str, what: str, way: str, expected: str, got: str) -> None:
        """Keep what came of one."""
        self.tried.append(Tried(who, what, way, expected, got))

    def _key(self, who: str, what: str, way: str) -> str:
        return f"forbidden-{way}-{who}-{what}".replace(" ", "-")[:120]


def said(answer: Answer, expected: str) -> str:
    """Return the answer's status with the control that bit, if one was expected, else with its code."""
    problem = answer.body if isinstance(answer.body, dict) else {}
    name = problem.get("rule") if wants_rule(expected) else problem.get("code")
    return f"{answer.status} {name}"


def wants_rule(expected: str) -> bool:
    """Tell whether a control such as ``D-01`` is expected rather than a code."""
    return expected.rsplit(" ", 1)[-1][:1].isupper()
