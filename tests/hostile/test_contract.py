"""Nothing that the interface's own description can be turned into breaks the service or the description."""

import pytest

from tests import settling
from tests.bank import World
from tests.furnishing import furnish
from tests.hostile import contract
from tests.hostile.identities import TABLES, table_of

FEW, MANY = 1, 2


async def a_morning(world: World) -> None:
    """Leave deals at several desks, one of them settled."""
    await settling.settled(world)
    await settling.captured(world)


def kept(tally: contract.Tally, seed: int) -> None:
    print(f"seed {seed}", *tally.lines(), sep="\n")
    assert tally.server_errors == []
    assert tally.violations == []
    assert tally.operations >= 200


async def test_every_operation_keeps_its_contract_with_whoever_may_and_whoever_may_not(
    ready_bank: World,
) -> None:
    tally = await contract.run(ready_bank, a_morning, FEW, contract.SEED)
    kept(tally, contract.SEED)
    assert {role for _, role in tally.pairs} == {*contract.accounts_by_role(), "examiner"}


@pytest.mark.long
async def test_every_operation_keeps_its_contract_with_every_role(bank_world: World) -> None:
    tally = await contract.run(bank_world, furnish, MANY, contract.SEED, everybody=True)
    kept(tally, contract.SEED)
    assert len(tally.pairs) == tally.operations * tally.roles


async def test_every_identifier_in_an_address_has_a_table_to_be_true_from(bank_world: World) -> None:
    paths = (await contract.described(bank_world))["paths"]
    named = {path for path in paths if ":uuid" in path or "{" in path}
    strangers = {path for path in named if table_of(path) is None and path.startswith("/api/")}
    assert strangers == {"/api/evidence/{digest}", "/api/reports/{name}", "/api/reports/{name}/evidence"}
    assert set(TABLES.values()) >= {"trade", "settlement", "confirmation", "work_item"}
