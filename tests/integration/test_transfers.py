"""Trading asks for cash to be moved; others find out whether it is needed, and two of them sign."""

from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy.exc import DBAPIError

from policies.vocabulary import Office
from service.kernel.errors import KeptApart
from service.transfers.use_cases import (
    PrepareTransfer,
    ReleaseTransfer,
    prepare_transfer,
    release_transfer,
)
from tests.bank import World
from tests.deals import a_desk, act, asked_to_cancel, captured, refusals, rows, verified
from tests.desks import as_act, by_login, refusal
from tests.settling import act_as, done, open_account

REQUEST: dict[str, Any] = {
    "purpose": "own_accounts",
    "currency": "USD",
    "amount": "1165000.00",
    "from_account": "NOSTRO EUR FRANKFURT",
    "to_account": "NOSTRO USD NEW YORK",
    "value_date": "2026-10-29",
    "reason": "cover for the dollars we pay on Thursday",
}


async def asked(world: World, by: str = "trader", **changes: Any) -> dict[str, Any]:
    """Return the answer about a request for a transfer."""
    return done(await act(world, by, "/api/transfers", **REQUEST | changes))


async def on(world: World, transfer: dict[str, Any], by: str, what: str, **body: Any) -> httpx.Response:
    """Act on a transfer at the version it stands at now."""
    path = f"/api/transfers/{transfer['id']}"
    seen = (await (await world.as_("settler")).get(path)).json()["version"]
    return await act(world, by, f"{path}/{what}", **{"version": seen} | body)


async def a_verified_deal(world: World) -> dict[str, Any]:
    """Return a verified deal that pays 1,165,000 USD on 29 October."""
    await a_desk(world)
    deal = await captured(world)
    await verified(world, deal)
    return deal


def part(deal: dict[str, Any], amount: str = "1165000.00") -> list[dict[str, str]]:
    return [{"trade": deal["id"], "amount": amount}]


async def waiting(world: World, transfer: dict[str, Any]) -> set[str]:
    found = await rows(
        world,
        f"SELECT kind FROM work_item WHERE subject_id = '{transfer['id']}' AND closed_entry_id IS NULL",
    )
    return {row.kind for row in found}


async def test_TRD_18_a_needed_transfer_is_prepared_and_signed_by_two_other_people(
    bank_world: World,
) -> None:
    deal = await a_verified_deal(bank_world)
    transfer = await asked(bank_world, breakdown=part(deal))
    assert (transfer["state"], await waiting(bank_world, transfer)) == ("requested", {"prepare_transfer"})
    unprepared = await on(bank_world, transfer, "releaser", "release")
    assert refusal(unprepared)[:2] == (409, "illegal_transition")

    prepared = done(await on(bank_world, transfer, "settler", "preparation"))
    assert (prepared["state"], prepared["version"]) == ("prepared", 2)
    (line,) = prepared["need"]["deals"]
    assert (line["need"], line["taken"], prepared["need"]["findings"]) == ("1165000.00", "0", [])
    assert await waiting(bank_world, transfer) == {"release_transfer"}
    stale = await on(bank_world, transfer, "releaser", "release", version=1)
    assert refusal(stale)[:2] == (409, "stale_version")

    first = done(await on(bank_world, transfer, "releaser", "release"))
    assert (first["state"], first["signatures"]) == ("prepared", 1)
    again = await on(bank_world, transfer, "releaser", "release")
    assert refusal(again) == (409, "signed_before", "TRD-18")
    preparer = ReleaseTransfer(transfer_id=UUID(transfer["id"]), version=2)
    with pytest.raises(KeptApart, match="does not sign it"):
        await act_as(bank_world, "settler", {"releaser"}, release_transfer, preparer)
    second = done(await on(bank_world, transfer, "other-releaser", "release"))
    assert (second["state"], second["signatures"], second["version"]) == ("released", 2, 3)
    assert await waiting(bank_world, transfer) == {"book_transfer"}
    third = await on(bank_world, transfer, "other-releaser", "release")
    assert refusal(third)[:2] == (409, "illegal_transition")

    trader = await bank_world.as_("trader")
    shown = (await trader.get(f"/api/transfers/{transfer['id']}")).json()
    assert [signature["by"] for signature in shown["signatures"]] == ["releaser", "other-releaser"]
    assert shown["control"]["by"] == "settler"
    entered = (await trader.get("/api/transactions")).json()["items"]
    assert [(one["kind"], one["state"]) for one in entered] == [
        ("transfer", "released"),
        ("trade", "verified"),
    ]
    assert entered[0]["trade"] is entered[0]["portfolio"] is None
    other_desk = await bank_world.as_("second-desk-trader")
    assert (await other_desk.get("/api/transfers")).json()["items"] == []
    assert (await other_desk.get(f"/api/transfers/{transfer['id']}")).status_code == 404
    assert (await other_desk.get("/api/transactions")).json()["items"] == []

    twice = await asked(bank_world, breakdown=part(deal))  # what was funded once is not needed again
    assert done(await on(bank_world, twice, "settler", "preparation"))["state"] == "held"


