"""Cells of the matrix by every way in: over HTTP by every account, and through the gate by people with two faces."""

from collections import Counter
from dataclasses import replace
from uuid import UUID

import httpx
import pytest

from policies.vocabulary import Action, Office
from service.demo import cast
from service.demo.access import actor_named
from service.gate import USE_CASES
from service.kernel.errors import (
    CoolingOff,
    KeptApart,
    NotIndependent,
    NotPermitted,
    Refusal,
)
from tests import settling
from tests.bank import World
from tests.hostile import oracle
from tests.hostile.oracle import DUTIES, expected
from tests.settling import Deal, done

REASON = {"reason": "as the matrix says"}
ACTS = {
    "trade.verify": ("/api/trades/{}/verification", {}),
    "trade.return": ("/api/trades/{}/return", REASON),
    "cancellation.request": ("/api/trades/{}/cancellations", REASON),
    "confirmation.dispatch": ("/api/confirmations/{}/dispatch", {}),
    "confirmation.match": ("/api/confirmations/{}/match", {}),
    "confirmation.redraft": ("/api/confirmations/{}/redraft", REASON),
    "settlement.prepare": ("/api/settlements/{}/preparation", {}),
    "settlement.release": ("/api/settlements/{}/release", {}),
    "settlement.countersign": ("/api/settlements/{}/countersignature", {}),
    "settlement.hold": ("/api/settlements/{}/hold", REASON),
    "settlement.free": ("/api/settlements/{}/freeing", REASON),
    "settlement.complete": ("/api/settlements/{}/completion", {}),
    "settlement.fail": ("/api/settlements/{}/failure", REASON),
}
NAMED = {"deal": "trade_id", "confirmation": "confirmation_id", "leg": "settlement_id"}
TAKES_PART = {
    "trader": oracle.ENTERER,
    "other-trader": oracle.COLLEAGUE,
    "verifier": oracle.VERIFIER,
    "confirmer": oracle.CONFIRMER,
    "settler": oracle.PREPARER,
    "releaser": oracle.SIGNER,
}
EVERYBODY = {
    plan.name: plan.roles[0] for plan in cast.ACCOUNTS if not plan.service and plan.roles and "mover" not in plan.name
}  # fmt: skip
OTHER_OFFICE = {
    account: Office.FRONT_OFFICE
    if role in ("verifier", "confirmer", "settler", "releaser")
    else Office.BACK_OFFICE
    for account, role in EVERYBODY.items()
    if account in TAKES_PART
}
"""Where those who take part get a second account: an office's login writes for accounts of its own only."""


def in_words(code: int, kind: str) -> str:
    if code == 403:
        return {"not_permitted": "right", "kept_apart": "apart"}.get(kind, "stand")
    return {404: "unseen", 409: "state"}.get(code) or ("done" if code < 300 else f"{code} {kind}")


def word_of(answer: httpx.Response) -> str:
    return in_words(answer.status_code, "" if answer.status_code < 300 else answer.json()["code"])


def word_of_refusal(refusal: Refusal) -> str:
    for kind, word in ((NotPermitted, "right"), (KeptApart, "apart")):
        if isinstance(refusal, kind):
            return word
    return "stand" if isinstance(refusal, NotIndependent | CoolingOff) else in_words(refusal.status, "")


async def objects(deal: Deal) -> dict[str, tuple[str, int]]:
    """Return what belongs to the deal now, with the version of each."""
    found = {"deal": (deal.id, 1)}
    ours = (await (await deal.world.as_("confirmer")).get("/api/confirmations", trade=deal.id)).json()
    if ours["items"]:
        found["confirmation"] = (ours["items"][0]["id"], ours["items"][0]["version"])
    if legs := await deal.legs():
        leg = legs["USD"]
        found["leg"] = (leg["id"], leg["version"])
    return found


def relation(account: str, state: str) -> str:
    """Return what somebody is to a deal in a state: what they will do later makes them no part of it yet."""
    found = TAKES_PART.get(account, oracle.STRANGER)
    did = {one.by for one in oracle.STATES[state].past}
    return found if found not in oracle.IN_THE_PAST or found in did else oracle.STRANGER


