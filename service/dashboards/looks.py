"""What figures rest on that no list counts: how long work waits, why payments fail, the checkpoint's age, tested controls."""

from collections import Counter
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from policies.policy import Policy
from policies.vocabulary import Office
from service.compliance import catalogue
from service.kernel.items import ROUTES
from service.settings import Settings
from service.settlement.lifecycle import SettlementState
from service.settlement.model import Settlement
from service.work.model import WorkItem

NEWEST: Final = 1_000
"""Of so many items, the newest of all offices, the time until they were done is told."""
BY_HAND: Final = tuple(kind.value for kind, route in ROUTES.items() if not route.automatic)
_tested: dict[str, tuple[int, int]] = {}
"""By version of the policy: it says everything that these two numbers rest on."""


async def seconds_until_done(reads: AsyncSession, office: Office) -> int | None:
    """Return how long the middle one of an office's newest items waited until somebody did it; none if none is done."""
    newest = (
        select(WorkItem.home, WorkItem.kind, WorkItem.opened_at, WorkItem.closed_at)
        .order_by(WorkItem.id.desc())
        .limit(NEWEST)
        .subquery()
    )
    waited = func.extract("epoch", newest.c.closed_at - newest.c.opened_at)
    middle = select(func.percentile_cont(0.5).within_group(waited)).where(
        newest.c.home == office.value, newest.c.kind.in_(BY_HAND), newest.c.closed_at.is_not(None)
    )
    found = await reads.scalar(middle)
    return None if found is None else int(found)


async def failures_by_code(reads: AsyncSession) -> Counter[str]:
    """Return how many legs have failed for which reason, as the settlement tables code it."""
    code = func.coalesce(Settlement.failure_code, "")
    rows = await reads.execute(
        select(code.label("code"), func.count().label("legs"))
        .where(Settlement.state == SettlementState.FAILED)
        .group_by(code)
    )
    return Counter({row.code: row.legs for row in rows})


def checkpoint_age(settings: Settings, now: datetime) -> int | None:
    """Return how many seconds ago the published checkpoint was signed; none while there is none."""
    try:
        signed = (settings.log_directory / "checkpoint").stat().st_mtime
    except FileNotFoundError:
        return None
    return max(int((now - datetime.fromtimestamp(signed, UTC)).total_seconds()), 0)


def controls_tested(policy: Policy) -> tuple[int, int]:
    """Return how many controls have a test named after them, and how many there are."""
    if policy.version not in _tested:
        controls = catalogue.known(policy).values()
        _tested.clear()
        _tested[policy.version] = sum(bool(one.tests) for one in controls), len(controls)
    return _tested[policy.version]
