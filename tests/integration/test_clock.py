"""A clock that jumps: the bank refuses to write rather than write what a verifier calls tampered."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from audit.report import Verdict
from service.kernel.clock import SystemClock
from tests.bank import World
from tests.deals import by_force, rows
from tests.keeping import entries_in_database, publish, verdict
from tests.settling import captured, done, post, refused, set_up


@dataclass
class Jumped:
    """A clock that is wrong by so much."""

    by: timedelta

    def now(self) -> datetime:
        return SystemClock().now() + self.by


BOOK = {"name": "FX-NEW", "desk": "FX desk"}


@pytest.mark.parametrize("seconds", [-3600, -90, 30, 86_400])
async def test_12_a_clock_that_jumped_writes_nothing_and_says_so(bank_world: World, seconds: int) -> None:
    await set_up(bank_world)
    compliance, _ = await bank_world.as_("compliance"), await bank_world.as_("trader")
    right, before = bank_world.bank.gate.clock, await entries_in_database(bank_world)
    bank_world.bank.gate.clock = Jumped(timedelta(seconds=seconds))

    answer = await post(bank_world, "steward", "/api/portfolios", BOOK)

    assert refused(answer) == (503, "wrong_clock", "log")
    assert answer.json().get("decision") is None
    unrecorded = await post(bank_world, "trader", "/api/portfolios", BOOK)
    assert refused(unrecorded)[:2] == (403, "not_permitted")  # a no needs no entry to stay a no
    assert (await compliance.get("/api/entries")).status_code == 503  # nobody reads unseen
    assert await entries_in_database(bank_world) == before

    bank_world.bank.gate.clock = right
    done(await post(bank_world, "steward", "/api/portfolios", BOOK))
    await publish(bank_world)
    assert verdict(bank_world).verdict is Verdict.VERIFIED


@pytest.mark.parametrize("seconds", [-50, 8])
async def test_a_clock_that_is_a_little_off_does_no_harm(bank_world: World, seconds: int) -> None:
    await set_up(bank_world)
    bank_world.bank.gate.clock = Jumped(timedelta(seconds=seconds))

    await captured(bank_world)

    await publish(bank_world)
    assert verdict(bank_world).verdict is Verdict.VERIFIED, verdict(bank_world).lines()


async def test_when_both_clocks_jump_back_together_the_newest_entry_remembers(bank_world: World) -> None:
    await set_up(bank_world)
    (row,) = await rows(bank_world, "SELECT max(recorded_at) AS newest FROM public.audit_entry")
    ahead = (row.newest + timedelta(minutes=5)).isoformat()
    await by_force(
        bank_world,
        f"UPDATE public.audit_entry SET recorded_at = '{ahead}' WHERE recorded_at = '{row.newest.isoformat()}'",
    )

    assert refused(await post(bank_world, "steward", "/api/portfolios", BOOK)) == (503, "wrong_clock", "log")
