"""The policy is changed by three people and by nobody else, proved before and while it is."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from audit.report import Verdict
from policies.policy import load, read
from policies.vocabulary import Office
from service.compliance.sealing import keep_policy
from service.enactment import PolicyWatch, enact_due
from service.in_force import DamagedPolicy, policy_in_force
from tests.bank import World
from tests.conftest import Template, a_copy
from tests.deals import by_force
from tests.drafts import CAPTURE, GOOD, drafted, files
from tests.keeping import findings, publish, verdict
from tests.rights import asked, refused_as
from tests.visiting import signed_in

PUBLISHED = (
    "SELECT convert_from(bytes, 'UTF8')::jsonb #>> '{data,draft}' AS draft, "
    "convert_from(bytes, 'UTF8')::jsonb #>> '{data,proof,holds}' AS holds "
    "FROM public.audit_entry WHERE act = 'policy.publish' ORDER BY recorded_at"
)
CONFIRMER = "p, confirmer, confirmation.dispatch, sends our confirmation\n"


@pytest.fixture(scope="module")
async def unchanged(template: Template, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """Give one bank to all drafts that are refused: none of them leaves anything behind."""
    async with a_copy(template, tmp_path_factory.mktemp("unchanged") / "bank") as here:
        yield here


async def decided(world: World, draft: dict[str, Any], by: str, step: str = "approval") -> httpx.Response:
    body: dict[str, Any] = {"version": draft["version"]}
    if step == "refusal":
        body["reason"] = "not needed"
    return await (await world.as_(by)).post(f"/api/policy/drafts/{draft['id']}/{step}", body)


async def approved(world: World, texts: dict[str, str]) -> dict[str, Any]:
    answer = await drafted(world, texts)
    assert answer.status_code == 201, answer.text
    for by in ("policy-approver", "other-policy-approver"):
        answer = await decided(world, answer.json(), by)
        assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_three_people_change_the_policy_and_the_service_puts_it_in_force(bank_world: World) -> None:
    gate = bank_world.bank.gate
    before = gate.policy.version
    draft = await approved(bank_world, GOOD)
    assert draft["state"] == "approved"
    assert gate.policy.version == before

    gate.clock = Later(gate.clock)
    done = await enact_due(gate, bank_world.bank.admin_url)

    assert done is not None
    assert done.objections == ()
    assert gate.policy.version == before  # this node has not looked yet
    steward = await bank_world.as_("steward")
    made = await steward.post("/api/portfolios", {"name": "FX-NEW", "desk": "FX desk"})
    assert made.status_code == 201, made.text  # a write finds it stale, takes the new one, and goes on
    assert gate.policy.version == draft["policy"] == done.version
    assert (await (await bank_world.as_("verifier")).get("/api/balances")).status_code == 200
    await publish(bank_world)
    assert verdict(bank_world).verdict is Verdict.VERIFIED, verdict(bank_world).lines()
    assert await findings(bank_world) == []
    published = await asked(bank_world, PUBLISHED)
    assert [(row.draft, row.holds) for row in published][-1] == (draft["id"], "true")

    async with gate.offices[Office.LOG].connect() as connection:  # what the next start finds
        assert (await policy_in_force(connection, load())).version == done.version


async def test_a_change_that_is_in_force_still_tells_what_it_changed(bank_world: World) -> None:
    gate = bank_world.bank.gate
    draft = await approved(bank_world, GOOD)
    gate.clock = Later(gate.clock)
    assert await enact_due(gate, bank_world.bank.admin_url) is not None
    steward = await bank_world.as_("steward")
    assert (await steward.post("/api/portfolios", {"name": "FX-NEW", "desk": "FX desk"})).status_code == 201
    assert gate.policy.version == draft["policy"]
    place = f"/policy/drafts/{draft['id']}"
    told = (await (await bank_world.as_("auditor")).get(f"/api{place}")).json()
    assert (told["state"], told["compared_with"]) == ("active", draft["base"])
    page = (await (await signed_in(bank_world, "auditor")).get(place)).text
    assert "Compared with the version it was drafted against" in page
    assert "Verifier (verifier) may now: Read balances (balance.read)" in page
    assert "No power and no rule differs." not in page


class Later:
    """A clock a little ahead: the draft's time has come."""

    def __init__(self, clock: Any) -> None:
        self.clock = clock

    def now(self) -> datetime:
        return self.clock.now() + timedelta(seconds=2)


async def test_S_15_D_15_neither_author_nor_one_person_twice_nor_trading_approves(bank_world: World) -> None:
    answer = await drafted(bank_world, GOOD)
    draft = answer.json()
    for by in ("policy-author", "trader", "head-of-trading", "rights-admin", "compliance", "auditor"):
        refused = await decided(bank_world, draft, by)
        assert refused.status_code == 403, by
    assert (await drafted(bank_world, GOOD, by="trader")).status_code == 403
    once = await decided(bank_world, draft, "policy-approver")
    assert once.json()["state"] == "endorsed"
    again = await decided(bank_world, once.json(), "policy-approver")
    assert refused_as(again) == (409, "approved_before", None)


