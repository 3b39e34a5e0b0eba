"""A bank for production: everything unsafe is refused at once, and a safe one is served, watched and told of."""

import asyncio
import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy.engine import make_url

from policies.policy import load as load_policy
from policies.vocabulary import Office
from service import bank as banks
from service.demo import cast
from service.kernel import embedded
from service.production import must_be_safe, unsafe
from service.settings import Settings, asyncpg_url, load
from tests.bank import PASSWORD, World
from tests.conftest import Template, as_administrator
from tests.faults.processes import CLONE, free_port
from tests.integration.test_real_server import a_database

LEI = "529900T8BM49AURSDO55"
SETTINGS = f"""
demo = false
origin = "bank.example/log"
entity_name = "Example Bank"
entity_lei = "{LEI}"
front = "https://trennwand.example"
one_process = true
clock = "elsewhere"
"""


async def test_every_unsafe_setting_of_a_bank_is_told_at_once(template: Template) -> None:
    settings = replace(template.settings, demo=False, database_url=template.admin_url)
    found = await unsafe(settings, template.urls)
    said = {one.setting for one in found}
    assert {"entity_lei", "entity_name", "origin", "front", "one_process"} <= said, (
        "what is written in settings"
    )
    assert {"fsync", "full_page_writes", "synchronous_commit"} <= said, "what the tests' careless server says"
    assert any("superuser" in one.why for one in found if one.setting == "DATABASE_URL")
    assert any("demo bank stands" in one.why for one in found if one.setting == "DATABASE_URL")
    assert len(found) == len(set(found))


async def test_a_login_of_an_office_with_powers_of_its_own_is_refused(template: Template) -> None:
    login = str(make_url(template.urls[Office.FRONT_OFFICE]).username)
    urls = {Office.FRONT_OFFICE: template.urls[Office.FRONT_OFFICE]}
    settings = replace(template.settings, demo=False)
    for power, words in (
        ("CREATEROLE", "take CREATEROLE"),
        ("BYPASSRLS", "superuser"),
        ("SUPERUSER", "superuser"),
    ):
        await as_administrator(template.server_url, f'ALTER ROLE "{login}" {power}')
        found = await unsafe(settings, urls, (Office.FRONT_OFFICE,))
        await as_administrator(template.server_url, f'ALTER ROLE "{login}" NO{power}')
        assert any(words in one.why for one in found if one.setting == "DATABASE_URL_FRONT_OFFICE"), power
    found = await unsafe(settings, urls, (Office.FRONT_OFFICE,))
    assert not any(one.setting == "DATABASE_URL_FRONT_OFFICE" for one in found)


async def test_keys_beside_the_files_of_the_database_are_refused(
    template: Template, server: embedded.Server
) -> None:
    settings = replace(template.settings, demo=False, database_url=template.admin_url, data=server.home)
    found = await unsafe(settings, {})
    assert any("keys lie where the database's files do" in one.why for one in found)


async def test_a_database_that_cannot_be_reached_is_named_and_a_demo_bank_asks_for_nothing(
    tmp_path: Path,
) -> None:
    nowhere = f"postgresql+asyncpg://operator:{secrets.token_urlsafe(20)}@127.0.0.1:{free_port()}/bank"
    settings = Settings(data=tmp_path, demo=False, database_url=nowhere)
    assert any("cannot be looked at" in one.why for one in await unsafe(settings, {}))
    await must_be_safe(replace(settings, demo=True), {})


@pytest.fixture
def careful(tmp_path: Path) -> Iterator[embedded.Server]:
    """Give a PostgreSQL that keeps what it acknowledged."""
    with embedded.start(tmp_path / "careful") as running:
        yield running
    embedded.erase(tmp_path / "careful")


def test_a_safe_bank_is_served_with_lines_for_machines_and_metrics_and_an_unsafe_one_is_not(
    careful: embedded.Server, tmp_path: Path
) -> None:
    data, metrics_port, port = tmp_path / "data", free_port(), free_port()
    data.mkdir(mode=0o700)
    (data / "trennwand.toml").write_text(SETTINGS)
    environment = asyncio.run(a_bank_for_production(careful, data))
    environment["TRENNWAND_METRICS"] = f"127.0.0.1:{metrics_port}"
    command = [sys.executable, "-m", "service", "serve", "--data", str(data), "--port", str(port)]

    unsafe_ones = {"PYTHONDEVMODE": "1", "TRENNWAND_METRICS": "0.0.0.0:1"}
    refused = subprocess.run(
        command,
        cwd=CLONE,
        env=environment | unsafe_ones,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert refused.returncode == 1
    named = [line.partition(":")[0].strip() for line in refused.stderr.splitlines()]
    assert named[-3:] == ["PYTHONDEVMODE", "metrics", "python"]

    with subprocess.Popen(
        command, cwd=CLONE, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as node:
        assert node.stdout is not None
        assert node.stdout.readline().startswith("serving"), node.communicate()[1]
        with httpx.Client(trust_env=False, base_url=f"http://127.0.0.1:{port}") as client:
            body = {"account": "trader", "password": PASSWORD}
            token = client.post("/api/sessions", json=body).json()["token"]
            answer = client.get("/api/powers", headers={"Authorization": f"Bearer {token}"})
            metrics = client.get(f"http://127.0.0.1:{metrics_port}/metrics").text
            assert client.get(f"http://127.0.0.1:{metrics_port}/else").status_code == 404
        node.send_signal(signal.SIGTERM)
        _, said = node.communicate(timeout=60)
    assert node.returncode == 0
    doctor = [*command[:3], "doctor", "--data", str(data), "--json"]
    examined = subprocess.run(
        doctor, cwd=CLONE, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert (examined.returncode, json.loads(examined.stdout)["unsafe for production"]) == (0, [])
    (line,) = [one for one in map(json.loads, said.splitlines()) if one.get("route") == "/api/powers"]
    assert (line["status"], line["office"], line["outcome"]) == (200, "front_office", "done")
    assert line["id"] == answer.headers["x-request-id"]
    figures = {one.name for one in text_string_to_metric_families(metrics)}
    assert {"trennwand_requests", "trennwand_acts", "trennwand_log_uncovered", "trennwand_ready"} <= figures


async def a_bank_for_production(server: embedded.Server, data: Path) -> dict[str, str]:
    """Found a bank that nothing is said against; return the environment it is served in."""
    url = await a_database(server.url())
    own = {name: value for name, value in os.environ.items() if not name.startswith(("TRENNWAND_", "PYTHON"))}
    environment = {**own, "PYTHONPATH": str(CLONE), "DATABASE_URL": url}
    settings, policy = load(data, environment), load_policy()
    admin_url, urls = await banks.prepare(settings, asyncpg_url(url), policy)
    founding = replace(cast.founding(date(2026, 10, 27)), own_bank=(LEI, "Example Bank", "EXBKDEFF"))
    passwords = dict.fromkeys(cast.people(), (PASSWORD, False))
    await banks.found(settings, admin_url, policy, founding, passwords)
    assert await unsafe(settings, urls, environment=environment) == []
    return environment


async def test_the_door_of_the_demo_desks_is_shut_in_production(bank_world: World) -> None:
    bank_world.bank.settings = replace(bank_world.bank.settings, demo=False)
    async with bank_world.anonymous({"Sec-Fetch-Site": "same-origin"}) as client:
        answer = await client.post("/demo-desk", data={"account": "trader"})
        page = await client.get("/sign-in")
    assert answer.status_code in (403, 404)
    assert "/demo-desk" not in page.text
