"""What an office's login could try through the functions it may call: each attempt with how it ends.

Every intruder has appended one lawful entry before, so what is refused here is refused for what it is.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy.exc import DBAPIError

from policies.vocabulary import Office
from service.kernel.failures import sqlstate
from service.kernel.identifiers import uuid7
from service.kernel.items import ROUTES, Item
from tests import deals
from tests.bank import PASSWORD, World
from tests.deals import rows
from tests.intruders import Intruder, append, intruder_of, item, own_item, with_values
from tests.keeping import findings, publish, verdict

FRONT, BACK, ADMINISTRATION = Office.FRONT_OFFICE, Office.BACK_OFFICE, Office.ADMINISTRATION
NOTHING = "nothing"
SHUT, LONELY, TAKEN, LOST, OUT_OF_TIME = "42501", "23503", "23505", "40001", "TW002"
BEGIN = "SELECT * FROM public.attempt_begin(:policy, CAST(:requests AS jsonb))"
KEEP = "SELECT public.key_store(CAST(:answers AS jsonb))"
OPEN = "SELECT public.work_open(CAST(:items AS jsonb))"
CLOSE = "SELECT public.work_close(CAST(:items AS jsonb)) AS closed"
SESSION = "SELECT public.session_open(:id, :account, :token, 60, 3600, false, :entry)"
SECRET = "SELECT public.credential_set(:account, 'stolen', :temporary, :entry)"
NUMBERS = "SELECT * FROM public.take_deal_numbers(CAST(:deals AS jsonb))"


@dataclass(frozen=True)
class Attempt:
    """What is tried, by whom, and how it must end: a refusal of the database, or nothing to show for it."""

    how: Callable[[Intruder], Awaitable[object]]
    ends: tuple[str, ...]
    by: frozenset[Office]


ATTEMPTS: list[Attempt] = []


def attempt(
    *ends: str, by: Any = tuple(Office), but: Any = ()
) -> Callable[[Callable[[Intruder], Awaitable[object]]], None]:
    """Note an attempt; its function's name says what is tried."""

    def note(how: Callable[[Intruder], Awaitable[object]]) -> None:
        ATTEMPTS.append(Attempt(how, ends, frozenset(by) - frozenset(but)))

    return note


@pytest.fixture
async def busy_bank(bank_world: World) -> World:
    """Give a bank in which every office has something that others could meddle with."""
    await deals.a_desk(bank_world)
    await deals.verified(bank_world, await deals.captured(bank_world))
    await deals.captured(bank_world)
    request = {"account": "other-trader", "role": "head_of_trading", "reason": "stands in"}
    asked = await (await bank_world.as_("head-of-trading")).post("/api/grants", request)
    assert asked.status_code == 201, asked.text
    await (await bank_world.as_("verifier")).post("/api/trades/x", key="of-the-verifier")
    return bank_world


@pytest.mark.parametrize("office", Office)
async def test_no_office_acts_for_another_or_without_its_entry(busy_bank: World, office: Office) -> None:
    intruder = await intruder_of(busy_bank, office)
    ended: dict[str, str] = {}
    for one in ATTEMPTS:
        if office in one.by and (outcome := await outcome_of(one, intruder)) not in one.ends:
            ended[one.how.__name__] = outcome

    assert ended == {}
    assert await findings(busy_bank) == []
    await publish(busy_bank)
    assert verdict(busy_bank).line() == "VERIFIED (L1 self-signed)"


async def outcome_of(one: Attempt, intruder: Intruder) -> str:
    try:
        got = await one.how(intruder)
    except DBAPIError as failure:
        return str(sqlstate(failure))
    return f"got {got!r}" if got else NOTHING


# Entries ------------------------------------------------------------------------------------------


@attempt(SHUT)
async def speaks_for_somebody_of_another_office(i: Intruder) -> None:
    await i.append(i.line(actor=i.victim.frozen_view()))


@attempt(SHUT)
async def passes_anothers_account_off_as_its_own(i: Intruder) -> None:
    await i.append(i.line(actor=i.victim.frozen_view() | {"office": i.office.value}))


