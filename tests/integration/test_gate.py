"""One gate: decided, acted, recorded, committed - or nothing but the refusal."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from audit import receipt
from policies.vocabulary import Action
from service.attempt import Attempt, Changed, Command
from service.bookkeeping.model import Journal, JournalLine
from service.demo.access import actor_named
from service.gate import Done, Request, UseCase
from service.kernel.errors import AlreadyExists, KeyReused, NotSignedIn, Refusal, StalePolicy
from service.kernel.failures import sqlstate
from service.kernel.identifiers import uuid7
from service.market.model import FixingSet
from service.parties.model import Proposal
from service.people.directory import service_actor
from service.people.use_cases import ChangePassword, WeakPassword, change_password
from tests import deals
from tests.bank import World
from tests.deals import by_force, counted, rows
from tests.keeping import findings, public_key, publish, reader, verdict
from tests.parties import LEI, OTHER_LEI

PARTY = {"lei": LEI, "name": "First counterparty", "bic": "COBADEFF"}
GOOD, OTHER = "correct horse battery staple", "another long enough password"


async def entry(world: World, entry_id: str) -> dict[str, Any]:
    """Return one entry of the log."""
    found = await rows(
        world, "SELECT bytes FROM public.audit_entry WHERE id = CAST(:id AS uuid)", id=entry_id
    )
    assert found, f"no entry {entry_id}"
    return dict(json.loads(found[0].bytes))


async def everything(world: World) -> dict[str, int]:
    """Return how many rows each table holds that an act could have left behind."""
    tables = (
        "audit_entry",
        "audit_effect",
        "audit_pending",
        "proposal",
        "work_item",
        "journal",
        "journal_line",
    )
    return {table: await counted(world, table) for table in (*tables, "idempotency_key")}


# Refusals -----------------------------------------------------------------------------------------


REFUSED = [
    ("trader", PARTY, 403, "not_permitted"),
    ("steward", PARTY | {"lei": "no lei"}, 422, "wrong_identifier"),
    ("steward", {"lei": LEI}, 400, "malformed"),
    ("steward", PARTY | {"office": "front_office"}, 400, "malformed"),
]


async def test_every_refusal_of_somebody_signed_in_is_an_entry(bank_world: World) -> None:
    for account, body, status, code in REFUSED:
        actor = await actor_named(bank_world.bank, account)

        refused = (await (await bank_world.as_(account)).post("/api/counterparties", body)).json()

        assert (refused["status"], refused["code"]) == (status, code)
        told = await entry(bank_world, refused["decision"])
        assert (told["act"], told["decision"]["outcome"]) == ("counterparty.propose", "refuse")
        assert (told["actor"]["account"], told["actor"]["person"]) == (str(actor.account), str(actor.person))
        assert (told["data"]["status"], told["data"]["code"]) == (status, code)
        assert "eff" not in told
        assert LEI not in json.dumps(told), "a refusal keeps a digest of the body, never the body"


async def test_a_read_without_the_right_is_recorded_as_refused(bank_world: World) -> None:
    refused = await (await bank_world.as_("trader")).get("/api/entries")

    assert refused.status_code == 403
    told = await entry(bank_world, refused.json()["decision"])
    assert (told["act"], told["decision"]["outcome"]) == ("entry.read", "refuse")


async def test_whoever_is_not_signed_in_leaves_nothing_in_the_log(bank_world: World) -> None:
    before = await everything(bank_world)

    async with bank_world.anonymous({"Authorization": "Bearer tw.front_office.nonsense"}) as client:
        refused = await client.post("/api/counterparties", json=PARTY, headers={"Idempotency-Key": "k"})

    assert refused.status_code == 401
    assert "decision" not in refused.json()
    assert await everything(bank_world) == before


# The same key, the same answer --------------------------------------------------------------------


async def test_the_same_key_and_body_get_the_same_answer_and_act_once(bank_world: World) -> None:
    steward = await bank_world.as_("steward")

    first = await steward.post("/api/counterparties", PARTY, key="once")
    before = await everything(bank_world)
    again = await steward.post("/api/counterparties", PARTY, key="once")

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert await everything(bank_world) == before


async def test_a_refusal_is_kept_under_its_key_even_when_its_cause_is_gone(bank_world: World) -> None:
    steward = await bank_world.as_("steward")
    waiting = (await steward.post("/api/counterparties", PARTY)).json()
    refused = await steward.post("/api/counterparties", PARTY, key="too-early")
    assert refused.status_code == 409
    refusal = {"version": waiting["version"], "reason": "entered twice"}
    approver = await bank_world.as_("steward-approver")
    gone = await approver.post(f"/api/proposals/{waiting['proposal']}/refusal", refusal)
    assert gone.status_code == 200, gone.text
    before = await counted(bank_world, "audit_entry")

    again = await steward.post("/api/counterparties", PARTY, key="too-early")
    anew = await steward.post("/api/counterparties", PARTY, key="in-time")

    assert (again.status_code, again.json()) == (409, refused.json())
    assert anew.status_code == 201
    assert await counted(bank_world, "audit_entry") == before + 1, "the repeated answer is no new entry"


async def test_the_same_key_with_another_body_is_refused_and_recorded(bank_world: World) -> None:
    steward = await bank_world.as_("steward")
    await steward.post("/api/counterparties", PARTY, key="once")

    other = await steward.post("/api/counterparties", PARTY | {"lei": OTHER_LEI}, key="once")

    assert (other.status_code, other.json()["code"]) == (409, "key_reused")
    assert (await entry(bank_world, other.json()["decision"]))["decision"]["outcome"] == "refuse"
    assert await counted(bank_world, "proposal") == 1


async def test_the_same_key_with_another_act_is_refused(bank_world: World) -> None:
    steward = await bank_world.as_("steward")
    await steward.post("/api/counterparties", PARTY, key="once")

    other = await steward.post("/api/portfolios", {"name": "FX-EUR", "desk": "FX desk"}, key="once")

    assert (other.status_code, other.json()["code"]) == (409, "key_reused")


async def test_two_accounts_may_use_the_same_key(bank_world: World) -> None:
    steward, accountant = await bank_world.as_("steward"), await bank_world.as_("closer")
    assert (await steward.post("/api/counterparties", PARTY, key="once")).status_code == 201
    seen = (await accountant.get("/api/business-date")).json()["version"]
    moved = {"business_date": "2026-10-28", "desk_clock": "09:00", "version": seen}

    assert (await accountant.post("/api/business-date", moved, key="once")).status_code < 300


async def test_sixty_four_at_once_with_one_key_act_once(bank_world: World) -> None:
    steward = await bank_world.as_("steward")
    before = await everything(bank_world)

    answers = await asyncio.gather(
        *(steward.post("/api/counterparties", PARTY, key="one-of-many") for _ in range(64))
    )

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    after = await everything(bank_world)
    assert {name: after[name] - before[name] for name in ("audit_entry", "proposal", "idempotency_key")} == {
        "audit_entry": 1,
        "proposal": 1,
        "idempotency_key": 1,
    }


async def test_of_two_who_decide_at_once_one_loses_loudly(bank_world: World) -> None:
    await deals.a_desk(bank_world)
    deal = await deals.captured(bank_world)

    path = f"/api/trades/{deal['id']}/verification"
    callers = [await bank_world.as_(account) for account in ("verifier", "other-verifier")]
    answers = await asyncio.gather(*(caller.post(path, {"version": 1}) for caller in callers))

    assert sorted(answer.status_code for answer in answers) == [200, 409]
    effects = await rows(bank_world, "SELECT act FROM public.audit_effect WHERE kind = 'trade_control'")
    assert [effect.act for effect in effects] == ["trade.verify"]


# Receipts -----------------------------------------------------------------------------------------


async def test_receipts_are_kept_and_anybody_can_check_them(bank_world: World) -> None:
    steward = await bank_world.as_("steward")
    receipts = [
        (await steward.post("/api/counterparties", PARTY | {"lei": lei})).json()["receipt"]
        for lei in (LEI, OTHER_LEI)
    ]
    promises = [receipt.check(one, public_key(bank_world), None) for one in receipts]

    await publish(bank_world)

    for one, promise in zip(receipts, promises, strict=True):
        kept = receipt.check(one, public_key(bank_world), reader(bank_world))
        assert kept.index is not None
        told = json.loads(reader(bank_world).entry(kept.index))
        assert told["id"] == promise.entry
        assert promise.made_at < promise.deadline
    assert verdict(bank_world, receipts).line() == "VERIFIED (L1 self-signed)"


async def test_a_forged_receipt_is_known(bank_world: World) -> None:
    given = (await (await bank_world.as_("steward")).post("/api/counterparties", PARTY)).json()["receipt"]

    with pytest.raises(receipt.ForgedReceipt):
        receipt.check(given | {"entry": str(uuid7())}, public_key(bank_world), None)


# A commit that fails ------------------------------------------------------------------------------

Broken = Callable[[Attempt, Any], Awaitable[Changed]]


async def a_row_without_effect(attempt: Attempt, command: Any) -> Changed:
    """Write a row the entry does not know."""
    attempt.session.add(
        Proposal(id=uuid7(), object_kind="counterparty", object_id=uuid7(), payload={}, state="open")
    )
    return Changed({"id": "never"}, 201)


async def a_row_with_a_revision_too_many(attempt: Attempt, command: Any) -> Changed:
    """Change a row once more behind the entry's back."""
    row = attempt.add(
        Proposal(id=uuid7(), object_kind="counterparty", object_id=uuid7(), payload={}, state="open")
    )
    await attempt.session.flush()
    attempt.rows.remove(row)
    return Changed({"id": "never"}, 201)


