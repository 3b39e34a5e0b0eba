"""A deputy takes duties for a time, approved by a third person, and never across a conflict."""

from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from policies.vocabulary import Office
from service.control.use_cases import VerifyTrade, verify_trade
from service.demo.access import actor_named, token_for
from service.kernel.errors import NotPermitted
from service.people.directory import actor_of_token
from tests.bank import World
from tests.deputies import as_administrator, deputised, hours, named, taken
from tests.rights import account_of, asked, disabled, granted, moved, newcomer, person_of, refused_as
from tests.rights import taken as step_taken
from tests.settling import Deal, captured, drain, matched, set_up


async def entry_of(world: World, act: str) -> dict[str, Any]:
    found = await asked(
        world,
        f"SELECT convert_from(bytes, 'UTF8')::jsonb AS entry FROM public.audit_entry WHERE act = '{act}' "
        "ORDER BY recorded_at DESC LIMIT 1",
    )
    return dict(found[0].entry)


async def powers(world: World, account: str) -> set[str]:
    return set((await (await world.as_(account)).get("/api/powers")).json()["acts"])


async def test_SEG_02_an_approver_on_leave_cannot_delegate_to_a_trader(bank_world: World) -> None:
    refused = await named(bank_world, "releaser", "trader", "releaser")
    assert refused_as(refused) == (403, "duties_conflict", "S-01")

    both = await named(bank_world, "trader", "mover-control", "trader")
    assert refused_as(both)[0] == 422  # the mover's second account is of the back office

    (listed,) = [
        (await (await bank_world.as_("rights-owner")).get("/api/delegations")).json()["items"],
    ]
    assert listed == []


async def test_a_deputy_acts_from_the_approval_on_and_the_entry_says_for_whom(bank_world: World) -> None:
    asked_for = (await named(bank_world, "verifier", "confirmer", "verifier")).json()
    assert "trade.verify" not in await powers(bank_world, "confirmer")

    approved = await taken(bank_world, "approval", asked_for)
    assert approved.status_code == 200, approved.text
    assert "trade.verify" in await powers(bank_world, "confirmer")

    await set_up(bank_world)
    deal = await captured(bank_world)
    verified = await deal.do("confirmer", "verification")
    assert verified.status_code == 200, verified.text
    actor = (await entry_of(bank_world, "trade.verify"))["actor"]
    assert actor["person"] == (await person_of(bank_world, "confirmer"))["id"]
    assert actor["deputy_for"] == (await person_of(bank_world, "verifier"))["id"]
    (effect,) = await asked(
        bank_world,
        f"SELECT DISTINCT deputy_for FROM public.audit_effect WHERE entry_id = '{verified.json()['receipt']['entry']}'",
    )
    assert effect.deputy_for == actor["deputy_for"]
    await drain(bank_world)
    assert (await deal.confirm("dispatch")).status_code == 200  # by the own right, hence in the own name
    assert "deputy_for" not in (await entry_of(bank_world, "confirmation.dispatch"))["actor"]


async def test_SEG_02_expired_one_minute_ago_the_act_is_denied(bank_world: World) -> None:
    delegation = await deputised(bank_world, "verifier", "confirmer", "verifier")
    await set_up(bank_world)
    deal = await captured(bank_world)
    await as_administrator(
        bank_world,
        "UPDATE public.delegation SET valid_to = clock_timestamp() - interval '1 minute' "
        f"WHERE id = '{delegation['id']}'",
    )

    refused = await deal.do("confirmer", "verification")

    assert refused_as(refused)[:2] == (403, "not_permitted")
    assert (await deal.do("other-verifier", "verification")).status_code == 200


async def test_SEG_02_a_deputy_whose_time_ended_between_look_and_act_is_refused(bank_world: World) -> None:
    delegation = await deputised(bank_world, "verifier", "confirmer", "verifier")
    await set_up(bank_world)
    deal = await captured(bank_world)
    token = await token_for(bank_world.bank, "confirmer")
    actor = await actor_of_token(bank_world.bank.offices, token)
    assert actor is not None
    assert (await actor_named(bank_world.bank, "confirmer")).deputy_for
    ended = await taken(bank_world, "end", delegation, by="verifier")
    assert ended.status_code == 200, ended.text

    with pytest.raises(NotPermitted, match="no longer stand in"):
        await bank_world.bank.gate.perform(actor, verify_trade, VerifyTrade(trade_id=deal.id, version=1))