@attempt(SHUT)
async def borrows_another_person_for_its_own_account(i: Intruder) -> None:
    await i.append(i.line(actor=i.me.frozen_view() | {"person": str(i.victim.person)}))


@attempt(SHUT)
async def stamps_its_own_account_as_another_offices(i: Intruder) -> None:
    await i.append(i.line(actor=i.me.frozen_view() | {"office": i.victim.office.value}))


@attempt(SHUT)
async def acts_anonymously(i: Intruder) -> None:
    nobody = i.me.frozen_view() | {"account": f"anonymous:{i.me.account}", "person": "anonymous"}
    await i.append(i.line(actor=nobody))


@attempt(SHUT)
async def does_what_is_another_offices_act(i: Intruder) -> None:
    await i.append(i.line(act=i.foreign_act.value))


@attempt(SHUT)
async def has_an_effect_of_a_foreign_kind(i: Intruder) -> None:
    await i.append(i.line(eff=[i.effect(kind=i.foreign_kind)]))


@attempt(SHUT)
async def has_an_effect_by_being_refused(i: Intruder) -> None:
    await i.append(i.line(eff=[i.effect()], decision=i.decision(outcome="refuse")))


@attempt(SHUT)
async def neither_did_nor_was_refused(i: Intruder) -> None:
    await i.append(i.line(decision=i.decision(outcome="perhaps")))


@attempt(SHUT)
async def decides_by_a_policy_nobody_published(i: Intruder) -> None:
    await i.append(i.line(decision=i.decision(policy="sha256:" + "0" * 64)))


@attempt(SHUT)
async def was_refused_by_a_policy_nobody_published(i: Intruder) -> None:
    await i.append(i.line(decision=i.decision(policy="sha256:" + "0" * 64, outcome="refuse")))


@attempt(SHUT, by={Office.LOG})
async def begins_the_log_a_second_time(i: Intruder) -> None:
    await i.append(i.line(act="log.genesis", data={"level": "L1", "origin": i.world.bank.settings.origin}))


@attempt(SHUT, by={Office.LOG})
async def publishes_a_policy_of_its_own(i: Intruder) -> None:
    await i.append(i.line(act="policy.publish", data={"policy": "sha256:" + "0" * 64, "apart": []}))


@attempt(OUT_OF_TIME)
async def acted_an_hour_ago(i: Intruder) -> None:
    await i.append(i.line(ts=i.moment(-3600)))


@attempt(OUT_OF_TIME)
async def acted_a_minute_ago(i: Intruder) -> None:
    await i.append(i.line(ts=i.moment(-61)))


@attempt(OUT_OF_TIME)
async def acts_in_the_future(i: Intruder) -> None:
    await i.append(i.line(ts=i.moment(15)))


@attempt(SHUT)
async def acts_at_no_time(i: Intruder) -> None:
    await i.append(i.line(ts=None))


@attempt(SHUT)
async def stops_the_log_with_an_entry_too_long_for_a_bundle(i: Intruder) -> None:
    await i.append(i.line(data={"x": "x" * 65_536}))


@attempt(SHUT)
async def spells_its_id_in_capitals(i: Intruder) -> None:
    await i.append(i.line(id=str(uuid7()).upper()))


@attempt(SHUT, LOST)
async def invents_a_later_revision(i: Intruder) -> None:
    await i.append(i.line(eff=[i.effect(rev=2, prev="0" * 64)]))


@attempt(SHUT)
async def invents_a_revision_before_the_first(i: Intruder) -> None:
    await i.append(i.line(eff=[i.effect(rev=0)]))


@attempt(SHUT, LOST)
async def gives_a_first_revision_a_past(i: Intruder) -> None:
    await i.append(i.line(eff=[i.effect(prev="0" * 64)]))


@attempt(SHUT, LOST, TAKEN)
async def follows_on_an_object_with_the_wrong_past(i: Intruder) -> None:
    known = await rows(
        i.world, "SELECT kind, id, max(rev) AS rev FROM public.audit_effect GROUP BY 1, 2 LIMIT 200"
    )
    target = next((one for one in known if one.kind == i.kind), known[0])
    effect = i.effect(kind=target.kind, id=str(target.id), rev=target.rev + 1, prev="0" * 64)
    await i.append(i.line(eff=[effect]))


