"""A line to the database that falls silent: who waits gets a definite answer, and what was asked is done once."""

import asyncio
import socket
import time
from dataclasses import replace
from pathlib import Path

from sqlalchemy.engine import make_url

from policies.vocabulary import Office
from service import bank as banks
from service.kernel.lines import ASK_AFTER_SECONDS, Line, keep_alive
from tests.bank import world
from tests.conftest import Template, as_administrator, copied
from tests.deals import TERMS
from tests.faults.proxy import Proxy

CALLERS = 4


async def test_a_silent_line_ends_in_a_definite_answer_and_the_act_is_done_once(
    furnished: Template, tmp_path: Path
) -> None:
    bank = await copied(furnished, tmp_path / "bank")
    query = make_url(bank.admin_url).query
    target = Path(str(query["host"])) / f".s.PGSQL.{query['port']}"
    settings = replace(bank.settings, database_seconds=1)
    with Proxy(target).listening() as line:
        urls = dict(bank.urls)
        there = make_url(urls[Office.FRONT_OFFICE]).set(host="127.0.0.1", port=line.port, query={})
        urls[Office.FRONT_OFFICE] = there.render_as_string(hide_password=False)
        async with banks.running(
            settings, bank.admin_url, urls, policy=bank.policy, keep_log=False
        ) as open_bank:
            here = world(open_bank)
            trader = await here.as_("trader")
            assert (await trader.post("/api/trades", TERMS, key="before")).status_code == 201

            line.state = "silent"
            began = time.monotonic()
            answers = await asyncio.gather(
                *(trader.post("/api/trades", TERMS, key=f"silent-{number}") for number in range(CALLERS))
            )
            waited = time.monotonic() - began
            assert {(one.status_code, one.json()["code"]) for one in answers} == {(503, "database_silent")}
            assert waited < 10, "a second to wait, one to cancel, and nobody behind them"
            print(f"{CALLERS} callers had their answer {waited:.1f} s after the line fell silent")

            line.speak_again()
            again = [
                await trader.post("/api/trades", TERMS, key=f"silent-{number}") for number in range(CALLERS)
            ]
            assert {one.status_code for one in again} == {201}
            deals = await trader.get("/api/trades", limit=200)
            assert len(deals.json()["items"]) == CALLERS + 1
            await here.close()
    await as_administrator(bank.server_url, f"DROP DATABASE {make_url(bank.admin_url).database} WITH (FORCE)")


async def test_the_operating_system_is_asked_to_find_out_that_the_other_end_is_gone() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()) as line,
    ):
        keep_alive(line)
        assert line.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        if hasattr(socket, "TCP_KEEPIDLE"):
            assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == ASK_AFTER_SECONDS
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) > 0
    keep_alive(None)
    assert issubclass(Line, __import__("asyncpg").Connection)
