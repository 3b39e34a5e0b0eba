"""Two nodes on one bank: what ends on one has ended on the other, either may be restarted, and either may die."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from service.kernel.clock import SystemClock
from tests.bank import PASSWORD
from tests.conftest import Template, as_administrator, copied
from tests.drafts import GOOD
from tests.faults.crowd import TERMS_OF_TODAY, Line, signed_in
from tests.faults.processes import POLL_SECONDS, STALLED_SECONDS_MAX, Process, free_port
from tests.faults.proxy import Proxy
from tests.promises import Finished, broken

WAITING = 200
CALLERS = 3
LOOK_SECONDS_MAX = 0.5  # of one look whether a node is ready; longer, and it counts as not ready
DRAIN_SECONDS = 3  # several looks, however busy the machine
ANSWERS_BETWEEN = 5
SLOW_SECONDS = 0.01
COMES_INTO_FORCE_SECONDS = 6


@dataclass
class Nodes:
    """Two nodes on one bank, each with a line of its own to the database."""

    bank: Template
    processes: list[Process]
    ports: list[int]
    lines: list[Proxy]
    heard: list[dict[str, Any]] = field(default_factory=list)
    called: list[Line] = field(default_factory=list)

    def call(self, *numbers: int) -> Line:
        """Return a client's connection to one node, or to the first of these that answers."""
        self.called.append(Line([self.ports[number] for number in numbers]))
        return self.called[-1]

    async def start(self, number: int) -> None:
        """Start a node beside whichever serves already, and wait until it is ready."""
        async with httpx.AsyncClient(trust_env=False) as client, asyncio.timeout(STALLED_SECONDS_MAX):
            while not await is_ready(client, self.ports[number]):
                self.processes[number].keep()
                await asyncio.sleep(POLL_SECONDS)

    async def stop(self, number: int) -> int | None:
        """Tell a node to end, and wait until it has."""
        self.processes[number].signal(signal.SIGTERM)
        async with asyncio.timeout(STALLED_SECONDS_MAX):
            while self.processes[number].runs():  # noqa: ASYNC110 - another process
                await asyncio.sleep(POLL_SECONDS)
        running = self.processes[number].running
        return None if running is None else running.returncode

    async def capture(self, line: Line, token: str, key: str) -> Any:
        """Enter a deal under a key, asking whichever node answers; keep the answer."""
        answer = await line.ask("POST", "/api/trades", token, TERMS_OF_TODAY, key)
        self.hear(key, answer.status, answer.body)
        return answer

    def hear(self, key: str, status: int, told: Mapping[str, Any]) -> None:
        """Keep what a client was told."""
        said = {name: told.get(name) for name in ("receipt", "decision", "code")}
        self.heard.append({"account": "trader", "key": key, "status": status, **said})


async def is_ready(client: httpx.AsyncClient, port: int) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return (await client.get(f"http://127.0.0.1:{port}/health/ready")).status_code == 200
    return False


@pytest.fixture
def two_lines(furnished: Template, tmp_path: Path) -> Iterator[list[Proxy]]:
    """Give two lines to the database of the test's bank."""
    query = make_url(furnished.admin_url).query
    target = Path(str(query["host"])) / f".s.PGSQL.{query['port']}"
    with Proxy(target).listening() as one, Proxy(target).listening() as other:
        yield [one, other]


@pytest.fixture
async def nodes(furnished: Template, two_lines: list[Proxy], tmp_path: Path) -> AsyncIterator[Nodes]:
    """Give two nodes on a fresh copy of the bank that can deal; they are killed at the end."""
    bank = await copied(furnished, tmp_path / "bank")
    data = bank.settings.data
    (data / "trennwand.toml").write_text(f"drain_seconds = {DRAIN_SECONDS}\n")
    logins = data / "keys" / f"logins-{make_url(bank.admin_url).database}.json"
    next((data / "keys").glob("logins-*.json")).rename(logins)  # the addresses below say who logs in
    ports, processes = [free_port(), free_port()], []
    for number, line in enumerate(two_lines):
        urls = {"DATABASE_URL": by(line, bank.admin_url)}
        urls |= {f"DATABASE_URL_{office.name}": by(line, url) for office, url in bank.urls.items()}
        command = [sys.executable, "-m", "service", "serve", "--beside", "--data", str(data)]
        processes.append(Process(f"node {number}", [*command, "--port", str(ports[number])], data, urls))
    found = Nodes(bank, processes, ports, two_lines)
    try:
        await asyncio.gather(found.start(0), found.start(1))
        yield found
    finally:
        for process in processes:
            process.kill()
        for line in found.called:
            line.hang_up()
    await as_administrator(bank.server_url, f"DROP DATABASE {make_url(bank.admin_url).database} WITH (FORCE)")


def by(line: Proxy, url: str) -> str:
    """Return the address of a login by a line."""
    there = make_url(url).set(host="127.0.0.1", port=line.port, query={})
    return there.render_as_string(hide_password=False)