@attempt(TAKEN)
async def repeats_an_entry(i: Intruder) -> None:
    await i.append(i.old_bytes)


@attempt("22P02", "22021")
async def appends_what_is_no_entry(i: Intruder) -> None:
    await i.append(b"\xff not JSON")


# Work items ---------------------------------------------------------------------------------------


@attempt(SHUT)
async def opens_an_item_that_is_anothers_to_open(i: Intruder) -> None:
    kind, route = next((kind, route) for kind, route in ROUTES.items() if i.office not in route.openers)
    async with i.open() as connection:
        entry = i.line()
        await append(connection, entry)
        await connection.exec_driver_sql(with_values(OPEN, items=item(i, kind, route.office, entry["id"])))


@attempt(SHUT)
async def opens_an_item_for_the_wrong_office(i: Intruder) -> None:
    kind = own_item(i) or Item.VERIFY
    wrong = Office.LEGAL if ROUTES[kind].office is not Office.LEGAL else Office.MANAGEMENT
    async with i.open() as connection:
        entry = i.line()
        await append(connection, entry)
        await connection.exec_driver_sql(with_values(OPEN, items=item(i, kind, wrong, entry["id"])))


@attempt(SHUT)
async def opens_an_item_under_an_old_entry(i: Intruder) -> None:
    kind = own_item(i) or Item.VERIFY
    await i.run(OPEN, items=item(i, kind, ROUTES[kind].office, i.old_entry))


@attempt(SHUT)
async def opens_an_item_under_anothers_entry(i: Intruder) -> None:
    kind = own_item(i) or Item.VERIFY
    theirs = await rows(
        i.world, "SELECT id FROM public.audit_entry WHERE office <> :own LIMIT 1", own=i.office.value
    )
    await i.run(OPEN, items=item(i, kind, ROUTES[kind].office, theirs[0].id))


@attempt(NOTHING)
async def closes_the_items_of_other_offices(i: Intruder) -> int:
    query = "SELECT kind, subject_id FROM public.work_item WHERE office <> :own AND closed_entry_id IS NULL"
    open_items = await rows(i.world, query, own=i.office.value)
    async with i.open() as connection:
        entry = i.line()
        await append(connection, entry)
        items = [
            {"kind": one.kind, "subject": str(one.subject_id), "entry": entry["id"]} for one in open_items
        ]
        done = await connection.exec_driver_sql(with_values(CLOSE, items=json.dumps(items)))
        return int(done.scalar_one())


@attempt(NOTHING)
async def closes_its_own_items_under_an_old_entry(i: Intruder) -> int:
    query = "SELECT kind, subject_id FROM public.work_item WHERE office = :own AND closed_entry_id IS NULL"
    open_items = await rows(i.world, query, own=i.office.value)
    items = [
        {"kind": one.kind, "subject": str(one.subject_id), "entry": str(i.old_entry)} for one in open_items
    ]
    return int((await i.run(CLOSE, items=json.dumps(items)))[0].closed)


# Numbers and positions ----------------------------------------------------------------------------


@attempt(SHUT, but={FRONT})
async def takes_a_deal_number_outside_the_front_office(i: Intruder) -> None:
    await i.run(NUMBERS, deals="[]")


@attempt(LONELY, by={FRONT})
async def takes_a_number_without_a_deal(i: Intruder) -> None:
    book = (await rows(i.world, "SELECT id FROM public.portfolio"))[0].id
    async with i.open() as connection:
        entry = i.line()
        await append(connection, entry)
        wanted = json.dumps([{"book": str(book), "trade": str(uuid7()), "entry": entry["id"]}])
        await connection.exec_driver_sql(with_values(NUMBERS, deals=wanted))


