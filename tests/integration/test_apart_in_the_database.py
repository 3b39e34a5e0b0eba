"""An office's stolen login writes nothing in the name of somebody whom the history of the deal bars."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from service.demo.access import actor_named
from service.kernel.actor import Actor
from service.kernel.failures import sqlstate
from service.kernel.identifiers import uuid7
from tests.bank import World
from tests.conftest import Template, a_copy
from tests.deals import by_force, rows
from tests.intruders import Intruder
from tests.rights import requested
from tests.settling import Deal, captured, matched, set_up


@pytest.fixture(scope="module")
async def here(template: Template, tmp_path_factory: pytest.TempPathFactory) -> Any:
    async with a_copy(template, Path(tmp_path_factory.mktemp("apart")) / "bank") as world:
        await set_up(world)
        yield world


async def last(world: World, kind: str, key: str) -> dict[str, Any]:
    """An effect that follows the last one on an object."""
    found = await rows(
        world,
        "SELECT rev, encode(leaf, 'hex') AS leaf FROM audit_effect WHERE kind = :kind "
        "AND id = CAST(:id AS uuid) ORDER BY rev DESC LIMIT 1",
        kind=kind,
        id=key,
    )
    start = {"kind": kind, "id": key, "after": "sha256:" + "0" * 64}
    return start | ({"rev": found[0].rev + 1, "prev": found[0].leaf} if found else {"rev": 1})


async def written(world: World, account: str, act: str, trade: str | None, *effects: dict[str, Any]) -> str:
    """How the database answers the login of the account's office that writes this entry."""
    me: Actor = await actor_named(world.bank, account)
    intruder = Intruder(world, me.office, me, me, uuid7(), b"")
    links = {} if trade is None else {"trade": trade}
    try:
        await intruder.append(intruder.line(act=act, links=links, eff=[*effects]))
    except DBAPIError as failure:
        return str(sqlstate(failure))
    return "done"


async def test_D_01_a_login_does_not_agree_a_deal_in_the_name_of_who_entered_it(here: World) -> None:
    deal = await captured(here, "mover-trading")
    own = await last(here, "trade_control", deal.id)

    assert await written(here, "mover-control", "trade.verify", deal.id, own) == "42501"
    assert await written(here, "mover-control", "trade.verify", deal.id) == "42501"


async def test_D_01_naming_no_deal_or_another_one_hides_nothing(here: World) -> None:
    deal, other = await captured(here, "mover-trading"), await captured(here)
    own = await last(here, "trade_control", deal.id)

    assert await written(here, "verifier", "trade.verify", None, own) == "42501"
    assert await written(here, "mover-control", "trade.verify", other.id, own) == "42501"


async def test_D_02_a_login_does_not_release_in_the_name_of_who_prepared(here: World) -> None:
    deal: Deal = await matched(here)
    assert (await deal.settle("EUR", "preparation", "settler")).status_code == 200
    leg = (await deal.legs())["EUR"]["id"]

    effect = await last(here, "settlement", leg)
    assert await written(here, "settler", "settlement.release", deal.id, effect) == "42501"
    released = await deal.settle("EUR", "release", "releaser")
    assert released.status_code == 200, released.text


async def test_D_13_a_login_does_not_approve_a_right_in_the_name_of_who_asked_for_it(here: World) -> None:
    await by_force(
        here,
        "UPDATE reporting_line SET functional_head_id = (SELECT person_id FROM account WHERE name = 'rights-requester') "
        "WHERE unit_id = (SELECT id FROM unit WHERE code = 'BO')",
    )
    asked = await requested(here, "confirmer", "verifier", by="rights-requester")
    assert asked.status_code == 201, asked.text

    effect = await last(here, "role_grant", asked.json()["id"])
    assert await written(here, "rights-requester", "grant.approve", None, effect) == "42501"