async def a_mistake(attempt: Attempt, command: Any) -> Changed:
    """Fail as a bug does."""
    raise ZeroDivisionError


@pytest.mark.parametrize("broken", [a_row_without_effect, a_row_with_a_revision_too_many, a_mistake])
async def test_what_cannot_be_committed_is_never_answered_and_leaves_nothing(
    bank_world: World, monkeypatch: pytest.MonkeyPatch, broken: Broken
) -> None:
    steward = await bank_world.as_("steward")
    before = await everything(bank_world)

    with monkeypatch.context() as patched:
        case = UseCase(Action.COUNTERPARTY_PROPOSE, Command, broken, many=False)
        patched.setattr("service.parties.api.propose_counterparty", case)
        failed = await steward.post("/api/counterparties", PARTY, key="tried")
    left = await everything(bank_world)
    again = await steward.post("/api/counterparties", PARTY, key="tried")

    assert (failed.status_code, failed.json()["code"]) == (500, "internal")
    assert failed.headers["content-type"] == "application/problem+json"
    assert left == before
    assert again.status_code == 201, "the key is still free"


async def test_books_that_do_not_balance_fail_at_the_commit(bank_world: World) -> None:
    await deals.a_desk(bank_world)
    deal = await deals.captured(bank_world)
    accountant = await actor_named(bank_world.bank, "accountant")

    async def post_one_side(attempt: Attempt, command: Command) -> Changed:
        journal = Journal(
            id=uuid7(), event_key="x", trade_id=UUID(deal["id"]), version=1, rule="X/1",
            booked_on=attempt.desk.business_date, lines_digest="x",
        )  # fmt: skip
        attempt.add(journal)
        attempt.move(
            JournalLine(journal_id=journal.id, line=1, account="1000", currency="EUR", amount=1, eur_amount=1)
        )
        attempt.concerns(journal.trade_id)
        await attempt.admit(journal.trade_id)
        return Changed({})

    case = UseCase(Action.JOURNAL_POST, Command, post_one_side, many=False)
    before = await everything(bank_world)
    with pytest.raises(IntegrityError, match="does not balance") as failure:
        await bank_world.bank.gate.perform(accountant, case, Command(), opening=True)

    assert sqlstate(failure.value) == "23514"
    assert await everything(bank_world) == before