async def test_D_15_nobody_approves_a_change_that_raises_their_own_rights(bank_world: World) -> None:
    row = "p, policy_approver, policy.read, sees what a change gives and takes\n"
    texts = files(("policy.csv", row, row + "p, policy_approver, fixing.read, knows the rates\n"))
    answer = await drafted(bank_world, texts)
    assert answer.status_code == 201, answer.text
    refused = await decided(bank_world, answer.json(), "policy-approver")
    assert refused_as(refused) == (403, "own_gain", "D-15")


VOTE = "p, trader, limit.vote, planted\n"


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ([("policy.csv", CAPTURE, CAPTURE + "p, trader, trade.verify, planted\n")], "trader"),
        ([("policy.csv", CAPTURE, CAPTURE + VOTE)], "ORG-14"),
        ([("policy.csv", CONFIRMER, "")], "nobody could do it"),
        ([("tasks.csv", "T-05, 4, ", "T-05, 3, ")], "demands fewer people"),
    ],
)
async def test_ORG_14_a_change_that_a_proof_refutes_is_not_even_kept(
    unchanged: World, changes: list[tuple[str, str, str]], what: str
) -> None:
    answer = await drafted(unchanged, files(*changes))
    assert refused_as(answer) == (422, "policy_objection", "ORG-14")
    assert what in answer.json()["detail"]
    assert await asked(unchanged, "SELECT id FROM public.policy_draft") == []


BAD = [
    ("policy.csv", CAPTURE, CAPTURE.replace("trade.capture", "trade.captrue"), "unknown action"),
    ("policy.csv", CAPTURE, CAPTURE.replace("\n", ", deny\n"), "no effect to state"),
    ("policy.csv", CAPTURE, CAPTURE.replace("trader", "tr\u0430der"), "U+0430"),
    ("policy.csv", CAPTURE, CAPTURE.replace("\n", " \n"), "trailing blank"),
    (
        "policy.csv",
        "g, trader, front_office\n",
        "g, trader, front_office\ng, front_office, trader\n",
        "cycle: trader already belongs",
    ),
    ("policy.csv", CAPTURE, CAPTURE.replace("trader,", "trader, back_office,"), "no effect to state"),
    (
        "model.conf",
        "e = some(where (p.eft == allow))",
        "e = !some(where (p.eft == deny))",
        "allow-only model",
    ),
]


@pytest.mark.parametrize(("file", "find", "replace", "what"), BAD)
async def test_ORG_13_what_reads_two_ways_is_refused_with_file_and_line_and_the_bank_goes_on(
    unchanged: World, file: str, find: str, replace: str, what: str
) -> None:
    before = unchanged.bank.gate.policy.version
    answer = await drafted(unchanged, files((file, find, replace)))
    assert refused_as(answer) == (422, "unreadable_policy", "ORG-13")
    assert f"{file}, line " in answer.json()["detail"]
    assert what in answer.json()["detail"]
    assert unchanged.bank.gate.policy.version == before
    made = await (await unchanged.as_("steward")).post(
        "/api/portfolios", {"name": f"FX-{uuid4().hex[:8].upper()}", "desk": "FX desk"}
    )
    assert made.status_code == 201


async def test_a_policy_that_lacks_a_file_or_is_too_long_is_refused(unchanged: World) -> None:
    lacking = {file: text for file, text in GOOD.items() if file != "apart.csv"}
    assert refused_as(await drafted(unchanged, lacking))[1] == "unreadable_policy"
    assert refused_as(await drafted(unchanged, {**GOOD, "../../etc/passwd": "x\n"}))[1] == "unreadable_policy"
    empty = await drafted(unchanged, {**GOOD, "policy.csv": ""})
    assert "empty" in empty.json()["detail"]
    long = await drafted(unchanged, {**GOOD, "policy.csv": "# " + "x" * 2_000_000 + "\n"})
    assert long.status_code == 413


async def test_a_draft_shows_what_it_changes_in_both_languages_and_decides_90_days_again(
    bank_world: World,
) -> None:
    answer = await drafted(bank_world, GOOD)
    for by in ("compliance", "policy-approver"):
        shown = await (await bank_world.as_(by)).get(f"/api/policy/drafts/{answer.json()['id']}")
        tells_what_changes(shown.json())
    assert (await (await bank_world.as_("trader")).get("/api/policy/drafts")).status_code == 403


def tells_what_changes(told: dict[str, Any]) -> None:
    assert told["objections"] == []
    assert "Verifier (verifier) may now: Read balances (balance.read)" in told["changes"]["en"]
    assert "Geschäftskontrolle (verifier) darf neu: Salden lesen (balance.read)" in told["changes"]["de"]
    assert sum("Person " in line for line in told["changes"]["de"]) == 2
    assert told["simulation"]["decisions"] > 0
    assert told["simulation"]["would_refuse"] == {}