async def test_TRD_18_trading_prepares_and_releases_nothing_by_any_path(bank_world: World) -> None:
    deal = await a_verified_deal(bank_world)
    transfer = await asked(bank_world, "mover-trading", breakdown=part(deal))
    for by in ("trader", "other-trader", "mover-trading", "head-of-trading"):  # FO alone, and FO with FO
        for what in ("preparation", "release"):
            answer = await on(bank_world, transfer, by, what)
            assert refusal(answer)[:2] == (403, "not_permitted")
            action = {"preparation": "transfer.prepare", "release": "transfer.release"}[what]
            outcome = await as_act(bank_world, by, action, transfer_id=transfer["id"], version=1)
            assert outcome["problem"]["code"] == "not_permitted"
    done(await on(bank_world, transfer, "settler", "preparation"))
    done(await on(bank_world, transfer, "releaser", "release"))
    for by in ("trader", "other-trader"):
        assert refusal(await on(bank_world, transfer, by, "release"))[:2] == (403, "not_permitted")
    signed = (
        "INSERT INTO public.transfer_signature (id, rev, transfer_id, account_id, person_id, signed_at) "
        f"SELECT gen_random_uuid(), 1, '{transfer['id']}', id, person_id, now() FROM public.account LIMIT 1"
    )
    for statement in (
        signed,
        "UPDATE public.transfer_control SET state = 'released', rev = rev + 1",
        "UPDATE public.transfer SET amount = 9, rev = rev + 1",
        (
            f"INSERT INTO public.transfer_control (id, rev, state, need, prepared_by) SELECT '{transfer['id']}', 1, "
            "'prepared', '{}', requested_by FROM public.transfer"
        ),
    ):
        with pytest.raises(DBAPIError, match="permission denied"):
            await by_login(bank_world, Office.FRONT_OFFICE, statement)

    # The same person through an account of the back office: history tells, whatever the role.
    command = ReleaseTransfer(transfer_id=UUID(transfer["id"]), version=2)
    with pytest.raises(KeptApart, match="does not sign it"):
        await act_as(bank_world, "mover-control", {"releaser"}, release_transfer, command)
    await open_account(bank_world, "trader", Office.BACK_OFFICE)
    own = await asked(bank_world, breakdown=part(deal))
    prepare = PrepareTransfer(transfer_id=UUID(own["id"]), version=1)
    with pytest.raises(KeptApart, match="does not check the need"):
        await act_as(bank_world, "trader-back-office", {"settler"}, prepare_transfer, prepare)
    done(await on(bank_world, transfer, "other-releaser", "release"))


