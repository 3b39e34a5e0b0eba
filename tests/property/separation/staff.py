"""Hires, moves, grants, deputies and a change of the policy, lawful and not, as steps of a random run."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import policies
from policies.policy import FILES
from service.enactment import enact_due
from tests.deputies import hours
from tests.parties import LEI
from tests.property.separation.hands import together
from tests.property.separation.moves import Move
from tests.property.separation.play import Ended, Play
from tests.rights import manager_of

UNITS = {
    "front_office": ("FX desk", "Second FX desk"),
    "back_office": ("Settlement and control",),
    "accounting": ("Accounting",),
    "master_data": ("Master data",),
}
WHY = {"reason": "as the business needs"}
ASKED = "p, verifier, trade.read, checks deals\n"
MORE = ASKED + "p, verifier, balance.read, compares deals with the books\n"
TOO_MUCH = ASKED + "p, trader, trade.verify, saves time\n"


async def ask(play: Play, act: str, command: dict[str, Any], path: str, *named: str, **about: Any) -> Ended:
    """Have somebody try an act of the administration, mostly somebody who may."""
    move = Move(act, command, path, None, about.get("things", frozenset()), frozenset(named))
    hand = about.get("by") or play.hand_for(move)
    return await play.attempt(hand, move)


async def whole(play: Play, act: str, command: dict[str, Any], path: str, *named: str, **about: Any) -> Ended:
    """Try an act until somebody who may has done it, if it can be done at all: twice at most."""
    ended = await ask(play, act, command, path, *named, **about)
    if not ended.allowed and ended.code in ("not_permitted", "kept_apart"):
        move = Move(act, command, path, None, about.get("things", frozenset()), frozenset(named))
        fit = [hand for hand in play.able(act) if not play.barred(move, hand)]
        if fit:
            ended = await play.attempt(play.rng.choice(fit), move)
    return ended


async def leave(play: Play, *names: str) -> None:
    """Forget the sessions of accounts whose rights changed: they sign in anew."""
    await play.look()
    for name in names:
        if name in play.world.callers:
            await play.world.callers.pop(name).client.aclose()


async def hire(play: Play) -> None:
    """Let a person join, with an account; some get a second account on the other side, or are owners of a service."""
    office = play.rng.choice([*UNITS])
    number = f"R-{play.steps}"
    unit = play.rng.choice(UNITS[office])
    today = str(play.world.bank.gate.clock.now().date())
    event = {
        "staff_number": number,
        "event": "joiner",
        "effective_on": today,
        "unit": unit,
        "name": "a joiner",
    }
    joined = await whole(play, "staff_event.record", event, "/api/staff-events")
    if joined.allowed:
        await open_account(play, joined.told["person"], office, f"hire-{play.steps}")
        await grant(play, f"hire-{play.steps}")


async def open_account(play: Play, person: str, office: str, name: str) -> None:
    """Open an account of a person in an office."""
    command = {"name": name, "person": person, "office": office}
    await whole(play, "account.open", command, "/api/accounts")
    await play.look()


async def second_account(play: Play) -> None:
    """Give somebody, now and then the owner of a service, an account of another office, and ask for a right there."""
    owners = [hand.owner for hand in play.who.values() if hand.owner]
    persons = sorted({hand.person for hand in play.who.values() if hand.office in UNITS and not hand.owner})
    person = play.rng.choice(owners if play.rng.random() < 0.4 else persons)
    office = play.rng.choice([*UNITS])
    name = f"second-{play.steps}"
    await open_account(play, person, office, name)
    if name in play.who:
        await grant(play, name)


async def grant(play: Play, name: str | None = None) -> None:
    """Bring a right in force by three people, or try to; what separation.csv keeps apart must not come of it."""
    accounts = [hand for hand in play.who.values() if hand.office in UNITS and not hand.owner]
    hand = play.who[name] if name in play.who else play.rng.choice(accounts)
    roles = sorted(
        role
        for role, office in play.rules.office.items()
        if office == hand.office and not role.startswith("svc_")
    )
    role = play.rng.choice(roles)
    held = together(play.who.values())[hand.person]
    wrong = play.rules.conflict(held | {role})
    wanted = {"account": hand.name, "role": role, **WHY}
    asked = await ask(play, "grant.request", wanted, "/api/grants")
    if not asked.allowed:
        manager = play.who.get(await manager_of(play.world, hand.name))
        asked = await ask(play, "grant.request", wanted, "/api/grants", by=manager)
    for step, last in (("approve", "approval"), ("execute", "execution")):
        if not asked.allowed:
            break
        key = asked.told["id"]
        facts = {"grant": key, "version": asked.told["version"]}
        things = frozenset({("role_grant", key)})
        asked = await whole(play, f"grant.{step}", facts, f"/api/grants/{key}/{last}", "grant", things=things)
    if wrong:
        play.forbidden[wrong] += 1
        if asked.allowed:
            raise play.broken(f"{hand.name} was granted {role} across {wrong}")
    await leave(play, hand.name)


def today(play: Play) -> str:
    """Return the day as the personnel department writes it."""
    return str(play.world.bank.gate.clock.now().date())


async def person_of(play: Play, person: str) -> dict[str, Any]:
    """Return a person as the rights administration sees them."""
    admin = await play.world.as_("rights-admin")
    found = (await admin.get("/api/persons", limit=200)).json()["items"]
    return next(dict(one) for one in found if one["id"] == person)


async def revoke_all(play: Play, person: str) -> None:
    """Take every right of a person away."""
    admin = await play.world.as_("rights-admin")
    found = (await admin.get("/api/grants", person=person, state="executed", limit=200)).json()["items"]
    for row in found:
        path = f"/api/grants/{row['id']}/revocation"
        facts = {"grant": row["id"], "version": row["version"], "accept_dead_end": "as they change", **WHY}
        await whole(play, "grant.revoke", facts, path, "grant")


async def move_over(play: Play) -> None:
    """Let somebody change sides: rights end, the unit changes, an account there gets a right."""
    people = [hand for hand in play.who.values() if hand.owner is None]
    traders = [hand for hand in people if "trader" in hand.roles]
    control = [hand for hand in people if hand.roles & {"verifier", "settler", "confirmer", "releaser"}]
    leaves_trading = play.rng.random() < 0.7 and len(traders) > 2
    hand = play.rng.choice(traders if leaves_trading else control)
    office = "back_office" if hand.office == "front_office" else "front_office"
    unit = play.rng.choice(UNITS[office])
    row = await person_of(play, hand.person)
    owners = {one.owner for one in play.who.values()}
    reported = row["staff_number"] and hand.person not in owners
    if reported and play.rng.random() < 0.5:
        event = {
            "staff_number": row["staff_number"],
            "event": "mover",
            "effective_on": today(play),
            "unit": unit,
        }
        await whole(play, "staff_event.record", event, "/api/staff-events")
    else:
        await revoke_all(play, hand.person)
        facts = {"person": hand.person, "version": row["version"], "unit": unit, **WHY}
        await whole(play, "person.move", facts, f"/api/persons/{hand.person}/move", "person")
    others = [one for one in play.who.values() if one.person == hand.person]
    target = next((one.name for one in others if one.office == office), None)
    if target is None:
        target = f"moved-{play.steps}"
        await open_account(play, hand.person, office, target)
    await leave(play, *(one.name for one in others))
    if target in play.who:
        await grant(play, target)


async def deputise(play: Play) -> None:
    """Let somebody hand duties to a colleague of the same office; never across a conflict."""
    givers = [
        hand for hand in play.who.values() if hand.owner is None and hand.roles and hand.office in UNITS
    ]
    giver = play.rng.choice(givers)
    others = [one for one in play.who.values() if one.office == giver.office and one.owner is None]
    deputy = play.rng.choice(others)
    role = play.rng.choice(sorted(giver.roles))
    wrong = play.rules.conflict(together(play.who.values())[deputy.person] | {role})
    facts = {"deputy": deputy.name, "roles": [role], "valid_from": hours(-1), "valid_to": hours(48), **WHY}
    asked = await ask(play, "delegation.request", facts, "/api/delegations", by=giver)
    if asked.allowed:
        key = asked.told["id"]
        facts = {"delegation": key, "version": asked.told["version"]}
        path = f"/api/delegations/{key}/approval"
        things = frozenset({("delegation", key)})
        asked = await whole(play, "delegation.approve", facts, path, "delegation", things=things)
    if wrong:
        play.forbidden[wrong] += 1
        if asked.allowed:
            raise play.broken(f"{deputy.name} became deputy in {role} across {wrong}")
    await leave(play, deputy.name)


async def hand_back(play: Play) -> None:
    """Let whoever stands in for somebody give the duties back."""
    deputies = [hand for hand in play.who.values() if hand.lent]
    if not deputies:
        return await deputise(play)
    deputy = play.rng.choice(deputies)
    caller = await play.world.as_(deputy.name)
    found = (await caller.get("/api/delegations", state="approved", limit=200)).json()["items"]
    for row in found[:1]:
        path = f"/api/delegations/{row['id']}/end"
        facts = {"delegation": row["id"], "version": row["version"], **WHY}
        await ask(play, "delegation.end", facts, path, "delegation", by=deputy)
    await leave(play, deputy.name)
    return None


async def disable(play: Play) -> None:
    """Let a hired person leave; nothing of theirs acts any more."""
    hired = [hand for hand in play.who.values() if hand.name.startswith("hire-")]
    if not hired:
        return await hire(play)
    hand = play.rng.choice(hired)
    row = await person_of(play, hand.person)
    facts = {"person": hand.person, "version": row["version"], **WHY}
    await whole(play, "person.disable", facts, f"/api/persons/{hand.person}/disablement", "person")
    await leave(play, hand.name)
    return None


async def change_policy(play: Play) -> None:
    """Change the policy by three people, after what would break it was refused."""
    gate = play.world.bank.gate
    shipped = Path(policies.__file__).parent
    texts = {file: (shipped / file).read_text(encoding="utf-8") for file in FILES}
    assert texts["policy.csv"].count(ASKED) == 1
    for row in (TOO_MUCH, MORE):
        files = texts | {"policy.csv": texts["policy.csv"].replace(ASKED, row)}
        soon = (gate.clock.now() + timedelta(milliseconds=200)).isoformat()
        command = {"files": files, "reason": "the books", "effective_at": soon}
        by = play.who["policy-author"]
        move = Move("policy.draft", json.loads(json.dumps(command)), "/api/policy/drafts")
        drafted = await play.attempt(by, move, "api")
        if row is TOO_MUCH and drafted.allowed:
            raise play.broken("a policy was kept by which a trader verifies")
    for _ in range(2):
        if drafted.allowed:
            key, thing = drafted.told["id"], frozenset({("policy_draft", drafted.told["id"])})
            facts = {"draft": key, "version": drafted.told["version"]}
            path = f"/api/policy/drafts/{key}/approval"
            drafted = await approved(play, facts, path, thing) or drafted
    done = await enact_due(gate, play.world.bank.admin_url)
    if done is not None and not done.objections:
        await gate.reload()
    _ = play.rules
    await play.listen()


async def approved(play: Play, facts: dict[str, Any], path: str, things: Any) -> Ended | None:
    """Have the author and then two approvers answer for a draft; the author is refused."""
    last = None
    for name in ("policy-author", "policy-approver", "other-policy-approver"):
        move = Move("policy.approve", facts, path, None, things, frozenset({"draft"}))
        ended = await play.attempt(play.who[name], move, "api")
        if ended.allowed:
            facts = facts | {"version": ended.told["version"]}
            last = ended
    return last


async def route(play: Play) -> None:
    """Propose another payment route and have it decided, now and then by the wrong hand."""
    currency = play.rng.choice(["GBP", "CHF"])
    facts = {
        "counterparty": LEI,
        "currency": currency,
        "bic": "COBADEFF",
        "account_number": "DE89370400440532013000",
    }
    asked = await whole(play, "instruction.propose", facts, "/api/instructions")
    if asked.allowed:
        key = asked.told["proposal"]
        path = f"/api/proposals/{key}/approval"
        things = frozenset({("proposal", key)})
        seen = {"proposal": key, "version": asked.told["version"]}
        await whole(play, "proposal.approve", seen, path, "proposal", things=things)
