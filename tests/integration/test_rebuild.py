"""Any deal, balance or right as of any instant, from entries alone, and equal to what is stored."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from policies.vocabulary import Office
from service.compliance import rebuild
from service.compliance.selfcheck import SelfCheck
from service.kernel.errors import NotFound
from tests import settling
from tests.bank import World
from tests.conftest import Template, prepared
from tests.controls import dealt_with_controls
from tests.deals import by_force, moved_to_control, rows
from tests.keeping import publish
from tests.rights import account_of
from tests.settling import Deal, done, refused

FAR = datetime(2100, 1, 1, tzinfo=UTC)
BEFORE_ALL = datetime(2020, 1, 1, tzinfo=UTC)


async def play(world: World) -> dict[str, Deal]:
    """A deal that was corrected, one that was cancelled, one that settled."""
    await settling.set_up(world)
    corrected = await settling.captured(world)
    done(await corrected.do("verifier", "return", reason="the rate is not on the ticket"))
    terms = settling.TERMS | {"rate": "1.1651", "version": 1}
    done(await settling.post(world, "trader", f"/api/trades/{corrected.id}/resubmission", terms))
    cancelled = await settling.verified(world)
    await settling.drain(world)
    await cancelled.cancel()
    settled = await settling.settled(world)
    await publish(world)
    return {"settled": settled, "cancelled": cancelled, "corrected": corrected}


@pytest.fixture(scope="module")
def played(template: Template, tmp_path_factory: pytest.TempPathFactory) -> tuple[Template, dict[str, Deal]]:
    """Play them once; each test has a copy of the bank."""
    return asyncio.run(prepared(template, tmp_path_factory.mktemp("played") / "bank", play))


@pytest.fixture
def source(request: pytest.FixtureRequest, template: Template) -> Template:
    """Give the bank with deals in it to those who ask for them."""
    return request.getfixturevalue("played")[0] if "deals" in request.fixturenames else template


@pytest.fixture
def deals(bank_world: World, played: tuple[Template, dict[str, Deal]]) -> dict[str, Deal]:
    """Give the deals as they are in the test's own bank."""
    return {name: replace(deal, world=bank_world) for name, deal in played[1].items()}


@asynccontextmanager
async def looking(world: World) -> AsyncIterator[AsyncConnection]:
    engine = create_async_engine(world.bank.admin_url, poolclass=NullPool)
    async with engine.connect() as connection:
        yield connection
    await engine.dispose()


async def checked(world: World) -> SelfCheck:
    async with looking(world) as connection:
        return await rebuild.self_check(connection, world.bank.settings.log_directory)


async def test_every_deal_rebuilt_from_the_log_is_the_one_that_is_stored(
    bank_world: World, deals: dict[str, Deal]
) -> None:
    check = await checked(bank_world)

    assert check.differences == []
    assert (check.trades, check.count) == (len(deals), 0)
    assert check.rows >= 15


async def test_deals_of_every_type_with_their_controls_are_rebuilt(bank_world: World) -> None:
    await settling.set_up(bank_world)
    dealt = await dealt_with_controls(bank_world)
    await publish(bank_world)
    check = await checked(bank_world)
    assert (check.differences, check.trades) == ([], len(dealt))

    directory = bank_world.bank.settings.log_directory
    told = {name: rebuild.trade_from_files(directory, UUID(deal.id), FAR) for name, deal in dealt.items()}
    types = {one["trade"]["type"] for one in told.values()}
    assert types == {"fx_spot", "fx_forward", "mm_deposit"}
    assert all(row["proved"] for one in told.values() for kind in one["rows"].values() for row in kind)
    assert told["deposit"]["terms"]["end_date"] == "2026-11-30"
    assert told["off"]["rows"].keys() >= {"justification", "premises_report", "trade_control"}
    assert (told["off"]["checks"][0]["state"], told["off"]["checks"][0]["deviation_bp"]) == ("alert", "169.9")
    assert "reference" not in told["forward"]["checks"][0], "trading's process was not told it either"
    assert told["amended"]["rows"]["change_request"][0]["terms"]["base_amount"] == "1200000.00"
    assert [one["base_amount"] for one in told["returned"]["versions"]] == ["1000000.00", "900000.00"]
    room = [(one["scope"], one["why"], one["eur_amount"]) for one in told["returned"]["limits"]]
    assert room == [
        ("counterparty", "reserved", "1000000.00"),
        ("portfolio", "reserved", "1000000.00"),
        ("counterparty", "replaced", "-1000000.00"),
        ("counterparty", "reserved", "900000.00"),
        ("portfolio", "replaced", "-1000000.00"),
        ("portfolio", "reserved", "900000.00"),
    ]
    assert [one["why"] for one in told["accepted"]["limits"]] == ["exempt", "reserved"]
    (mirror,) = {one["trade"].get("mirrors_id") for one in told.values()} - {None}
    assert mirror == dealt["offered"].id