async def test_SEG_02_duties_are_not_handed_on(bank_world: World) -> None:
    await deputised(bank_world, "verifier", "confirmer", "verifier")

    chained = await named(bank_world, "confirmer", "settler", "verifier")

    assert refused_as(chained) == (422, "duties_not_held", "SEG-02")


async def test_SEG_02_nobody_who_gives_takes_or_asks_approves(bank_world: World) -> None:
    for giver, by in (("rights-owner", "rights-owner"), ("rights-requester", "rights-requester")):
        role = giver.replace("-", "_")
        answer = await named(bank_world, giver, "rights-admin", role)
        assert refused_as(answer) == (403, "duties_conflict", "S-12"), by

    await newcomer(bank_world, "Rights administration", second_owner=Office.ADMINISTRATION)
    asked_for = (await named(bank_world, "rights-owner", "second-owner", "rights_owner")).json()
    refused = await taken(bank_world, "approval", asked_for, by="rights-owner")
    assert refused_as(refused) == (403, "kept_apart", "D-13")
    behalf = await named(
        bank_world, "rights-requester", "other-verifier", "releaser", account="releaser"
    )  # somebody ill
    assert behalf.status_code == 201, behalf.text
    assert (await taken(bank_world, "approval", behalf.json())).status_code == 200


async def test_SEG_02_only_own_duties_for_a_time_and_to_another_person(bank_world: World) -> None:
    tried = {
        "not_your_duties": await named(bank_world, "settler", "confirmer", "releaser", account="releaser"),
        "duties_not_held": await named(bank_world, "settler", "confirmer", "releaser"),
        "wrong_period": await named(bank_world, "settler", "confirmer", "settler", valid_to=hours(24 * 60)),
        "unfit_deputy": await named(bank_world, "settler", "settler", "settler"),
        "not_found": await named(bank_world, "settler", "nobody-of-that-name", "settler"),
    }
    assert {code: answer.json()["code"] for code, answer in tried.items()} == {code: code for code in tried}
    backwards = await named(bank_world, "settler", "confirmer", "settler", valid_to=hours(-2))
    assert backwards.json()["code"] == "wrong_period"
    service = await named(bank_world, "settler", "svc.back_office", "settler")
    assert service.json()["code"] == "unfit_deputy"
    held = await named(bank_world, "settler", "other-settler", "settler")
    assert held.json()["code"] == "unfit_deputy"


async def test_S_11_a_right_that_came_after_the_request_is_seen_at_the_approval(bank_world: World) -> None:
    await newcomer(bank_world, "Settlement and control", stand_in=Office.BACK_OFFICE)
    asked_for = (await named(bank_world, "releaser", "stand-in", "releaser")).json()
    await as_administrator(  # past every check there is
        bank_world,
        "INSERT INTO public.role_grant (id, rev, account_id, role, state, reason) SELECT gen_random_uuid(), 1, id, "
        "'rights_requester', 'requested', 'x' FROM public.account WHERE name = 'stand-in'",
    )

    refused = await taken(bank_world, "approval", asked_for)

    assert refused_as(refused) == (403, "duties_conflict", "S-11")


async def test_a_leaver_s_duties_are_gone_with_them(bank_world: World) -> None:
    await deputised(bank_world, "verifier", "confirmer", "verifier")
    assert "trade.verify" in await powers(bank_world, "confirmer")

    assert (await disabled(bank_world, await person_of(bank_world, "verifier"))).status_code == 200

    assert "trade.verify" not in await powers(bank_world, "confirmer")