async def test_an_act_governed_by_history_cannot_forget_to_ask_it(bank_world: World) -> None:
    verifier = await actor_named(bank_world.bank, "verifier")

    async def verify_blindly(attempt: Attempt, command: Command) -> Changed:
        return Changed({})

    case = UseCase(Action.TRADE_VERIFY, Command, verify_blindly, many=False)
    before = await everything(bank_world)
    with pytest.raises(AssertionError, match="did not call admit"):
        await bank_world.bank.gate.perform(verifier, case, Command(), opening=True)

    assert await everything(bank_world) == before


async def test_an_act_that_loses_a_race_is_tried_again_and_recorded_once(bank_world: World) -> None:
    steward = await actor_named(bank_world.bank, "steward")
    tries: list[UUID] = []

    async def lose_once(attempt: Attempt, command: Command) -> Changed:
        tries.append(attempt.entry_id)
        if len(tries) == 1:
            await attempt.session.execute(text("DO $$ BEGIN RAISE 'lost' USING ERRCODE = '40001'; END $$"))
        return Changed({})

    before = await counted(bank_world, "audit_entry")
    case = UseCase(Action.COUNTERPARTY_PROPOSE, Command, lose_once, many=False)
    await bank_world.bank.gate.perform(steward, case, Command(), opening=True)

    assert len(set(tries)) == 2
    assert await counted(bank_world, "audit_entry") == before + 1
    assert (await entry(bank_world, str(tries[1])))["decision"]["outcome"] == "allow"


