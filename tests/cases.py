"""What a bank holds besides its deals, for tests: a case, and a change of the organisation that nobody decides."""

from tests.bank import World


async def looks_into_something(world: World) -> None:
    """Open a case of a suspicion, note something in it, and have internal audit hear of it."""
    compliance = await world.as_("compliance")
    case = {"title": "something", "reason": "it does not look right", "suspicion": True}
    opened = await compliance.post("/api/cases", case)
    assert opened.status_code == 201, opened.text
    path = f"/api/cases/{opened.json()['id']}"
    noted = await compliance.post(f"{path}/notes", {"kind": "claim", "note": "it was a joke"})
    assert noted.status_code == 201, noted.text
    heard = await (await world.as_("auditor")).post(f"{path}/receipt", {"version": 1})
    assert heard.status_code == 201, heard.text


async def proposes_a_line(world: World) -> None:
    """Propose a change of the organisation that nobody decides."""
    heads = dict.fromkeys(("functional_head", "disciplinary_head", "board_member"), "board-back")
    body = {"valid_from": "2999-01-01", "lines": [{"unit": "LEGAL", **heads}], "reason": "one day"}
    answer = await (await world.as_("rights-requester")).post("/api/organisation/proposals", body)
    assert answer.status_code == 201, answer.text
    joiner = {"staff_number": "E-1", "unit": "Legal", "name": "a joiner"}
    body = joiner | {"event": "joiner", "effective_on": "2026-01-01"}
    answer = await (await world.as_("rights-admin")).post("/api/staff-events", body)
    assert answer.status_code == 201, answer.text