async def test_two_nodes_are_one_bank_and_either_may_go_at_any_time(nodes: Nodes) -> None:
    await what_ends_on_one_node_has_ended_on_the_other(nodes)
    await a_right_or_session_given_up_on_one_node_is_none_on_the_other(nodes)
    await two_hundred_requests_wait_and_their_node_is_killed(nodes)
    await nodes.start(0)
    await a_policy_approved_on_one_node_decides_every_act_on_both_from_one_moment_on(nodes)
    await both_are_restarted_and_no_request_fails(nodes)
    assert [await nodes.stop(number) for number in (0, 1)] == [0, 0]
    assert await broken(Finished(nodes.bank.settings, nodes.bank.admin_url, nodes.heard)) == []


async def what_ends_on_one_node_has_ended_on_the_other(nodes: Nodes) -> None:
    one, other = nodes.call(0), nodes.call(1)
    token = await signed_in(one, "settler")
    assert (await other.ask("GET", "/api/powers", token)).status == 200
    admin = await signed_in(other, "rights-admin")
    persons = await other.ask("GET", "/api/persons?limit=200", admin)
    (person,) = [
        one for one in persons.body["items"] if "settler" in {login["name"] for login in one["accounts"]}
    ]
    assert (await one.ask("GET", "/api/powers", token)).status == 200  # asked here just now
    body = {"version": person["version"], "reason": "leaves the bank"}
    path = f"/api/persons/{person['id']}/disablement"
    assert (await other.ask("POST", path, admin, body, "settler-leaves")).status == 200
    assert (await one.ask("GET", "/api/powers", token)).status == 401
    refused = await one.ask("POST", "/api/sessions", body={"account": "settler", "password": PASSWORD})
    assert refused.status in (401, 403)


async def a_right_or_session_given_up_on_one_node_is_none_on_the_other(nodes: Nodes) -> None:
    one, other = nodes.call(0), nodes.call(1)
    legal, admin = await signed_in(one, "legal"), await signed_in(other, "rights-admin")
    assert (await one.ask("GET", "/api/agreements", legal)).status == 200
    found = await other.ask("GET", "/api/grants?state=executed&limit=200", admin)
    rights = [right for right in found.body["items"] if right["account_name"] == "legal"]
    assert rights
    for right in rights:
        body = {
            "version": right["version"],
            "reason": "moves on",
            "accept_dead_end": "a successor comes on Monday",
        }
        path = f"/api/grants/{right['id']}/revocation"
        assert (await other.ask("POST", path, admin, body, f"revoke-{right['id']}")).status == 200
    assert (await one.ask("GET", "/api/agreements", legal)).status in (401, 403)

    accountant = await signed_in(one, "accountant")
    assert (await other.ask("GET", "/api/powers", accountant)).status == 200
    assert (await one.ask("DELETE", "/api/sessions/current", accountant, {}, "out")).status == 204
    assert (await other.ask("GET", "/api/powers", accountant)).status == 401


DECIDED_BY = """
SELECT e.recorded_at < p.recorded_at AS before, convert_from(e.bytes, 'UTF8')::jsonb #>> '{decision,policy}' AS policy,
       count(*) AS acts
  FROM audit_entry e, audit_entry p
 WHERE e.act = 'trade.capture' AND p.act = 'policy.publish' AND convert_from(p.bytes, 'UTF8')::jsonb->'data' ? 'draft'
 GROUP BY 1, 2
"""


async def a_policy_approved_on_one_node_decides_every_act_on_both_from_one_moment_on(nodes: Nodes) -> None:
    """The verifiers get one more thing to read, while deals are entered on both nodes."""
    one, other = nodes.call(0), nodes.call(1)
    verifier, trader = await signed_in(one, "verifier"), await signed_in(one, "trader")
    for line in (one, other):
        assert (await line.ask("GET", "/api/balances", verifier)).status == 403

    async def deal(number: int) -> None:
        line = nodes.call(number)
        for turn in range(1_000_000):
            assert (await nodes.capture(line, trader, f"under-{number}-{turn}")).status == 201

    dealing = [asyncio.create_task(deal(number)) for number in (0, 1)]
    draft = await approved_in_between(one, other)
    async with asyncio.timeout(STALLED_SECONDS_MAX):
        for line in (one, other):
            while (await line.ask("GET", "/api/balances", verifier)).status != 200:  # noqa: ASYNC110 - other processes
                await asyncio.sleep(POLL_SECONDS)
    heard = len(nodes.heard)
    while len(nodes.heard) < heard + ANSWERS_BETWEEN:
        assert not any(task.done() for task in dealing)
        await asyncio.sleep(POLL_SECONDS)
    for task in dealing:
        task.cancel()
    await asyncio.gather(*dealing, return_exceptions=True)
    admin = create_async_engine(nodes.bank.admin_url, poolclass=NullPool)
    async with admin.connect() as connection:
        found = (await connection.execute(text(DECIDED_BY))).all()
    await admin.dispose()
    told = {(row.before, row.policy == draft["policy"]): row.acts for row in found}
    print(f"acts decided by the old policy {told[True, False]}, by the new one {told[False, True]}")
    assert set(told) == {(True, False), (False, True)}


