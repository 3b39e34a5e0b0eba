"""A bank with something on every page: deals in every state, what others sent, rights, deputies, a policy in draft."""

from tests import confirming, settling
from tests.bank import World
from tests.controls import dealt_with_controls
from tests.deputies import deputised, named
from tests.paying import every_payment
from tests.settling import Deal, done, post

BLOCK = {
    "substitute": "other-trader",
    "first_day": "2026-11-02",
    "last_day": "2026-11-13",
    "reason": "yearly block",
}
WISH = {"account": "legal", "role": "auditor", "reason": "reads while the auditor is away"}


async def furnish(world: World) -> dict[str, Deal]:
    """Let every office work for a while, and leave something undone at each; return the deals by what they are."""
    await settling.set_up(world)
    deals = await dealt_with_controls(world)
    await every_payment(world)
    deals["waiting"] = await settling.captured(world)
    heads = dict.fromkeys(("functional_head", "disciplinary_head", "board_member"), "board-back")
    lines = {"valid_from": "2999-01-01", "lines": [{"unit": "LEGAL", **heads}], "reason": "one day"}
    done(await post(world, "rights-requester", "/api/organisation/proposals", lines))
    joiner = {"staff_number": "E-1", "unit": "Legal", "name": "a joiner", "event": "joiner"}
    done(await post(world, "rights-admin", "/api/staff-events", joiner | {"effective_on": "2026-01-01"}))
    await deputised(world, "verifier", "confirmer", "verifier")
    assert (await named(world, "settler", "other-releaser", "settler")).status_code == 201
    done(await post(world, "trader", "/api/absences", BLOCK))
    await confirming.every_kind(world)
    await settling.drain(world)
    return deals
