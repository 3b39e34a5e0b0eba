"""What Prometheus reads: acts and requests counted, and how log, work, pools and proof stand; nobody is named."""

import asyncio
import re

import httpx
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy.ext.asyncio import AsyncConnection

from policies.vocabulary import Office
from service.journal import Requests
from service.metrics import Metrics
from service.watching import Watched
from tests.bank import World
from tests.deals import TERMS
from tests.keeping import publish

Figures = dict[tuple[str, tuple[tuple[str, str], ...]], float]


async def read(world: World) -> tuple[Figures, str]:
    """Ask anew."""
    told = (await Metrics(world.bank).text()).decode()
    found = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(told)
        for sample in family.samples
    }
    return found, told


def of(figures: Figures, name: str, **labels: str) -> float:
    return figures.get((name, tuple(sorted(labels.items()))), 0.0)


async def test_acts_refusals_requests_log_and_work_are_counted_and_nobody_is_named(ready_bank: World) -> None:
    before, _ = await read(ready_bank)
    watched = Watched(ready_bank.app, Requests("quiet"))
    caller = await ready_bank.as_("trader")
    transport = httpx.ASGITransport(app=watched)  # type: ignore[arg-type]
    async with httpx.AsyncClient(
        transport=transport, base_url="http://bank.test", headers=caller.client.headers
    ) as trader:
        keys = [{"Idempotency-Key": f"deal-{number}"} for number in range(5)]
        deals = await asyncio.gather(*(trader.post("/api/trades", json=TERMS, headers=key) for key in keys))
        await trader.post("/api/trades", json=TERMS, headers=keys[0])
        path = f"/api/trades/{deals[0].json()['id']}/verification"
        await trader.post(path, json={"version": 1}, headers={"Idempotency-Key": "own"})
    waiting, told = await read(ready_bank)

    def grew(name: str, **labels: str) -> float:
        return of(waiting, name, **labels) - of(before, name, **labels)

    assert grew("trennwand_acts_total", act="trade.capture", outcome="done") == 5
    assert grew("trennwand_acts_total", act="trade.capture", outcome="repeated") == 1
    assert grew("trennwand_refusals_total", act="trade.verify", code="not_permitted") == 1
    assert grew("trennwand_requests_total", method="POST", route="/api/trades", status="201") == 6
    assert grew("trennwand_request_seconds_count", method="POST", route="/api/trades") == 6
    assert grew("trennwand_set_size_sum", act="trade.capture") == 6
    assert 1 < grew("trennwand_set_size_count", act="trade.capture") <= 6
    assert of(waiting, "trennwand_requests_in_progress") == 0
    assert of(waiting, "trennwand_log_uncovered") >= 7
    assert of(waiting, "trennwand_log_unplaced") >= 7
    assert of(waiting, "trennwand_work_open", office="back_office") >= 5
    assert (of(waiting, "trennwand_proof_ways"), of(waiting, "trennwand_ready")) == (0, 1)
    assert ("trennwand_proof_ways", ()) in waiting
    for name in ("trader", str(deals[0].json()["id"]), TERMS["counterparty"]):
        assert name not in told
    assert re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-7", told) is None, "no id of anything"

    await publish(ready_bank)
    signed, _ = await read(ready_bank)
    assert of(signed, "trennwand_log_uncovered") == 0
    assert of(signed, "trennwand_log_signed") == of(signed, "trennwand_log_entries")
    assert ("trennwand_log_checkpoint_age_seconds", ()) in signed


async def test_who_waits_for_a_connection_is_counted(ready_bank: World) -> None:
    engine = ready_bank.bank.offices[Office.LEGAL]
    held: list[AsyncConnection] = [await engine.connect() for _ in range(engine.pool.size())]  # type: ignore[attr-defined]
    late = asyncio.create_task(engine.connect().__aenter__())
    await asyncio.sleep(0.05)
    figures, _ = await read(ready_bank)
    assert of(figures, "trennwand_database_connections", office="legal", state="waiting") == 1
    assert of(figures, "trennwand_database_connections", office="legal", state="free") == 0
    await held.pop().close()
    await (await late).close()
    for one in held:
        await one.close()
    figures, _ = await read(ready_bank)
    assert of(figures, "trennwand_database_waits_total", office="legal") == 1
    assert of(figures, "trennwand_database_waited_seconds_total", office="legal") >= 0.05
    assert of(figures, "trennwand_database_connections", office="legal", state="used") == 0


async def test_a_database_that_cannot_be_asked_is_an_alert_and_no_gap_in_the_figures(
    ready_bank: World,
) -> None:
    await ready_bank.bank.offices.close()
    for engine in ready_bank.bank.offices.engines.values():
        engine.sync_engine.url = engine.url.set(database="nowhere")
        engine.sync_engine.pool = engine.sync_engine.pool.recreate()
    figures, _ = await read(ready_bank)
    assert ("trennwand_database_blind", ()) in figures
    assert ("trennwand_acts_total", (("act", "log.restart"), ("outcome", "done"))) in figures