async def approved_in_between(one: Line, other: Line) -> Any:
    """Draft a change on one node and approve it on both; return it as the second approval left it."""
    author = await signed_in(one, "policy-author")
    at = SystemClock().now() + timedelta(seconds=COMES_INTO_FORCE_SECONDS)
    body = {"files": GOOD, "reason": "the verifier compares with the books", "effective_at": at.isoformat()}
    draft = (await one.ask("POST", "/api/policy/drafts", author, body, "draft")).body
    for line, account in ((other, "policy-approver"), (one, "other-policy-approver")):
        token = await signed_in(line, account)
        path = f"/api/policy/drafts/{draft['id']}/approval"
        answer = await line.ask("POST", path, token, {"version": draft["version"]}, f"approve-{account}")
        assert answer.status == 200, answer.body
        draft = answer.body
    return draft


async def two_hundred_requests_wait_and_their_node_is_killed(nodes: Nodes) -> None:
    token = await signed_in(nodes.call(1), "trader")
    nodes.lines[0].delay_seconds, nodes.lines[0].state = (
        SLOW_SECONDS,
        "slow",
    )  # so that most wait while the first are committed
    asking = [
        asyncio.create_task(nodes.capture(nodes.call(0, 1), token, f"waiting-{number}"))
        for number in range(WAITING)
    ]
    async with asyncio.timeout(STALLED_SECONDS_MAX):
        while not nodes.heard:  # noqa: ASYNC110 - a moment in the middle is wanted
            await asyncio.sleep(POLL_SECONDS / 10)
    nodes.processes[0].kill()
    answered_before = len(nodes.heard)
    nodes.lines[0].state = "open"
    answers = await asyncio.gather(*asking)

    assert answered_before < WAITING
    assert {answer.status for answer in answers} == {201}
    assert len({answer.body["id"] for answer in answers}) == WAITING
    in_doubt = sum(answer.silent > 0 for answer in answers)
    print(
        f"{answered_before} of {WAITING} were answered before the kill, {in_doubt} asked again by their keys"
    )
    assert in_doubt > 0
    deals = await nodes.call(1).ask("GET", "/api/trades?limit=200", token)
    assert {one["id"] for one in deals.body["items"]} == {answer.body["id"] for answer in answers}


@dataclass
class Balancer:
    """Sends each request to a node that says it is ready, as whatever stands before the nodes does."""

    ports: list[int]
    ready: dict[int, bool] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    answered: int = 0
    turn: int = 0

    async def watch(self, port: int) -> None:
        """Look all the time whether a node is ready."""
        async with httpx.AsyncClient(trust_env=False, timeout=LOOK_SECONDS_MAX) as client:
            while True:
                self.ready[port] = await is_ready(client, port)
                await asyncio.sleep(POLL_SECONDS)

    async def somebody(self) -> int:
        """Return the port of a node that is ready, each in turn; wait while none is."""
        while not (ready := [port for port in self.ports if self.ready.get(port)]):  # noqa: ASYNC110 - as above
            await asyncio.sleep(POLL_SECONDS)
        self.turn += 1
        return ready[self.turn % len(ready)]

    async def send(self, nodes: Nodes, token: str, caller: int) -> None:
        """Send one request after the other; whatever is no answer of an act is a failure."""
        async with httpx.AsyncClient(trust_env=False, timeout=STALLED_SECONDS_MAX) as client:
            for number in range(1_000_000):
                port, key = await self.somebody(), f"rolling-{caller}-{number}"
                headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
                try:
                    answer = await client.post(
                        f"http://127.0.0.1:{port}/api/trades", json=TERMS_OF_TODAY, headers=headers
                    )
                except httpx.HTTPError as failure:
                    self.failed.append(f"{key}: {failure!r}")
                    continue
                if answer.status_code != 201:
                    self.failed.append(f"{key}: {answer.status_code} {answer.text}")
                    continue
                nodes.hear(key, answer.status_code, answer.json())
                self.answered += 1
                await asyncio.sleep(POLL_SECONDS)

    async def go_on(self) -> None:
        """Wait until some more requests were answered."""
        until = self.answered + ANSWERS_BETWEEN
        async with asyncio.timeout(STALLED_SECONDS_MAX):
            while self.answered < until:  # noqa: ASYNC110 - as above
                await asyncio.sleep(POLL_SECONDS)


async def both_are_restarted_and_no_request_fails(nodes: Nodes) -> None:
    balancer = Balancer(nodes.ports)
    token = await signed_in(nodes.call(1), "trader")
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(balancer.watch(port)) for port in nodes.ports]
        while len([one for one in balancer.ready.values() if one]) < len(nodes.ports):  # noqa: ASYNC110 - as above
            await asyncio.sleep(POLL_SECONDS)
        tasks += [group.create_task(balancer.send(nodes, token, caller)) for caller in range(CALLERS)]
        for number in (0, 1):
            await balancer.go_on()
            assert await nodes.stop(number) == 0
            await balancer.go_on()
            await nodes.start(number)
        await balancer.go_on()
        for task in tasks:
            task.cancel()
    print(f"{balancer.answered} requests answered while both nodes were restarted")
    assert balancer.failed == []