def second_account(account: str) -> str:
    return f"{account}-{OTHER_OFFICE[account].value.replace('_', '-')}"


async def try_over_http(deal: Deal, state: str, tried: Counter[str]) -> list[str]:
    """Have every account try every act; what would be done is left to whoever's turn it is."""
    there, wrong, turn = await objects(deal), [], len(tried)
    for act, (path, more) in ACTS.items():
        if DUTIES[act].to not in there:
            continue
        identifier, version = there[DUTIES[act].to]
        for account, role in EVERYBODY.items():
            wanted = expected(act, role, relation(account, state), state)
            turn += 1
            if wanted.word == "done" or (wanted.word == "right" and turn % 3):  # a third of these will do
                continue
            answer = await (await deal.world.as_(account)).post(
                path.format(identifier), {"version": version, **more}
            )
            tried[wanted.word] += 1
            if word_of(answer) != wanted.word:
                wrong.append(f"{act} by {account}, {state}: {wanted} expected, {answer.text}")
    return wrong


async def try_with_two_faces(deal: Deal, state: str, tried: Counter[str]) -> list[str]:
    """Have those who took part try every act as if they had changed to a desk that may."""
    there, wrong = await objects(deal), []
    for act, (_, more) in ACTS.items():
        case = USE_CASES[Action(act)]
        if DUTIES[act].to not in there:
            continue
        identifier, version = there[DUTIES[act].to]
        (role,) = DUTIES[act].roles
        office = deal.world.bank.policy.office_of(role)
        for account, elsewhere in OTHER_OFFICE.items():
            second = office == elsewhere
            who = relation(account, state)
            if second and who == oracle.ENTERER:
                who = oracle.SECOND_ACCOUNT
            wanted = expected(act, role, who, state)
            if wanted.word == "done":
                continue
            if (
                second and DUTIES[act].side == oracle.ENTER
            ):  # from off the desk: "404 also for what one may not know"
                wanted = oracle.Answer("unseen", "interfaces")
            command = case.command(**{NAMED[DUTIES[act].to]: UUID(identifier), "version": version, **more})
            tried[wanted.word] += 1
            name = second_account(account) if second else account
            actor = replace(await actor_named(deal.world.bank, name), roles=frozenset({role}))
            try:
                await deal.world.bank.gate.perform(actor, case, command, opening=True)
                found = "done"
            except Refusal as refusal:
                found = word_of_refusal(refusal)
            if found != wanted.word:
                wrong.append(f"{act} by {account} as {role}, {state}: {wanted} expected, {found}")
    return wrong


@pytest.fixture
async def deal(ready_bank: World) -> Deal:
    for account, office in OTHER_OFFICE.items():
        assert await settling.open_account(ready_bank, account, office) == second_account(account)
    return await settling.captured(ready_bank)


async def test_cells_of_a_deal_on_its_way_come_out_as_expected_by_every_way_in(deal: Deal) -> None:
    """Between the tries the deal goes on, by those whose turn it is: the cells that are done."""
    tried: Counter[str] = Counter()
    wrong: list[str] = []

    async def everybody_tries(state: str) -> None:
        wrong.extend(await try_over_http(deal, state, tried))
        wrong.extend(await try_with_two_faces(deal, state, tried))

    await everybody_tries("captured")
    done(await deal.do("verifier", "verification"))
    await settling.drain(deal.world)
    await everybody_tries("verified")
    done(await deal.confirm("dispatch"))
    await settling.the_post(deal.world).send()
    await everybody_tries("confirmation sent")
    ours = (await deal.confirmation())["ours"]
    done(await deal.confirm("counter", fields=ours | {"reference": "CP 4711"}))
    done(await deal.confirm("match"))
    await settling.signed_off(deal)
    await settling.drain(deal.world)
    await everybody_tries("matched")
    done(await deal.settle("USD", "preparation", "settler"))
    await everybody_tries("prepared")
    done(await deal.settle("USD", "release", "releaser"))
    await everybody_tries("released")

    print(f"{sum(tried.values())} cells tried: {dict(tried)}")
    assert not wrong, "\n".join(wrong[:60])
    assert min(tried[word] for word in ("right", "apart", "stand", "state")) > 10
