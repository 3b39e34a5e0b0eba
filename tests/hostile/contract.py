"""The interface against its own description: generated requests, right and wrong, by every role.

Schemathesis makes the requests out of the OpenAPI file and judges the answers by it: no server error, a status, a media
type and a body that the file names, and no success for what the file calls wrong. Identifiers and versions are those
of a bank that has worked, since a request about nothing is answered 404 and shows nothing. What every office did to
bring the bank there is held against the file as well: these are the answers that allow.

    python -m tests.hostile.contract --examples N --seed S
"""

import argparse
import asyncio
import contextlib
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import FailedHealthCheck, Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.core.failures import FailureGroup
from schemathesis.generation.case import Case

from policies.policy import load
from policies.vocabulary import Action, Office
from service.demo import cast
from service.faces import action_of
from service.kernel import embedded
from tests.bank import World
from tests.furnishing import furnish
from tests.hostile.identities import Identities
from tests.rights import granted, newcomer

EXAMINER = "visiting-examiner"
SHORT, SEED = 1, 20261027
JUDGED = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
)
LAST = ("/api/sessions/current", "/api/sessions/current/password", "/api/business-date")
"""What would end the caller's session or move the bank's date under the others: tried when the rest is done."""
ORIGIN = "http://bank.test"
Scene = Callable[[World], Awaitable[Any]]
"""What the offices do before, so that there is something to ask about."""


@dataclass
class Tally:
    """What a run did and what it found."""

    operations: int = 0
    roles: int = 0
    cases: int = 0
    pairs: set[tuple[str, str]] = field(default_factory=set)
    answers: Counter[int] = field(default_factory=Counter)
    server_errors: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)

    def lines(self) -> Iterator[str]:
        """Yield what is printed."""
        yield f"operations {self.operations}, roles {self.roles}, pairs tried {len(self.pairs)}"
        yield f"cases run {self.cases}: " + ", ".join(f"{n} x {s}" for s, n in sorted(self.answers.items()))
        yield f"server errors {len(self.server_errors)}, contract violations {len(self.violations)}"
        yield from sorted({*self.server_errors, *self.violations})


class Contract:
    """The description of one application, and its judgement about answers."""

    def __init__(self, described: dict[str, Any]) -> None:
        load_all_checks()
        self.schema = schemathesis.openapi.from_dict(described)
        self.operations = {
            operation.label: operation
            for operation in (found.ok() for found in self.schema.get_all_operations())
            if operation.path.startswith(("/api", "/audit", "/health"))
        }
        self.checks = [CHECKS.get_one(name) for name in JUDGED]

    def cases(self, label: str, mode: GenerationMode, count: int, number: int) -> list[Case]:
        """Return requests for one operation; none where there is no wrong way to call it."""
        found: list[Case] = []

        @seed(number)
        @settings(
            max_examples=count,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=[one for one in HealthCheck if one is not HealthCheck.filter_too_much],
        )
        @given(self.operations[label].as_strategy(generation_mode=mode))
        def collect(case: Case) -> None:
            found.append(case)

        with contextlib.suppress(Unsatisfiable, FailedHealthCheck):  # there is hardly a wrong way to call it
            collect()
        return found[:count]

    def judge(self, case: Case, answer: httpx.Response, tally: Tally, by: str) -> None:
        """Add the answer to the tally, and what is wrong with it."""
        tally.cases += 1
        tally.answers[answer.status_code] += 1
        where = f"{case.operation.label} by {by}"
        if answer.status_code >= 500 and answer.status_code != 503:
            tally.server_errors.append(f"{where}: {answer.status_code} {sent(answer)}")
            return
        try:
            case.validate_response(answer, checks=self.checks)
        except FailureGroup as group:
            for failure in group.exceptions:
                said = " ".join(str(failure).split())[:300]
                tally.violations.append(
                    f"{where}: {answer.status_code} {said} [{sent(answer)}] {answer.text[:200]}"
                )


def sent(answer: httpx.Response) -> str:
    """Return the request in short."""
    body = answer.request.content.decode("utf-8", "replace")[:300]
    return f"{answer.request.method} {answer.request.url.raw_path.decode('ascii', 'replace')[:200]} {body}".strip()


def request_of(case: Case) -> httpx.Request | None:
    """Return the request as it goes out; None for one that no client could spell."""
    told = case.as_transport_kwargs(base_url=ORIGIN)
    told["headers"] = {
        name: value for name, value in told["headers"].items() if name.lower() != "authorization"
    }
    try:
        ready = requests.Request(**told).prepare()
        headers = [(name, value) for name, value in ready.headers.items() if name.lower() != "content-length"]
        return httpx.Request(ready.method or "GET", ready.url or ORIGIN, headers=headers, content=ready.body)
    except (requests.RequestException, httpx.InvalidURL, UnicodeError, ValueError):
        return None


