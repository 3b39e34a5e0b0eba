"""Any deal, balance or right as of any instant, from entries alone, and equal to what is stored."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from policies.vocabulary import Office
from service.compliance import rebuild
from service.kernel.errors import NotFound
from tests import settling
from tests.bank import World
from tests.deals import by_force, moved_to_control, rows
from tests.keeping import publish
from tests.rights import account_of
from tests.settling import Deal, done, refused

FAR = datetime(2100, 1, 1, tzinfo=UTC)
BEFORE_ALL = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
async def deals(bank_world: World) -> dict[str, Deal]:
    """A deal that was corrected, one that was cancelled, one that settled."""
    await settling.set_up(bank_world)
    corrected = await settling.captured(bank_world)
    done(await corrected.do("verifier", "return", reason="the rate is not on the ticket"))
    terms = settling.TERMS | {"rate": "1.1651", "version": 1}
    done(await settling.post(bank_world, "trader", f"/api/trades/{corrected.id}/resubmission", terms))
    cancelled = await settling.verified(bank_world)
    await settling.drain(bank_world)
    await cancelled.cancel()
    settled = await settling.settled(bank_world)
    await publish(bank_world)
    return {"settled": settled, "cancelled": cancelled, "corrected": corrected}


@asynccontextmanager
async def looking(world: World) -> AsyncIterator[AsyncConnection]:
    engine = create_async_engine(world.bank.admin_url, poolclass=NullPool)
    async with engine.connect() as connection:
        yield connection
    await engine.dispose()


async def checked(world: World) -> rebuild.SelfCheck:
    async with looking(world) as connection:
        return await rebuild.self_check(connection, world.bank.settings.log_directory)


async def test_every_deal_rebuilt_from_the_log_is_the_one_that_is_stored(
    bank_world: World, deals: dict[str, Deal]
) -> None:
    check = await checked(bank_world)

    assert check.differences == []
    assert (check.trades, check.count) == (len(deals), 0)
    assert check.rows >= 15


async def test_compliance_may_run_the_self_check_on_its_own_login(
    bank_world: World, deals: dict[str, Deal]
) -> None:
    async with bank_world.bank.offices[Office.COMPLIANCE].connect() as connection:
        check = await rebuild.self_check(connection, bank_world.bank.settings.log_directory)

    assert (check.trades, check.differences) == (len(deals), [])


async def test_many_deals_are_checked_in_parts(
    bank_world: World, deals: dict[str, Deal], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = await checked(bank_world)
    monkeypatch.setattr(rebuild, "TRADES_AT_ONCE", 1)
    parts = await checked(bank_world)

    assert (parts.trades, parts.rows, parts.count) == (whole.trades, whole.rows, 0)
    assert deals


async def test_what_is_not_signed_yet_is_left_to_the_next_check(
    bank_world: World, deals: dict[str, Deal]
) -> None:
    await settling.captured(bank_world)
    path = f"/api/trades/{deals['corrected'].id}/verification"
    done(await settling.post(bank_world, "verifier", path, {"version": 2}))

    assert (await checked(bank_world)).count == 0


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE settlement SET amount = amount + 1 WHERE trade_id = '{settled}'", "differs in amount"),
        ("UPDATE trade_control SET state = 'due' WHERE id = '{settled}'", "differs in state"),
        ("UPDATE trade_version SET rate = 2 WHERE trade_id = '{settled}'", "has other terms in version 1"),
        ("UPDATE journal_line SET account = '1010' WHERE line = 1", "has other lines"),
        ("DELETE FROM settlement WHERE trade_id = '{settled}'", "is told by entries and not stored"),
        ("UPDATE trade_control SET rev = 9 WHERE id = '{settled}'", "differs in rev"),
    ],
)
async def test_a_row_changed_behind_the_gate_differs(
    bank_world: World, deals: dict[str, Deal], statement: str, said: str
) -> None:
    await by_force(bank_world, statement.format(**{name: deal.id for name, deal in deals.items()}))

    assert any(said in one.sentence for one in (await checked(bank_world)).differences)


async def test_a_deal_is_told_as_it_was_at_every_instant(bank_world: World, deals: dict[str, Deal]) -> None:
    directory, trade = bank_world.bank.settings.log_directory, UUID(deals["corrected"].id)
    history = await rows(
        bank_world,
        "SELECT act, recorded_at AS at FROM audit_entry WHERE trade_id = :trade AND outcome = 'allow' ORDER BY recorded_at",
        trade=str(trade),
    )
    at = {row.act: row.at for row in history}

    captured = rebuild.trade_from_files(directory, trade, at["trade.capture"])
    assert (captured["trade"]["version"], captured["rows"]) == (1, {})
    returned = rebuild.trade_from_files(directory, trade, at["trade.return"])
    assert returned["rows"]["trade_control"][0]["state"] == "returned"
    assert returned["terms"]["rate"] == "1.1650"
    corrected = rebuild.trade_from_files(directory, trade, at["trade.resubmit"])
    assert (corrected["trade"]["version"], corrected["terms"]["rate"]) == (2, "1.1651")
    assert [one["version"] for one in corrected["versions"]] == [1, 2]
    assert corrected["trade"]["proved"] is True
    with pytest.raises(NotFound):
        rebuild.trade_from_files(directory, trade, at["trade.capture"] - timedelta(microseconds=1))


async def test_the_interface_tells_the_same_from_the_databases_own_entries(
    bank_world: World, deals: dict[str, Deal]
) -> None:
    caller = await bank_world.as_("auditor")
    directory = bank_world.bank.settings.log_directory
    for deal in deals.values():
        told = await caller.get(f"/api/evidence/trades/{deal.id}", as_of="2100-01-01")
        assert told.json() == rebuild.trade_from_files(directory, UUID(deal.id), FAR)
    settled = (await caller.get(f"/api/evidence/trades/{deals['settled'].id}")).json()
    assert {leg["state"] for leg in settled["rows"]["settlement"]} == {"settled"}
    assert all(one["proved"] for kind in settled["rows"].values() for one in kind)


async def test_the_past_is_for_those_who_read_the_log(bank_world: World, deals: dict[str, Deal]) -> None:
    path = f"/api/evidence/trades/{deals['settled'].id}"

    assert refused(await (await bank_world.as_("trader")).get(path))[:2] == (403, "not_permitted")
    caller = await bank_world.as_("compliance")
    assert refused(await caller.get(path, as_of="2020-01-01"))[:2] == (404, "not_found")
    assert refused(await caller.get(path, as_of="noon"))[:2] == (400, "bad_instant")
    reads = await rows(
        bank_world,
        "SELECT 1 FROM audit_entry WHERE act = 'entry.read' AND office = 'compliance' AND outcome = 'allow'",
    )
    assert len(reads) == 2, "a look at the past is an entry, also one that found nothing"


async def test_balances_rebuilt_are_the_trial_balance(bank_world: World, deals: dict[str, Deal]) -> None:
    directory = bank_world.bank.settings.log_directory
    stored = (await (await bank_world.as_("accountant")).get("/api/balances")).json()["items"]
    told = rebuild.balances_from_files(directory, FAR)["items"]

    assert deals
    assert told == [{name: one[name] for name in told[0]} for one in stored]
    assert rebuild.balances_from_files(directory, BEFORE_ALL)["items"] == []


async def test_rights_are_told_as_they_were(bank_world: World) -> None:
    before = datetime.now(UTC)  # noqa: TID251 - an instant between two acts
    account = await account_of(bank_world, "mover-control")
    await moved_to_control(bank_world)
    await publish(bank_world)
    directory, account_id = bank_world.bank.settings.log_directory, UUID(account["id"])
    trading = UUID((await account_of(bank_world, "mover-trading"))["id"])

    assert rebuild.rights_from_files(directory, account_id, before)["roles"] == []
    assert rebuild.rights_from_files(directory, account_id, FAR)["roles"] == ["verifier"]
    assert rebuild.rights_from_files(directory, trading, before)["roles"] == ["trader"]
    assert rebuild.rights_from_files(directory, trading, FAR)["roles"] == []