async def test_a_draft_is_turned_down_even_after_its_approval(bank_world: World) -> None:
    draft = await approved(bank_world, GOOD)
    answer = await decided(bank_world, draft, "policy-approver", "refusal")
    assert answer.json()["state"] == "refused"
    bank_world.bank.gate.clock = Later(bank_world.bank.gate.clock)
    assert await enact_due(bank_world.bank.gate, bank_world.bank.admin_url) is None


async def test_a_change_objected_to_at_its_time_waits_for_whoever_approved_it(bank_world: World) -> None:
    draft = await approved(bank_world, GOOD)
    other = f"base = 'sha256:{'0' * 64}', effective_at = now() - interval '1 minute'"  # another came between
    await by_force(bank_world, f"UPDATE policy_draft SET {other}")
    bank_world.bank.gate.clock = Later(bank_world.bank.gate.clock)
    watch = PolicyWatch(bank_world.bank, bank_world.bank.admin_url)
    await watch.look()
    await watch.look()
    await PolicyWatch(bank_world.bank, bank_world.bank.admin_url).look()  # after a restart

    work = (await (await bank_world.as_("policy-approver")).get("/api/work", kind="decide_policy")).json()
    assert [(one["subject"]["id"], one["reason"]) for one in work["items"]] == [(draft["id"], "objected")]
    told = await asked(bank_world, "SELECT convert_from(bytes, 'UTF8')::jsonb->'data'->>'objections' AS why "
                                   "FROM public.audit_entry WHERE act = 'policy.publish' AND outcome = 'refuse'")  # fmt: skip
    assert "drafted against" in told[0].why
    refused = await decided(bank_world, draft, "policy-approver", "refusal")
    assert refused.json()["state"] == "refused"
    work = (await (await bank_world.as_("policy-approver")).get("/api/work", kind="decide_policy")).json()
    assert work["items"] == []


async def test_a_node_that_cannot_read_the_policy_in_force_writes_nothing_and_goes_on_reading(
    bank_world: World,
) -> None:
    gate, data = bank_world.bank.gate, bank_world.bank.settings.data
    before = gate.policy.version
    draft = await approved(bank_world, GOOD)
    steward = await bank_world.as_("steward")
    gate.clock = Later(gate.clock)
    assert (await enact_due(gate, bank_world.bank.admin_url)) is not None
    lost = "SELECT files->>'policy.csv' FROM policy_draft WHERE state = 'active'"
    await by_force(bank_world, f"DELETE FROM policy_text WHERE sha256 = ({lost})")

    book = {"name": "FX-NEW", "desk": "FX desk"}
    refused = await steward.post("/api/portfolios", book)
    assert refused_as(refused)[:2] == (503, "stale_policy")
    assert "only reading goes on" in refused.json()["detail"]
    assert (await steward.get("/api/counterparties")).status_code == 200
    assert gate.policy.version == before
    watch = PolicyWatch(bank_world.bank)
    with pytest.raises(DamagedPolicy, match=r"policy\.csv is missing"):
        await watch.look()
    async with gate.offices[Office.LOG].connect() as connection:  # what the next start says
        with pytest.raises(DamagedPolicy, match=draft["policy"]):
            await policy_in_force(connection, load())

    keep_policy(data, read({file: text.encode() for file, text in GOOD.items()}))  # from a sound node
    again = await steward.post("/api/portfolios", book)
    assert again.status_code == 201, again.text
    assert gate.policy.version == draft["policy"]


RAW = (
    ("risk_control", "UPDATE public.policy_draft SET state = 'approved', rev = rev + 1"),
    ("risk_control", "UPDATE public.policy_draft SET state = 'active', rev = rev + 1"),
    ("compliance", "UPDATE public.policy_draft SET state = 'endorsed', rev = rev + 1"),
    ("compliance", "UPDATE public.policy_text SET content = 'g, trader, back_office'"),
    ("compliance", "DELETE FROM public.policy_draft"),
    ("front_office", "SELECT * FROM public.policy_draft"),
    ("front_office", "SELECT * FROM public.policy_people(now())"),
    ("risk_control", "UPDATE public.policy_epoch SET version = 'sha256:0'"),
)


async def test_D_15_no_login_approves_or_activates_a_change_by_raw_sql(bank_world: World) -> None:
    assert (await drafted(bank_world, GOOD)).status_code == 201
    for office, statement in RAW:
        with pytest.raises(DBAPIError):
            async with bank_world.bank.offices[Office(office)].begin() as connection:
                await connection.execute(text(statement))
        left = await asked(bank_world, "SELECT state FROM public.policy_draft")
        assert [row.state for row in left] == ["drafted"], statement
