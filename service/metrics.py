"""What Prometheus reads: counters of this process, and how pools, log, work and proof stand when it asks."""

import asyncio
import time
from collections.abc import Iterable
from typing import Any, Final

from litestar.enums import ScopeType
from litestar.types import Receive, Scope, Send
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Office
from service.compliance import access
from service.dashboards.health import backlog, checkpoint_in
from service.kernel.lines import Lines
from service.measures import REGISTRY
from service.part import House

CONTENT_TYPE: Final = b"text/plain; version=0.0.4; charset=utf-8"
FRESH_SECONDS: Final = 5.0
LOG: Final = text(
    "SELECT (SELECT coalesce(max(index) + 1, 0) FROM public.audit_index) AS placed, "
    "(SELECT count(*) FROM public.audit_pending) AS pending"
)
FOLDED: Final = {"open": "Work that waits in an office", "overdue": "Work that waits beyond its time"}


class Metrics:
    """A small application of its own: GET /metrics, and nothing else."""

    def __init__(self, house: House) -> None:
        self.house = house
        self._stood: dict[str, Any] = {}
        self._looked = float("-inf")
        self._looking = asyncio.Lock()
        self._proved: tuple[str, int] | None = None

    async def __call__(self, scope: Scope, _: Receive, send: Send) -> None:
        """Answer who asks for the metrics."""
        if scope["type"] != ScopeType.HTTP:
            return
        found = scope["method"] == "GET" and scope["path"] == "/metrics"
        body = await self.text() if found else b""
        head = [(b"content-type", CONTENT_TYPE), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": 200 if found else 404, "headers": head})
        await send({"type": "http.response.body", "body": body, "more_body": False})

    async def text(self) -> bytes:
        """Return everything as Prometheus reads it; the database is asked every few seconds at most."""
        async with self._looking:
            if time.monotonic() - self._looked > FRESH_SECONDS:
                self._stood, self._looked = await self._look(), time.monotonic()
        own = CollectorRegistry()
        own.register(Standing(self.house, self._stood))
        return generate_latest(REGISTRY) + generate_latest(own)

    async def _look(self) -> dict[str, Any]:
        """Ask the logins that this process holds; what cannot be had now is absent, which is an alert of its own."""
        stood: dict[str, Any] = {"ways": await self._ways()}
        signed = await asyncio.to_thread(checkpoint_in, self.house.settings)
        now = self.house.gate.clock.now()
        if signed is not None:
            stood["signed"] = signed["size"]
            stood["checkpoint_age"] = max((now - signed["at"]).total_seconds(), 0.0)
        offices = self.house.offices
        try:
            if Office.LOG in offices:
                async with offices[Office.LOG].connect() as connection:
                    placed, pending = (await connection.execute(LOG)).one()
                stood["entries"], stood["unplaced"] = placed + pending, pending
            if Office.COMPLIANCE in offices:
                async with AsyncSession(offices[Office.COMPLIANCE]) as reads:
                    stood["backlog"] = await backlog(reads, now)
        except (SQLAlchemyError, OSError):
            stood["blind"] = True
        return stood

    async def _ways(self) -> int:
        """Return how many ways the policy in force leaves open; it is proved once for each version."""
        policy = self.house.gate.policy
        if self._proved is None or self._proved[0] != policy.version:
            proved = await asyncio.to_thread(access.proved, policy)
            self._proved = policy.version, int(proved["ways"])
        return self._proved[1]


class Standing:
    """How things stand at this moment, as a collector."""

    def __init__(self, house: House, stood: dict[str, Any]) -> None:
        self.house = house
        self.stood = stood

    def collect(self) -> Iterable[Metric]:
        """Give every figure."""
        silence, stood = self.house.silence(), self.stood
        ready = self.house.failure is None and silence.status in ("ready", "late")
        yield one("trennwand_ready", "1 while acts can be recorded", float(ready))
        yield one(
            "trennwand_log_unsigned_seconds", "Age of the oldest unsigned entry", silence.unsigned_seconds
        )
        yield one(
            "trennwand_log_unwitnessed_seconds", "Time without enough witnesses", silence.unwitnessed_seconds
        )
        yield one("trennwand_database_blind", "1 while the database cannot be asked", float("blind" in stood))
        yield one("trennwand_proof_ways", "Ways the policy in force leaves open; 0 is proved", stood["ways"])
        for name, said in (
            ("entries", "Entries committed"),
            ("unplaced", "Entries committed that have no place in the log yet"),
            ("signed", "Entries that the published checkpoint covers"),
        ):
            if name in stood:
                yield one(f"trennwand_log_{name}", said, stood[name])
        if "entries" in stood and "signed" in stood:
            yield one(
                "trennwand_log_uncovered",
                "Entries committed that no published checkpoint covers",
                max(stood["entries"] - stood["signed"], 0),
            )
        if "checkpoint_age" in stood:
            yield one(
                "trennwand_log_checkpoint_age_seconds",
                "Age of the published checkpoint",
                stood["checkpoint_age"],
            )
        version = GaugeMetricFamily("trennwand_policy", "The policy in force", labels=["version"])
        version.add_metric([self.house.gate.policy.version], 1)
        yield version
        yield from self._work()
        yield from self._pools()

    def _work(self) -> Iterable[Metric]:
        for name, said in FOLDED.items():
            family = GaugeMetricFamily(f"trennwand_work_{name}", said, labels=["office"])
            for row in self.stood.get("backlog", ()):
                family.add_metric([row["office"]], row[name])
            yield family

    def _pools(self) -> Iterable[Metric]:
        state = GaugeMetricFamily(
            "trennwand_database_connections",
            "Connections of an office's login; waiting are those who wait for one",
            labels=["office", "state"],
        )
        waits = CounterMetricFamily(
            "trennwand_database_waits", "Times that somebody waited for a connection", labels=["office"]
        )
        waited = CounterMetricFamily(
            "trennwand_database_waited_seconds", "Time spent waiting for connections", labels=["office"]
        )
        for office, engine in self.house.offices.engines.items():
            pool = engine.pool
            assert isinstance(pool, Lines)
            used = pool.checkedout()
            state.add_metric([office.value, "used"], used)
            state.add_metric([office.value, "free"], pool.size() - used)
            state.add_metric([office.value, "waiting"], pool.waiting)
            waits.add_metric([office.value], pool.waits)
            waited.add_metric([office.value], pool.waited_seconds)
        yield from (state, waits, waited)


def one(name: str, said: str, value: float) -> GaugeMetricFamily:
    """Return one figure."""
    return GaugeMetricFamily(name, said, value=value)