# Rights that change while somebody acts -----------------------------------------------------------


async def test_a_process_with_an_older_policy_writes_nothing_until_it_is_restarted(bank_world: World) -> None:
    steward = await bank_world.as_("steward")
    version = bank_world.bank.policy.version
    await by_force(bank_world, "UPDATE public.policy_epoch SET version = 'sha256:newer'")
    before = await everything(bank_world)

    refused = await steward.post("/api/counterparties", PARTY, key="in-between")
    left = await everything(bank_world)
    await by_force(bank_world, f"UPDATE public.policy_epoch SET version = '{version}'")
    again = await steward.post("/api/counterparties", PARTY, key="in-between")

    assert (refused.status_code, refused.json()["code"]) == (503, StalePolicy("").code)
    assert {name for name in left if left[name] != before[name]} == {"audit_entry", "audit_pending"}
    assert (await entry(bank_world, refused.json()["decision"]))["decision"]["outcome"] == "refuse"
    assert again.status_code == 201, "a refusal of the service's own making is not kept under the key"


async def test_whoever_is_disabled_between_arriving_and_acting_does_not_act(bank_world: World) -> None:
    gate = bank_world.bank.gate
    trader = await signed_in(bank_world, "trader")
    await disable(bank_world, "trader")

    with pytest.raises(NotSignedIn) as refused:
        await gate.perform(trader, change_password, ChangePassword(password=GOOD))

    assert refused.value.decision is not None
    assert (await entry(bank_world, refused.value.decision))["data"]["code"] == "not_signed_in"


async def test_whoever_is_disabled_while_acting_finishes_and_never_acts_again(bank_world: World) -> None:
    gate, trader = bank_world.bank.gate, await signed_in(bank_world, "trader")
    acting, go_on = asyncio.Event(), asyncio.Event()

    async def act_slowly(attempt: Attempt, command: Command) -> Changed:
        acting.set()
        await go_on.wait()
        return Changed({"done": True})

    case = UseCase(Action.CANCELLATION_REQUEST, Command, act_slowly, many=False)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Attempt, "must_have_admitted", lambda _: None)
        act = asyncio.create_task(gate.perform(trader, case, Command()))
        await acting.wait()
        disabling = asyncio.create_task(disable(bank_world, "trader"))
        await asyncio.sleep(0.3)
        assert not disabling.done(), "who disables waits for the act under way"
        go_on.set()
        assert (await act).answer["done"]
        await disabling

        with pytest.raises(NotSignedIn):
            await gate.perform(trader, case, Command())


async def signed_in(world: World, account: str) -> Any:
    """Return the actor of a session opened just now."""
    await world.as_(account)
    found = await rows(
        world,
        "SELECT s.id FROM public.session s JOIN public.account a ON a.id = s.account_id "
        "WHERE a.name = :name AND s.ended_at IS NULL ORDER BY s.opened_at DESC LIMIT 1",
        name=account,
    )
    return replace(await actor_named(world.bank, account), session=found[0].id)


