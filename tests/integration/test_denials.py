"""What was tried in vain: every refusal can be reached, and what matters comes before what nobody could read."""

from datetime import date

from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Office
from service.compliance import access
from tests.bank import PASSWORD, Caller, World
from tests.deals import by_force
from tests.settling import captured
from tests.visiting import signed_in

Group = tuple[str | None, str | None, int]


async def groups_of(auditor: Caller, **asked: str | int) -> list[Group]:
    """Return the groups of every page in their order."""
    found: list[Group] = []
    cursor: dict[str, str] = {}
    while True:
        page = (await auditor.get("/api/denials", **asked, **cursor)).json()
        found += [(one["account_name"], one["rule"], one["tries"]) for one in page["items"]]
        if page["next"] is None:
            return found
        cursor = {"cursor": page["next"]}


async def test_a_single_denial_comes_before_many_queries_that_nobody_could_read(ready_bank: World) -> None:
    deal = await captured(ready_bank)
    assert (await deal.do("trader", "verification")).status_code == 403
    careless = await ready_bank.as_("verifier")
    for _ in range(3):
        assert (await careless.get("/api/trades", everything="yes")).status_code == 400
    auditor = await ready_bank.as_("auditor")
    wanted = [("trader", "P:absent", 1), ("verifier", "foreign_query", 3)]
    assert await groups_of(auditor) == wanted
    assert await groups_of(auditor, limit=1) == wanted
    page = await (await signed_in(ready_bank, "compliance")).get("/denials")
    assert "Tries in all: 4;" in page.text
    assert "The list is cut there" not in page.text
    assert (await auditor.get("/api/denials", cursor="elsewhere")).status_code == 400


async def test_refusals_too_many_to_count_at_once_follow_behind(ready_bank: World) -> None:
    deal = await captured(ready_bank)
    assert (await deal.do("trader", "verification")).status_code == 403
    careless = await ready_bank.as_("verifier")
    for _ in range(3):
        assert (await careless.get("/api/trades", everything="yes")).status_code == 400
    async with AsyncSession(ready_bank.bank.offices[Office.COMPLIANCE]) as reads:
        first = await access.denied(reads, newest=2)
        assert (first["refusals"], first["older"], [one["tries"] for one in first["items"]]) == (2, True, [2])
        second = await access.denied(reads, newest=2, cursor=first["next"])
        assert [one["rule"] for one in second["items"]] == ["P:absent", "foreign_query"]
        assert (second["refusals"], second["older"], second["next"]) == (2, False, None)
        nothing = await access.denied(reads, day=date(2020, 1, 2))
        assert (nothing["items"], nothing["refusals"], nothing["next"]) == ([], 0, None)


async def test_the_first_page_of_oversight_counts_every_try_of_a_week_and_its_list_adds_up(
    ready_bank: World,
) -> None:
    deal = await captured(ready_bank)
    assert (await deal.do("trader", "verification")).status_code == 403
    many = (
        "INSERT INTO audit_entry (id, leaf, bytes, office, act, outcome, account, person, recorded_at) "
        "SELECT gen_random_uuid(), sha256(i::text::bytea), bytes, office, act, outcome, account, person, recorded_at "
        "FROM audit_entry, generate_series(1, 2500) i WHERE outcome = 'refuse'"
    )
    await by_force(ready_bank, many)
    told = (await (await ready_bank.as_("compliance")).get("/api/dashboard")).json()["items"]
    figure = next(one for one in told if one["name"] == "denied_attempts")
    assert figure["value"] == sum(part["amount"] for part in figure["parts"]) == 2501
    officer = await signed_in(ready_bank, "compliance")
    for link in (figure["link"], figure["parts"][-1]["link"]):
        assert "Tries in all: 2,501;" in (await officer.get(link)).text, link


async def test_a_failed_sign_in_leads_to_nobody(ready_bank: World) -> None:
    body = {"account": "trader", "password": PASSWORD + "?"}
    async with ready_bank.anonymous() as stranger:
        assert (await stranger.post("/api/sessions", json=body)).status_code == 401
    officer = await signed_in(ready_bank, "compliance")
    for path in ("/denials", "/entries?outcome=refuse"):
        page = await officer.get(path)
        assert "anonymous" in page.text, path
        assert [link for link in page.links if "/persons/anonymous" in link] == [], path