async def test_an_office_sees_its_own_deputies_and_the_administration_all(bank_world: World) -> None:
    delegation = await deputised(bank_world, "verifier", "confirmer", "verifier")

    async def seen(by: str) -> list[str]:
        answer = await (await bank_world.as_(by)).get("/api/delegations", state="approved")
        return [row["id"] for row in answer.json()["items"]]

    assert await seen("settler") == await seen("compliance") == await seen("auditor") == [delegation["id"]]
    assert await seen("trader") == []


# Acts through a deputy count for both -----------------------------------------------------------------


@pytest.fixture
async def captured_for_another(bank_world: World) -> Deal:
    """Give a deal that a deputy of the mover captured in the mover's place."""
    await newcomer(bank_world, "FX desk", stand_in=Office.FRONT_OFFICE)
    await deputised(bank_world, "mover-trading", "stand-in", "trader")
    await set_up(bank_world)
    return await captured(bank_world, "stand-in")


async def test_D_01_what_a_deputy_entered_bars_whom_they_stood_in_for(
    bank_world: World, captured_for_another: Deal
) -> None:
    assert captured_for_another is not None
    await the_mover_controls(bank_world)

    refused = await captured_for_another.do("mover-control", "verification")

    assert refused_as(refused) == (403, "kept_apart", "D-01")
    assert (await captured_for_another.do("verifier", "verification")).status_code == 200


async def the_mover_controls(world: World) -> None:
    """Move the mover from the desk to settlement and control, as the rights administration would."""
    held = (
        await (await world.as_("rights-admin")).get("/api/grants", role="trader", state="executed")
    ).json()
    grant = next(one for one in held["items"] if one["account_name"] == "mover-trading")
    assert (await step_taken(world, "revocation", grant)).status_code == 200
    person = await person_of(world, "mover-trading")
    answer = await moved(world, person, "Settlement and control")
    assert answer.status_code == 200, answer.text
    await granted(world, "mover-control", "verifier")


async def test_D_02_whoever_prepared_a_payment_is_not_released_by_their_deputy(ready_bank: World) -> None:
    deal = await matched(ready_bank)
    assert (await deal.settle("USD", "preparation", "releaser")).status_code == 403
    await deputised(ready_bank, "settler", "other-releaser", "settler")
    prepared = await deal.settle("USD", "preparation", "other-releaser")
    assert prepared.status_code == 200, prepared.text

    await granted(ready_bank, "settler", "releaser")
    ready_bank.callers.pop("settler")
    own = await deal.settle("USD", "release", "other-releaser")
    given = await deal.settle("USD", "release", "settler")

    assert refused_as(own) == refused_as(given) == (403, "kept_apart", "D-02")
    assert (await deal.settle("USD", "release", "releaser")).status_code == 200


# The database as a wall -------------------------------------------------------------------------------


@pytest.mark.parametrize("office", [Office.FRONT_OFFICE, Office.BACK_OFFICE, Office.COMPLIANCE])
async def test_no_office_approves_deputies_of_its_own_by_sql(bank_world: World, office: Office) -> None:
    asked_for = (await named(bank_world, "verifier", "confirmer", "verifier")).json()
    account = await account_of(bank_world, "releaser")
    deputy = await account_of(bank_world, "confirmer")
    engine = create_async_engine(bank_world.bank.offices[office].url)
    for statement in (
        f"UPDATE public.delegation SET state = 'approved', rev = 2 WHERE id = '{asked_for['id']}'",
        f"UPDATE public.delegation SET valid_to = valid_to + interval '1 year', rev = 2 WHERE id = '{asked_for['id']}'",
        (
            "INSERT INTO public.delegation (id, rev, account_id, deputy_id, roles, reason, valid_from, valid_to, "
            f"state, requested_by) VALUES (gen_random_uuid(), 1, '{account['id']}', '{deputy['id']}', "
            f"'[\"releaser\"]', 'x', now(), now() + interval '1 day', 'approved', '{account['id']}')"
        ),
        f"DELETE FROM public.delegation WHERE id = '{asked_for['id']}'",
    ):
        with pytest.raises(DBAPIError):
            async with engine.begin() as connection:
                await connection.execute(text(statement))
    await engine.dispose()
