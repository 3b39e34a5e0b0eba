"""What somebody could try who has stolen an office's database login and writes SQL past the service."""

import json
from typing import Any
from uuid import uuid4

from policies.vocabulary import Office
from service.demo.access import actor_named
from service.demo.offices import Entered
from service.demo.trials import Trials

NO_RIGHT, NO_ENTRY = "refused 42501", "refused 23503"
FRONT = Office.FRONT_OFFICE


STATEMENTS = (
    ("marks a payment as settled", "UPDATE public.settlement SET state = 'settled' WHERE id = :leg"),
    ("releases a payment", "UPDATE public.settlement SET state = 'released' WHERE id = :leg"),
    ("agrees the deal", "UPDATE public.trade_control SET state = 'verified' WHERE id = :trade"),
    (
        "inserts an agreement",
        "INSERT INTO public.trade_control (id, rev, version, state) VALUES (:trade, 1, 1, 'verified')",
    ),
    (
        "books the deal",
        "INSERT INTO public.journal (id, rev, event_key) VALUES (gen_random_uuid(), 1, 'own')",
    ),
    ("confirms the deal", "UPDATE public.confirmation SET state = 'matched' WHERE trade_id = :trade"),
    ("changes the captured terms", "UPDATE public.trade_version SET rate = rate * 2 WHERE trade_id = :trade"),
    ("changes the deal number", "UPDATE public.trade SET number = number + 1000 WHERE id = :trade"),
    ("deletes the deal", "DELETE FROM public.trade WHERE id = :trade"),
    ("reads the passwords", "SELECT secret FROM public.credential"),
    ("empties the log", "TRUNCATE public.audit_entry CASCADE"),
    ("rewrites the log", "UPDATE public.audit_entry SET act = 'nothing'"),
    ("gives itself a role", "UPDATE public.role_grant SET role = 'verifier'"),
    ("closes its own checks", "UPDATE public.work_item SET closed_at = now()"),
    ("switches the triggers off", "SET session_replication_role = replica"),
    ("runs a program on the server", "COPY (SELECT 1) TO PROGRAM 'cat'"),
)


async def break_in(trials: Trials, own: Entered) -> None:
    """Try to settle, book, agree and change the own deal with the front office's database login."""
    ids = {"leg": own.legs[0].id, "trade": own.id}
    for what, statement in STATEMENTS:
        used = {name: value for name, value in ids.items() if f":{name}" in statement}
        await trials.sql(FRONT, what, statement, NO_RIGHT, **used)
    await become_another_office(trials)
    await write_without_an_entry(trials, own)
    await speak_as_the_back_office(trials, own)
    await close_the_back_offices_item(trials, own)


async def become_another_office(trials: Trials) -> None:
    """Try to put on the back office's login."""
    statement = f'SET ROLE "{trials.bank.admin_url.partition("?")[0].rpartition("/")[2]}_back_office"'
    await trials.sql(FRONT, "puts on the back office's role", statement, NO_RIGHT)


async def write_without_an_entry(trials: Trials, own: Entered) -> None:
    """Try to move a position without an entry in the log: the commit fails."""
    statement = (
        "INSERT INTO public.position_movement "
        "(id, portfolio_id, trade_id, version, currency, value_date, amount, entry_id) "
        "SELECT CAST(:fresh AS uuid), portfolio_id, trade_id, version, currency, value_date, 1, CAST(:entry AS uuid) "
        "FROM public.position_movement WHERE trade_id = CAST(:trade AS uuid) LIMIT 1"
    )
    values = {"fresh": str(uuid4()), "entry": str(uuid4()), "trade": own.id}
    await trials.sql(FRONT, "moves a position without an entry in the log", statement, NO_ENTRY, **values)


async def speak_as_the_back_office(trials: Trials, own: Entered) -> None:
    """Try to append an entry in which a verifier agrees the deal."""
    verifier = await actor_named(trials.bank, "verifier")
    entry: dict[str, Any] = {
        "act": "trade.verify",
        "actor": verifier.frozen_view(),
        "decision": {
            "id": str(uuid4()),
            "outcome": "allow",
            "policy": trials.bank.policy.version,
            "rules": ["x"],
        },
        "data": {},
        "eff": [],
        "id": str(uuid4()),
        "links": {"trade": own.id},
        "nonce": uuid4().hex,
        "ts": trials.bank.gate.clock.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "v": 1,
    }
    statement = "SELECT public.audit_append(ARRAY[convert_to(:entry, 'UTF8')])"
    await trials.sql(
        FRONT, "appends an entry of the back office", statement, NO_RIGHT, entry=json.dumps(entry)
    )


async def close_the_back_offices_item(trials: Trials, own: Entered) -> None:
    """Try to close what waits for the back office: the function closes own items only."""
    item = {"kind": "complete", "subject": own.legs[0].id, "entry": str(uuid4())}
    statement = "SELECT public.work_close(CAST(:items AS jsonb))"
    await trials.sql(
        FRONT, "closes an item of the back office", statement, "nothing", items=json.dumps([item])
    )