@attempt(TAKEN, by={FRONT})
async def takes_a_second_number_for_a_deal(i: Intruder) -> None:
    deal = (await rows(i.world, "SELECT id, portfolio_id FROM public.trade"))[0]
    wanted = [{"book": str(deal.portfolio_id), "trade": str(deal.id), "entry": str(i.old_entry)}]
    await i.run(NUMBERS, deals=json.dumps(wanted))


@attempt(LONELY, by={FRONT})
async def gives_a_deal_a_number_of_its_own_choosing(i: Intruder) -> None:
    new = uuid7()
    async with i.open() as connection:
        await append(connection, i.line(act="trade.capture", eff=[i.effect(kind="trade", id=str(new))]))
        await connection.exec_driver_sql(
            "INSERT INTO trade (id, rev, type, portfolio_id, number, captured_by, captured_at, marks, version, "
            f"terms_digest) SELECT '{new}', 1, type, portfolio_id, 999, captured_by, captured_at, marks, 1, 'x' "
            "FROM trade LIMIT 1"
        )


@attempt(SHUT, by={FRONT})
async def moves_a_position_under_an_old_entry(i: Intruder) -> None:
    await i.run(
        "INSERT INTO position_movement SELECT gen_random_uuid(), portfolio_id, trade_id, version, currency, "
        "value_date, amount, entry_id FROM position_movement LIMIT 1"
    )


@attempt(SHUT, by={FRONT})
async def adds_a_version_of_a_deal_under_an_old_entry(i: Intruder) -> None:
    await i.run(
        "INSERT INTO trade_version SELECT (jsonb_populate_record(v, '{\"version\": 99}')).* FROM trade_version v LIMIT 1"
    )


# Passwords and sessions ---------------------------------------------------------------------------


@attempt(SHUT)
async def sets_a_lasting_password_for_another_office(i: Intruder) -> None:
    await i.run(SECRET, account=i.victim.account, temporary=False, entry=i.old_entry)


@attempt(SHUT)
async def sets_a_password_under_an_old_entry(i: Intruder) -> None:
    await i.run(SECRET, account=i.me.account, temporary=False, entry=i.old_entry)


@attempt(SHUT)
async def resets_anothers_password_under_an_old_entry(i: Intruder) -> None:
    await i.run(SECRET, account=i.victim.account, temporary=True, entry=i.old_entry)


@attempt(NOTHING)
async def reads_the_secret_of_another_office(i: Intruder) -> object:
    return await i.run("SELECT * FROM public.credential_of(:name)", name=i.victim.name)


@attempt(NOTHING)
async def slows_another_offices_signing_in(i: Intruder) -> object:
    await i.run("SELECT public.login_failed(:account)", account=i.victim.account)
    query = "SELECT 1 FROM public.credential WHERE account_id = :account AND failures > 0"
    return await rows(i.world, query, account=i.victim.account)


@attempt(SHUT)
async def opens_a_session_for_another_office(i: Intruder) -> None:
    facts = {"id": uuid7(), "token": uuid4().bytes, "entry": i.old_entry}
    await i.run(SESSION, account=i.victim.account, **facts)


@attempt(SHUT)
async def opens_a_session_under_an_old_entry(i: Intruder) -> None:
    facts = {"id": uuid7(), "token": uuid4().bytes, "entry": i.old_entry}
    await i.run(SESSION, account=i.me.account, **facts)


@attempt(SHUT)
async def opens_a_session_for_the_service_itself(i: Intruder) -> None:
    service = (await i.run("SELECT public.service_account() AS id"))[0].id
    await i.run(SESSION, account=service, id=uuid7(), token=uuid4().bytes, entry=i.old_entry)


@attempt(NOTHING)
async def finds_the_session_of_another_office(i: Intruder) -> object:
    query = "SELECT token_sha256 FROM public.session WHERE account_id = :account"
    await i.world.as_(i.victim.name)
    theirs = await rows(i.world, query, account=i.victim.account)
    return await i.run("SELECT * FROM public.session_find(:token)", token=theirs[0].token_sha256)


@attempt(NOTHING, but={ADMINISTRATION})
async def sees_where_somebody_in_another_office_is_signed_in(i: Intruder) -> object:
    return await i.run("SELECT id FROM public.sessions_of(:accounts)", accounts=[i.victim.account])