async def disable(world: World, account: str) -> None:
    """Take every access from the person behind an account."""
    admin = await world.as_("rights-admin")
    found = await rows(
        world,
        "SELECT p.id, p.rev FROM public.person p JOIN public.account a ON a.person_id = p.id WHERE a.name = :name",
        name=account,
    )
    body = {"version": found[0].rev, "reason": "has left the bank"}
    ended = await admin.post(f"/api/persons/{found[0].id}/disablement", body)
    assert ended.status_code == 200, ended.text


# Many at once -------------------------------------------------------------------------------------


async def test_one_refused_command_leaves_its_neighbours(bank_world: World) -> None:
    traders = [
        await actor_named(bank_world.bank, name) for name in ("trader", "other-trader", "second-desk-trader")
    ]
    passwords = (GOOD, "too short", OTHER)
    before = await rows(bank_world, "SELECT account_id, secret FROM public.credential")

    outcomes = await bank_world.bank.gate.perform_many(
        change_password,
        [
            Request(trader, ChangePassword(password=password), opening=True)
            for trader, password in zip(traders, passwords, strict=True)
        ],
    )

    assert [type(outcome) for outcome in outcomes] == [Done, WeakPassword, Done]
    refused = outcomes[1]
    assert isinstance(refused, Refusal)
    assert (await entry(bank_world, str(refused.decision)))["actor"]["account"] == str(traders[1].account)
    after = await rows(bank_world, "SELECT account_id, secret FROM public.credential")
    assert {row.account_id for row in set(after) - set(before)} == {traders[0].account, traders[2].account}
    done = [outcome.answer["receipt"] for outcome in outcomes if isinstance(outcome, Done)]
    assert len({one["signature"] for one in done}) == 1, "the receipts of a batch share one signature"
    assert [one["batch"]["size"] for one in done] == [2, 2]


async def test_a_key_that_stands_twice_in_a_batch_counts_once(bank_world: World) -> None:
    trader = await actor_named(bank_world.bank, "trader")

    first, second = await bank_world.bank.gate.perform_many(
        change_password,
        [Request(trader, ChangePassword(password=word), key="k", opening=True) for word in (GOOD, OTHER)],
    )

    assert isinstance(first, Done)
    assert isinstance(second, KeyReused)
    again = await bank_world.bank.gate.perform(
        trader, change_password, ChangePassword(password=GOOD), key="k", opening=True
    )
    assert again.replay


async def test_a_unique_value_taken_within_a_batch_refuses_only_the_second(bank_world: World) -> None:
    controller = await actor_named(bank_world.bank, "risk-controller")

    async def import_carelessly(attempt: Attempt, command: Command) -> Changed:
        day = attempt.desk.business_date
        attempt.add(FixingSet(id=uuid7(), day=day, source="s", source_sha256="x", rates={"USD": "1.1"}))
        return Changed({})

    case = UseCase(Action.FIXING_IMPORT, Command, import_carelessly, many=False)
    outcomes = await bank_world.bank.gate.perform_many(
        case, [Request(controller, Command(), key=str(uuid4()), opening=True) for _ in range(3)]
    )

    assert [type(outcome) for outcome in outcomes] == [Done, AlreadyExists, AlreadyExists]
    assert await counted(bank_world, "fixing_set") == 1
    assert await findings(bank_world) == []


async def test_an_act_of_the_offices_own_account_needs_no_session_and_a_persons_does(
    bank_world: World,
) -> None:
    gate = bank_world.bank.gate
    case = UseCase(Action.POWER_READ, Command, nothing, many=False)

    with pytest.raises(NotSignedIn):
        await gate.perform(await actor_named(bank_world.bank, "trader"), case, Command())
    keeper = await service_actor(
        bank_world.bank.offices, (await actor_named(bank_world.bank, "trader")).office
    )
    with pytest.raises(Refusal):  # it is no member of staff with that right
        await gate.perform(keeper, UseCase(Action.TRADE_CAPTURE, Command, nothing, many=False), Command())


async def nothing(attempt: Attempt, command: Command) -> Changed:
    """Do nothing; the entry tells that it was done."""
    return Changed({})
