"""A right is asked for by a manager of its holder, by the organisation of today, and by nobody else (ORG-04)."""

import pytest
from sqlalchemy.exc import DBAPIError

from policies.vocabulary import Office
from service.demo.access import actor_named
from service.kernel.database import digest
from tests.bank import World
from tests.deputies import deputised
from tests.intruders import append, intruder_of
from tests.rights import account_of, granted, manager_of, newcomer, refused_as, requested

REFUSED = (403, "not_the_manager", "ORG-04")


async def test_ORG_04_nobody_but_a_manager_of_the_line_asks_for_a_right(bank_world: World) -> None:
    await newcomer(bank_world, "FX desk", new_trader=Office.FRONT_OFFICE)
    await newcomer(bank_world, "Settlement and control", new_settler=Office.BACK_OFFICE)
    assert await manager_of(bank_world, "new-trader") == "head-of-trading"
    assert await manager_of(bank_world, "new-settler") == "board-back"

    for account, role, wrong in (
        ("new-trader", "trader", ("rights-requester", "board-back", "head-of-risk")),
        ("new-settler", "settler", ("rights-requester", "head-of-trading", "board-trading")),
    ):
        for by in wrong:
            assert refused_as(await requested(bank_world, account, role, by=by)) == REFUSED, (account, by)
        for by in ("trader", "settler", "rights-owner", "rights-admin", "compliance"):
            assert refused_as(await requested(bank_world, account, role, by=by))[0] == 403, (account, by)
    many = [
        {"action": "grant.request", "command": {"account": "new-trader", "role": "trader", "reason": "x"}}
    ]
    (outcome,) = (await (await bank_world.as_("head-of-risk")).post("/api/acts", many)).json()
    assert (outcome["status"], outcome["problem"]["rule"]) == (403, "ORG-04")
    own = await requested(bank_world, "head-of-trading", "trader", by="head-of-trading")
    assert refused_as(own) == (403, "own_right", "D-13")
    conflict = await requested(bank_world, "mover-control", "verifier", by="head-of-trading")
    assert refused_as(conflict) == (403, "roles_conflict", "S-01")  # a manager learns of it at once

    assert (await requested(bank_world, "new-trader", "trader", by="head-of-trading")).status_code == 201
    assert (await requested(bank_world, "new-settler", "settler", by="board-back")).status_code == 201
    above = await requested(bank_world, "head-of-trading", "trader", by="board-trading")
    assert above.status_code == 201, above.text  # whoever leads a desk has a manager too


async def test_ORG_04_a_deputy_of_the_manager_may_and_the_administration_for_who_has_nobody_above(
    bank_world: World,
) -> None:
    await newcomer(bank_world, "FX desk", new_trader=Office.FRONT_OFFICE, second_head=Office.FRONT_OFFICE)
    await deputised(bank_world, "head-of-trading", "other-trader", "head_of_trading")
    bank_world.callers.pop("other-trader", None)
    assert (await requested(bank_world, "new-trader", "trader", by="other-trader")).status_code == 201
    await newcomer(bank_world, "Board member for the back office", next_board=Office.MANAGEMENT)
    board = await requested(bank_world, "next-board", "board_back", by="board-back")
    assert board.status_code == 201, board.text
    alone = await requested(bank_world, "board-trading", "board_back", by="rights-requester")
    assert refused_as(alone)[1] != "not_the_manager"


async def test_ORG_04_no_login_asks_for_a_right_past_the_line(bank_world: World) -> None:
    settler = await account_of(bank_world, "settler")
    await granted(bank_world, "other-trader", "head_of_trading")
    for office, name in (
        (Office.FRONT_OFFICE, "head-of-trading"),
        (Office.FRONT_OFFICE, "other-trader"),
        (Office.ADMINISTRATION, "rights-requester"),
    ):
        intruder = await intruder_of(bank_world, office)
        intruder.me = await actor_named(bank_world.bank, name)
        effect = intruder.effect(kind="role_grant", after=digest({}))
        entry = intruder.line(act="grant.request", eff=[effect])
        statement = (
            "INSERT INTO role_grant (id, rev, account_id, role, state, reason) VALUES "
            f"('{effect['id']}', 1, '{settler['id']}', 'releaser', 'requested', 'x')"
        )
        with pytest.raises(DBAPIError, match="ORG-04"):
            await written(intruder, entry, statement)


async def written(intruder: object, entry: dict[str, object], statement: str) -> None:
    """Append an entry and write a row with it, as the office's login can."""
    async with intruder.open() as connection:  # type: ignore[attr-defined]
        await append(connection, entry)
        await connection.exec_driver_sql(statement)