async def test_A_03_what_no_booked_deal_needs_is_held_until_risk_control_and_accounting_agree(
    bank_world: World,
) -> None:
    deal = await a_verified_deal(bank_world)
    unverified = await captured(bank_world)
    held = {
        "no_breakdown": await asked(bank_world, amount="5000000.00"),  # a round sum on demand
        "breakdown_differs": await asked(bank_world, amount="1200000.00", breakdown=part(deal)),
        "exceeds_need": await asked(bank_world, amount="1165000.01", breakdown=part(deal, "1165000.01")),
        "unknown_deal": await asked(bank_world, breakdown=part(unverified)),
    }
    for finding, transfer in held.items():
        prepared = done(await on(bank_world, transfer, "settler", "preparation"))
        assert (prepared["state"], prepared["need"]["findings"]) == ("held", [finding])
        assert await waiting(bank_world, transfer) == {"review_transfer_risk", "review_transfer_books"}
        for what in ("release", "refusal"):
            by = "releaser" if what == "release" else "settler"
            more = {"reason": "no need"} if what == "refusal" else {}
            early = await on(bank_world, transfer, by, what, **more)
            assert refusal(early)[:2] == (409, "illegal_transition")

    verdict = {"verdict": "accept", "reason": "seen the client's order"}
    once = held["exceeds_need"]
    assert refusal(await on(bank_world, once, "trader", "review", **verdict))[:2] == (403, "not_permitted")
    assert done(await on(bank_world, once, "risk-controller", "review", **verdict))["state"] == "held"
    again = await on(bank_world, once, "other-risk-controller", "review", **verdict)
    assert refusal(again)[:2] == (409, "reviewed_before")
    agreed = done(await on(bank_world, once, "accountant", "review", **verdict))
    assert (agreed["state"], await waiting(bank_world, once)) == ("accepted", {"release_transfer"})
    done(await on(bank_world, once, "releaser", "release"))
    assert done(await on(bank_world, once, "other-releaser", "release"))["state"] == "released"

    lost = held["no_breakdown"]
    against = {"verdict": "reject", "reason": "no deal stands behind it"}
    assert done(await on(bank_world, lost, "accountant", "review", **against))["state"] == "refused"
    assert refusal(await on(bank_world, lost, "releaser", "release"))[:2] == (409, "illegal_transition")
    assert done(await on(bank_world, lost, "risk-controller", "review", **verdict))["state"] == "refused"
    assert await waiting(bank_world, lost) == set()

    listed = await (await bank_world.as_("settler")).get("/api/transfers", state="refused")
    assert [one["id"] for one in listed.json()["items"]] == [lost["id"]]
    page = (await (await bank_world.as_("compliance")).get("/api/transfers", limit=3)).json()
    rest = (await (await bank_world.as_("compliance")).get("/api/transfers", cursor=page["next"])).json()
    assert [len(page["items"]), len(rest["items"])] == [3, 1]
    assert "illegal_transition" in {row.data["code"] for row in await refusals(bank_world)}


async def test_margin_is_called_for_at_most_five_per_cent_and_for_deals_that_still_stand(
    bank_world: World,
) -> None:
    deal = await a_verified_deal(bank_world)
    margin = {"purpose": "margin", "currency": "EUR", "to_account": "MARGIN AT CLEARER"}
    call = await asked(bank_world, **margin, amount="50000.00", breakdown=part(deal, "50000.00"))
    prepared = done(await on(bank_world, call, "settler", "preparation"))
    assert (prepared["state"], prepared["need"]["deals"][0]["need"]) == ("prepared", "50000.00")
    more = await asked(bank_world, **margin, amount="0.01", breakdown=part(deal, "0.01"))
    assert done(await on(bank_world, more, "settler", "preparation"))["state"] == "held"

    request = await asked_to_cancel(bank_world, deal)
    approval = f"/api/requests/{request['id']}/approval"
    done(await act(bank_world, "other-verifier", approval, version=1, reason="as requested"))
    gone = await on(bank_world, call, "releaser", "release")
    assert refusal(gone) == (409, "need_gone", "TRD-18")
    refused = done(await on(bank_world, call, "other-settler", "refusal", reason="the deal is cancelled"))
    assert (refused["state"], await waiting(bank_world, call)) == ("refused", set())
    for wrong, field in (
        ({"amount": "0.00"}, "amount"),
        ({"amount": "1.001"}, "amount"),
        ({"currency": "XAU"}, "currency"),
        ({"to_account": REQUEST["from_account"]}, "to_account"),
        ({"value_date": "2026-10-26"}, "value_date"),
        ({"breakdown": part(deal, "-1.00")}, "breakdown"),
    ):
        answer = await act(bank_world, "trader", "/api/transfers", **REQUEST | wrong)
        assert (answer.status_code, answer.json()["field"]) == (422, field)