@dataclass
class Run:
    """One run over a bank that has worked."""

    world: World
    contract: Contract
    identities: Identities
    accounts: dict[str, str]
    powers: dict[str, frozenset[Action]]
    tally: Tally = field(default_factory=Tally)
    sent: int = 0

    async def ask(self, case: Case, role: str, *, true: bool) -> None:
        """Send a request as somebody of a role, and judge the answer."""
        if true:
            await self.identities.put_into(case)
        request = request_of(case)
        if request is None:
            return
        self.sent += 1
        if true and request.method == "POST":
            request.headers["Idempotency-Key"] = f"case-{self.sent}"
        account = self.accounts[role]
        caller = await self.world.as_(account)
        request.headers["Authorization"] = caller.client.headers["Authorization"]
        answer = await caller.client.send(request)
        self.tally.pairs.add((case.operation.label, role))
        self.contract.judge(case, answer, self.tally, role)
        if answer.status_code == 401 or "/sessions" in case.path:
            await self.world.callers.pop(account).client.aclose()

    async def ask_as_nobody(self, case: Case, action: Action | None) -> None:
        """Send a request without a token: what stands for an act is answered 401, whatever it asks for."""
        request = request_of(case)
        if request is None or action is None:
            return
        async with self.world.anonymous() as client:
            answer = await client.send(request)
        self.contract.judge(case, answer, self.tally, "nobody")
        if answer.status_code not in (401, 413, 415):
            said = f"{case.operation.label} by nobody: {answer.status_code}, not 401 [{sent(answer)}]"
            self.tally.violations.append(said)

    async def play(self, examples: int, number: int, *, everybody: bool) -> Tally:
        """Try every operation by whoever may do it, and by others who may not; by every role if so wished."""
        actions = actions_of(self.world)
        roles = sorted(self.accounts)
        labels = sorted(self.contract.operations, key=lambda one: (one.split()[1] in LAST, one))
        self.tally.operations, self.tally.roles = len(labels), len(roles)
        for at, label in enumerate(labels):
            action = actions.get(label)
            may = [role for role in roles if action is None or action in self.powers[role]]
            may_not = [role for role in roles if role not in may]
            right = self.contract.cases(label, GenerationMode.POSITIVE, examples + 1, number)[-examples:]
            wrong = self.contract.cases(label, GenerationMode.NEGATIVE, examples, number)
            for case in right[:1]:
                await self.ask_as_nobody(case, action)
            for who, said in ((may, wrong), (may_not, wrong if everybody else [])):
                for role in who if everybody else who[at % len(who) :][:1] if who else []:
                    for case in right:
                        await self.ask(case, role, true=True)
                    for case in said:
                        await self.ask(case, role, true=False)
            await asyncio.sleep(0)
        return self.tally


def actions_of(world: World) -> dict[str, Action]:
    """Return what each operation stands for, by its label in the file."""
    found: dict[str, Action] = {}
    for route in world.app.routes:
        for handler in getattr(route, "route_handlers", ()):
            action = action_of(handler)
            if action is not None:
                for method in handler.http_methods:
                    found[f"{method} {route.path_format or '/'}"] = action
    return found


def accounts_by_role() -> dict[str, str]:
    """Return one account for each role of the cast; nobody signs in to the account of a service."""
    people = [plan for plan in reversed(cast.ACCOUNTS) if not plan.service]
    return {role: plan.name for plan in people for role in plan.roles}


async def an_examiner(world: World) -> None:
    """Let somebody from outside look in, as three people grant it."""
    await newcomer(world, "Internal audit", visiting_examiner=Office.INTERNAL_AUDIT)
    await granted(world, EXAMINER, "examiner")


async def described(world: World) -> dict[str, Any]:
    """Return the file as it is served."""
    async with world.anonymous() as client:
        return dict((await client.get("/api/openapi.json")).json())


def heard(world: World) -> list[httpx.Response]:
    """Return a list that fills with every answer the bank gives from now on."""
    answers: list[httpx.Response] = []
    plain = world.anonymous

    async def keep(answer: httpx.Response) -> None:
        await answer.aread()
        answers.append(answer)

    def listening(headers: dict[str, str] | None = None) -> httpx.AsyncClient:
        client = plain(headers)
        client.event_hooks = {"response": [keep]}
        return client

    world.anonymous = listening  # type: ignore[method-assign]
    return answers


def judge_traffic(contract: Contract, answers: Iterable[httpx.Response], tally: Tally) -> None:
    """Hold answers to what the offices really did against the file."""
    for answer in answers:
        operation = contract.schema.find_operation_by_path(
            answer.request.method.lower(), answer.request.url.path
        )
        if operation is None or operation.label not in contract.operations:
            continue
        named = dict.fromkeys(re.findall(r"{(\w+)}", operation.path), "any")
        contract.judge(operation.Case(path_parameters=named), answer, tally, "the offices at work")


async def run(world: World, scene: Scene, examples: int, number: int, *, everybody: bool = False) -> Tally:
    """Let the bank work, then try the whole interface."""
    contract = Contract(await described(world))
    answers = heard(world)
    await scene(world)
    await an_examiner(world)
    tally = Tally()
    await asyncio.to_thread(judge_traffic, contract, answers, tally)
    answers.clear()
    accounts = accounts_by_role() | {"examiner": EXAMINER}
    run = Run(world, contract, Identities(world), accounts, load().powers_of, tally)
    return await run.play(examples, number, everybody=everybody)


def main() -> int:
    """Run over a bank of its own and print what was found."""
    from service.settings import Settings
    from tests.conftest import OPENING_DATE, be_quick, make_template, opened

    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--examples", type=int, default=5, help="right and wrong requests of each pair")
    words.add_argument("--seed", type=int, default=SEED)
    words.add_argument("--few", action="store_true", help="two roles for each operation instead of all")
    said = words.parse_args()
    began = time.monotonic()

    async def whole(server_url: str, data: Path) -> Tally:
        await be_quick(server_url)
        template = await make_template(Settings(data=data / "bank"), server_url, OPENING_DATE)
        async with opened(template) as world:
            return await run(world, furnish, said.examples, said.seed, everybody=not said.few)

    with tempfile.TemporaryDirectory() as place:
        data = Path(place)
        with embedded.start(data / "server") as server:
            tally = asyncio.run(whole(server.url(), data))
        embedded.erase(data / "server")
    print(f"seed {said.seed}, {said.examples} examples, {time.monotonic() - began:.0f} s")
    print(*tally.lines(), sep="\n")
    return 1 if tally.server_errors or tally.violations else 0


if __name__ == "__main__":
    sys.exit(main())