@attempt(NOTHING, but={ADMINISTRATION})
async def ends_the_session_of_another_office(i: Intruder) -> object:
    query = "SELECT id FROM public.session WHERE account_id = :account AND ended_at IS NULL"
    before = await rows(i.world, query, account=i.victim.account)
    for session in before:
        await i.run("SELECT public.session_end(:session, 'gone')", session=session.id)
    return set(before) - set(await rows(i.world, query, account=i.victim.account))


@attempt(NOTHING, but={ADMINISTRATION})
async def ends_every_session_of_somebody_in_another_office(i: Intruder) -> int:
    found = await i.run("SELECT public.sessions_end_of(:account, 'gone') AS ended", account=i.victim.account)
    return int(found[0].ended)


@attempt(NOTHING)
async def sees_the_rights_of_another_offices_account(i: Intruder) -> object:
    return await i.run("SELECT * FROM public.account_view(:account)", account=i.victim.account)


@attempt(NOTHING)
async def lists_accounts_of_another_office(i: Intruder) -> object:
    listed = {row.account_id for row in await i.run("SELECT * FROM public.everybody('{}', true)")}
    query = "SELECT id FROM public.account WHERE office <> :own"
    return listed & {row.id for row in await rows(i.world, query, own=i.office.value)}


# Answers kept under keys --------------------------------------------------------------------------


@attempt(NOTHING)
async def asks_for_an_answer_kept_for_somebody_of_another_office(i: Intruder) -> object:
    kept = await rows(
        i.world, "SELECT * FROM public.idempotency_key WHERE office <> :own", own=i.office.value
    )
    assert kept
    requests = [
        {"n": n, "account": str(one.account_id), "key": one.key, "hash": one.body_hash, "opening": True}
        for n, one in enumerate(kept)
    ]
    begun = await i.run(BEGIN, policy=i.world.bank.policy.version, requests=json.dumps(requests))
    return [row for row in begun if row.verdict != "ended" or row.answer is not None]


@attempt(NOTHING)
async def plants_an_answer_for_somebody_of_another_office(i: Intruder) -> object:
    planted = {"account": str(i.victim.account), "key": "planted", "hash": "x", "status": 200, "answer": "{}"}
    await i.run(KEEP, answers=json.dumps([planted]))
    query = "SELECT 1 FROM public.idempotency_key WHERE key = 'planted' AND office = :theirs"
    return await rows(i.world, query, theirs=i.victim.office.value)


@attempt(NOTHING)
async def changes_an_answer_that_was_given(i: Intruder) -> object:
    before = await rows(i.world, "SELECT * FROM public.idempotency_key WHERE answer IS NOT NULL ORDER BY key")
    answers = [
        {"account": str(one.account_id), "key": one.key, "hash": one.body_hash, "status": 200, "answer": "{}"}
        for one in before
    ]
    await i.run(KEEP, answers=json.dumps(answers))
    query = "SELECT * FROM public.idempotency_key WHERE answer IS NOT NULL ORDER BY key"
    after = await rows(i.world, query)
    return set(before) - set(after)


# What an office may do, so that the above is no empty threat --------------------------------------


async def test_the_administration_hands_out_one_time_passwords_and_the_entry_says_so(
    busy_bank: World,
) -> None:
    intruder = await intruder_of(busy_bank, ADMINISTRATION)
    async with intruder.open() as connection:
        entry = intruder.line(act="password.reset")
        await append(connection, entry)
        facts = {
            "account": str(intruder.victim.account),
            "temporary": "true",
            "entry": str(UUID(entry["id"])),
        }
        await connection.exec_driver_sql(with_values(SECRET, **facts))

    (kept,) = await rows(
        busy_bank,
        "SELECT one_time, entry_id FROM public.credential WHERE account_id = :account",
        account=intruder.victim.account,
    )
    assert (kept.one_time, str(kept.entry_id)) == (True, entry["id"])
    async with busy_bank.anonymous() as client:
        old = await client.post("/api/sessions", json={"account": "verifier", "password": PASSWORD})
    assert old.status_code == 401