async def test_what_is_used_of_limits_is_told_as_of_any_instant(
    bank_world: World, deals: dict[str, Deal]
) -> None:
    directory = bank_world.bank.settings.log_directory
    told = rebuild.limits_from_files(directory, FAR)["items"]
    stored = await rows(
        bank_world, "SELECT scope, owner_id, used_eur FROM limit_use ORDER BY scope, owner_id"
    )

    assert [(one["scope"], one["owner"], one["used_eur"]) for one in told] == [
        (row.scope, str(row.owner_id), str(row.used_eur)) for row in stored
    ]
    (captured,) = await rows(
        bank_world,
        "SELECT recorded_at AS at FROM audit_entry WHERE act = 'trade.capture' AND trade_id = :trade",
        trade=deals["corrected"].id,
    )
    assert [one["used_eur"] for one in rebuild.limits_from_files(directory, captured.at)["items"]] == [
        "1000000.00",
        "1000000.00",
    ]
    assert rebuild.limits_from_files(directory, BEFORE_ALL)["items"] == []


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
        ("UPDATE settlement SET amount = amount * 2 WHERE trade_id = '{settled}'", "differs in amount"),
        ("UPDATE trade_control SET state = 'due' WHERE id = '{settled}'", "differs in state"),
        ("UPDATE trade_version SET rate = 2 WHERE trade_id = '{settled}'", "has other terms in version 1"),
        ("UPDATE journal_line SET account = '1010' WHERE line = 1", "has other lines"),
        ("DELETE FROM settlement WHERE trade_id = '{settled}'", "is told by entries and not stored"),
        ("UPDATE trade_control SET rev = 9 WHERE id = '{settled}'", "differs in rev"),
        ("UPDATE role_grant SET role = 'verifier' WHERE role = 'trader'", "differs in role"),
        ("UPDATE person SET name = 'another' WHERE name = 'trader'", "is not what its last entry left"),
        ("UPDATE account SET disabled = true WHERE name = 'trader'", "is not what its last entry left"),
        ("UPDATE instruction SET account_number = 'DE00'", "differs in account_number"),
        ("DELETE FROM desk_rule", "is told by entries and not stored"),
        ("UPDATE trading_limit SET amount_eur = amount_eur + 1", "differs in amount_eur"),
        (
            "UPDATE limit_reservation SET eur_amount = eur_amount + 1 WHERE trade_id = '{settled}' AND why = 'reserved'",
            "holds other room of the limits",
        ),
        (
            "DELETE FROM limit_reservation WHERE trade_id = '{cancelled}' AND why = 'released'",
            "holds other room of the limits",
        ),
        (
            "UPDATE market_check SET tolerance_bp = 9 WHERE trade_id = '{corrected}' AND version = 2",
            "was checked otherwise in version 2",
        ),
        ("DELETE FROM market_check WHERE trade_id = '{settled}'", "was checked otherwise in version 1"),
        (
            "INSERT INTO unit (id, rev, code, name, function_class) VALUES (gen_random_uuid(), 1, 'X', 'x', 'log')",
            "is stored and told by no entry",
        ),
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


async def test_a_deal_is_shown_as_of_an_instant_where_it_is_shown_as_it_is(
    bank_world: World, deals: dict[str, Deal]
) -> None:
    path, auditor = f"/api/trades/{deals['settled'].id}", await bank_world.as_("auditor")
    elsewhere = f"/api/evidence/trades/{deals['settled'].id}"

    told = await auditor.get(path, as_of="2100-01-01T00:00:00Z")
    assert told.json() == (await auditor.get(elsewhere, as_of="2100-01-01")).json()
    assert (await auditor.get(path)).json()["state"] == "verified"
    assert refused(await auditor.get(path, as_of="2020-01-01"))[:2] == (404, "not_found")
    assert refused(await auditor.get(path, as_of="noon"))[:2] == (400, "bad_instant")
    for account in ("trader", "verifier"):
        answer = await (await bank_world.as_(account)).get(path, as_of="2100-01-01")
        assert refused(answer)[:2] == (403, "not_permitted"), account
    reads = await rows(
        bank_world,
        "SELECT 1 FROM audit_entry WHERE act = 'entry.read' AND outcome = 'allow' "
        "AND convert_from(bytes, 'UTF8')::jsonb #>> '{data,path}' = :path",
        path=path,
    )
    assert len(reads) == 2


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


async def test_who_could_do_what_at_an_instant_is_told_with_the_policy_in_force(bank_world: World) -> None:
    before = datetime.now(UTC)  # noqa: TID251 - an instant between two acts
    await moved_to_control(bank_world)
    await publish(bank_world)
    directory, policy = bank_world.bank.settings.log_directory, bank_world.bank.policy
    control = (await account_of(bank_world, "mover-control"))["id"]
    trading = (await account_of(bank_world, "mover-trading"))["id"]

    told = {one["account"]: one for one in rebuild.all_rights_from_files(directory, FAR)["items"]}
    assert told[control]["acts"] == sorted(policy.powers(["verifier"]))
    assert (told[control]["policy"], trading in told) == (policy.version, False)
    earlier = {one["account"]: one for one in rebuild.all_rights_from_files(directory, before)["items"]}
    assert (earlier[trading]["acts"], control in earlier) == (sorted(policy.powers(["trader"])), False)
    assert rebuild.all_rights_from_files(directory, BEFORE_ALL)["items"] == []
