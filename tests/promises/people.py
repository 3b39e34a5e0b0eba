"""What separation, rights, sessions, lines and absences promise."""

from datetime import date

from sqlalchemy import text

from tests.promises.asking import checks
from tests.promises.finished import Finished
from tests.property.separation.hands import facts, hands, together
from tests.property.separation.oracle import Oracle, deed_of

STILL_SIGNED_IN = """
SELECT a.name, s.opened_at FROM public.session s JOIN public.account a ON a.id = s.account_id
JOIN public.person p ON p.id = a.person_id
WHERE s.ended_at IS NULL AND (a.disabled OR p.disabled)
"""
OTHER_OFFICE = """
SELECT e.id, e.act, e.office FROM public.audit_entry e
JOIN public.account a ON a.id::text = e.account WHERE a.office <> e.office
"""
TOO_STRONG = """
SELECT r.rolname AS login FROM pg_roles r JOIN public.office_login l ON l.login = r.rolname
WHERE r.rolsuper OR r.rolcreaterole OR r.rolcreatedb OR r.rolbypassrls OR r.rolreplication
   OR EXISTS (SELECT FROM pg_auth_members m WHERE m.member = r.oid)
   OR EXISTS (SELECT FROM pg_class c WHERE c.relowner = r.oid)
   OR has_schema_privilege(r.oid, 'public', 'CREATE')
"""
LEFT_BEHIND = """
SELECT p.id, s.event, count(DISTINCT g.id) AS rights, count(DISTINCT o.id) AS sessions
FROM public.staff_event s JOIN public.person p ON p.id = s.person_id
JOIN public.audit_effect f ON (f.kind, f.id, f.rev) = ('staff_event', s.id, 1)
JOIN public.account a ON a.person_id = p.id
LEFT JOIN public.role_grant g ON g.account_id = a.id AND g.state = 'executed' AND g.id < s.id
LEFT JOIN public.session o ON o.account_id = a.id AND o.ended_at IS NULL AND o.opened_at < f.at
WHERE s.event IN ('mover', 'leaver')
GROUP BY 1, 2 HAVING count(g.id) + count(o.id) > 0
"""
IN_ONE_HAND = (
    "SELECT control, person_id AS id, left_class, right_class FROM public.organisation_conflicts(:day)"
)
DAYS = "SELECT DISTINCT valid_from FROM public.reporting_line UNION SELECT public.calendar_day()"
CONFLICTS = "SELECT control, person_id AS id, left_side, right_side FROM public.conflicts_of_everybody()"
OPENING = "SELECT business_date FROM public.desk_time"
SIGNING_OUT = "session.close"


@checks(1)
async def nobody_stood_on_both_sides(bank: Finished) -> list[str]:
    """The second opinion on separation: each deed in the log against every earlier one, by the policy's own rows."""
    engine = bank.engine()
    try:
        async with engine.connect() as connection:
            oracle = Oracle(bank.rules, await facts(connection))
    finally:
        await engine.dispose()
    for content in bank.contents:
        if (deed := deed_of(content)) is not None:
            oracle.learn(deed)
    return oracle.violations()


@checks(9)
async def offices_kept_to_themselves(bank: Finished) -> list[str]:
    """Each act was done by an office that the policy gives it to; no office's login can more than its grants."""
    found = []
    for one in bank.entries:
        actor, decision = one["actor"], one["decision"]
        if decision["outcome"] == "allow" and decision["policy"] in bank.rules:
            rules = bank.rules[decision["policy"]]
            giving = {
                rules.office.get(role) for role in actor["roles"] if one["act"] in rules.powers.get(role, ())
            }
            if giving and actor["office"] not in giving:
                found.append(
                    f"{one['act']} of {sorted(map(str, giving))} was done in {actor['office']}: {one['id']}"
                )
    other = await bank.wrong(OTHER_OFFICE, "entry {id} ({act}) of {office} is by another office's account")
    return found + other + await bank.wrong(TOO_STRONG, "the login {login} can more than its grants")


@checks(10)
async def the_disabled_are_out(bank: Finished) -> list[str]:
    """Whoever is disabled has no session, and did nothing after it."""
    found, disabled = [], set()
    for one in bank.entries:
        if one["decision"]["outcome"] == "allow" and one["actor"]["person"] in disabled:
            found.append(f"{one['actor']['person']} did {one['act']} when disabled: {one['id']}")
        if one["act"] == "person.disable" and one["decision"]["outcome"] == "allow":
            disabled |= {effect["id"] for effect in one["eff"] if effect["kind"] == "person"}
    return found + await bank.wrong(STILL_SIGNED_IN, "{name} is disabled and signed in since {opened_at}")


@checks(16)
async def no_line_leads_to_one_person(bank: Finished) -> list[str]:
    """Nobody answers for trading and a control, on any day on which the lines change."""
    engine = bank.engine()
    try:
        async with engine.connect() as connection:
            days = list(await connection.scalars(text(DAYS)))
    finally:
        await engine.dispose()
    sentence = "{control}: {id} answers for {left_class} and {right_class}"
    return [one for day in sorted(days) for one in await bank.wrong(IN_ONE_HAND, sentence, day=day)]


@checks(17)
async def nobody_holds_what_conflicts(bank: Finished) -> list[str]:
    """All roles of each natural person, own and lent, on all accounts, against separation.csv; and the bank's own look."""
    engine = bank.engine()
    try:
        async with engine.connect() as connection:
            held = together((await hands(connection)).values())
    finally:
        await engine.dispose()
    rules = bank.rules[
        next(one["data"]["policy"] for one in reversed(bank.entries) if one["act"] == "policy.publish")
    ]
    found = [
        f"{rules.conflict(roles)}: {person} holds {sorted(roles)}"
        for person, roles in held.items()
        if rules.conflict(roles)
    ]
    return found + await bank.wrong(CONFLICTS, "{control}: {id} has {left_side} and {right_side}")


@checks(18)
async def movers_and_leavers_left_nothing(bank: Finished) -> list[str]:
    """Nobody who moved or left has a right or a session from before."""
    return await bank.wrong(
        LEFT_BEHIND, "{id} has {rights} rights and {sessions} sessions from before: {event}"
    )


@checks(22)
async def the_absent_did_nothing(bank: Finished) -> list[str]:
    """No act, by whatever account, of a person whose block of absence the desk's day lies in."""
    found, day, blocks = [], None, dict[str, dict[str, str]]()
    for one in bank.entries:
        if one["decision"]["outcome"] != "allow":
            continue
        away = [
            block for block in blocks.values()
            if block["state"] == "accepted" and block["person_id"] == one["actor"]["person"]
            and day is not None and block["first_day"] <= day.isoformat() <= block["last_day"]
        ]  # fmt: skip
        if away and one["act"] != SIGNING_OUT:
            found.append(f"{one['actor']['person']} did {one['act']} while absent: {one['id']}")
        for name, told in one["data"].get("rows", {}).items():
            kind, _, key = name.partition(":")
            said = told.get("new", {}) | {c: v.get("new") for c, v in told.get("change", {}).items()}
            if kind == "desk_time" and said.get("business_date"):
                day = date.fromisoformat(said["business_date"])
            if kind == "absence":
                blocks[key] = blocks.get(key, {}) | said
    return found
