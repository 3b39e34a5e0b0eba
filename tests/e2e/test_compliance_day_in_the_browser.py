"""The day at the desks of oversight, in a real browser and by keyboard alone.

Each step is a check of the screens' day as far as its act exists. No page has an act for: the witness's copy of a
checkpoint and a decision replayed by an older policy (the command line has both), a warning that a right is about to
end (it comes as work, by the clock), asking the desk in writing, breaking the glass, recertification, erasing the data
of a person under a legal hold.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile

import pytest
from playwright.async_api import Download

from audit.bundle import verify_bundle
from audit.report import Verdict
from tests.at_desks import Desk, at_work, served
from tests.bank import World
from tests.browsing import CHROMIUM
from tests.deals import by_force, change_sides
from tests.drafts import GOOD, drafted
from tests.integration.test_dead_ends import revoked
from tests.integration.test_evidence import public_key
from tests.rights import person_of
from tests.settling import Deal, captured, done, post

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")


@dataclass
class Story:
    """What happened before the day."""

    tried: Deal  # its trader tried to verify it, twice
    moved: Deal  # its trader works in the back office now
    draft: str


async def story(bank: World) -> Story:
    """Let a trader try what traders may not, let another one change sides, and have a policy drafted."""
    tried = await captured(bank)
    for _ in range(2):
        assert (await tried.do("trader", "verification")).status_code == 403
    person = await person_of(bank, "trader")
    again = {"name": "trader-again", "person": person["id"], "office": "back_office"}
    done(await post(bank, "rights-admin", "/api/accounts", again))
    own = await captured(bank, "mover-trading", base_amount="2000000.00")
    await change_sides(bank, "mover-trading", "Settlement and control", "mover-control", "verifier")
    first = await revoked(bank, "verifier", "verifier")
    assert first.status_code == 200, first.text
    return Story(tried, own, done(await drafted(bank, GOOD))["id"])


async def unfold(desk: Desk, holder: str) -> None:
    """Open a fold by its summary."""
    await desk.reach(f"{holder} summary")
    await desk.page.keyboard.press("Enter")


async def choose(desk: Desk, selector: str, name: str, value: str) -> None:
    """Choose among options by typing what one is called."""
    await desk.reach(selector)
    await desk.page.keyboard.type(name)
    assert await desk.page.input_value(selector) == value, name


async def send(desk: Desk) -> str:
    """Send the form one is in; return what stands on the page that follows."""
    async with desk.page.expect_navigation():
        await desk.page.keyboard.press("Control+Enter")
    return await desk.text()


CUSTODY_FOR_LONG = (
    "UPDATE public.audit_effect SET at = at - interval '91 days' WHERE kind = 'role_grant' "
    "AND id IN (SELECT id FROM public.role_grant WHERE role = 'log_custodian')"
)


async def test_the_compliance_day(bank: World, tmp_path: Path) -> None:
    before = await story(bank)
    await by_force(bank, CUSTODY_FOR_LONG)
    async with served(bank) as (browser, address):
        async with at_work(browser, address, "compliance") as officer:
            await what_is_proved(officer)
            await what_was_denied(officer, before)
            case = await a_case(officer, before)
            await rights_nobody_uses(officer)
            await evidence(officer, bank, tmp_path)
        async with at_work(browser, address, "risk-controller") as controller:
            await a_second_signature(controller, case)
        async with at_work(browser, address, "rights-requester") as requester:
            await a_right_that_conflicts(requester)
        async with at_work(browser, address, "mover-control") as mover:
            await what_a_former_trader_is_told(mover, before)
        async with at_work(browser, address, "policy-approver") as approver:
            await a_change_of_the_policy(approver, before)
        async with at_work(browser, address, "rights-admin") as administrator:
            await a_dead_end(administrator)


async def what_is_proved(officer: Desk) -> None:
    """6.3.1: the overview says how many sets of roles could do both, and how the log stands; each opens its list."""
    text = await officer.open("/dashboard")
    assert re.search(r"Sets of roles that could deal and control 0 of [\d,]+ ✓ as it should be", text), text
    assert "The log ready ✓ as it should be" in text
    await officer.keep("compliance-overview")
    await officer.enter("[id=proof] a")
    assert "Access matrix" in await officer.text()
    await officer.open("/controls")
    await officer.enter("a[href*='state=shown']")
    assert "D-01" in await officer.text()


async def what_was_denied(officer: Desk, before: Story) -> None:
    """6.3.6: the same attempt is one line with its count, and leads to the decision as it was recorded."""
    await officer.open("/dashboard")
    await officer.enter("[id=denied_attempts] a")
    text = await officer.text()
    assert re.search(r"trader Verify deal P:absent 2 ", text), text
    await officer.enter("a[href^='/entries/']")
    assert "Verify deal" in await officer.text()
    assert before.tried.id in await officer.text()


async def a_case(officer: Desk, before: Story) -> str:
    """6.3.5: from the entry to a case, with the entry as evidence, decided and handed to another office."""
    entry = officer.page.url.rpartition("/")[2]
    await officer.enter("a[href^='/cases?entry=']")
    await officer.fill("[name=title]", "own deals verified")
    await officer.fill("[name=reason]", "tried twice within a minute")
    assert "The case is open." in await send(officer)
    assert f"/trades/{before.tried.id}" in await officer.page.content()
    await unfold(officer, "details:has([id='case.note'])")
    await choose(officer, "[id='case.note.kind']", "evidence", "evidence")
    await officer.fill("[id='case.note.note']", "the refusal")
    await officer.fill("[id='case.note.entry']", entry)
    assert "The note is on record." in await send(officer)
    await unfold(officer, "details:has([id='case.decide'])")
    await choose(officer, "[id='case.decide.outcome']", "a rule", "breach")
    await officer.fill("[id='case.decide.reason']", "warned by the head of the desk")
    assert "The decision waits for the signature of another office." in await send(officer)
    await officer.keep("compliance-case")
    return officer.page.url.partition("?")[0]


async def rights_nobody_uses(officer: Desk) -> None:
    """6.3.8: what nobody used is listed from the overview, by role."""
    await officer.open("/dashboard")
    await officer.enter("[id=unused_rights] .lead a")
    text = await officer.text()
    assert "log-custodian" in text
    assert "never" in text


async def evidence(officer: Desk, bank: World, folder: Path) -> None:
    """6.3.9: a question is answered with a purpose, taken along, and proves itself elsewhere to the byte."""
    await officer.open("/reports")
    await officer.fill("[id='denied.purpose']", "the supervisor asked")
    async with officer.page.expect_navigation():
        await officer.page.keyboard.press("Enter")
    assert "P:absent" in await officer.text()
    await officer.enter("form[action$='/evidence'] button")
    text = await officer.text()
    assert "VERIFIED" in text
    assert "How to verify" in text
    await officer.reach("a[download]")
    async with officer.page.expect_download() as fetched:
        await officer.page.keyboard.press("Enter")
    file: Download = await fetched.value
    pack = folder / "pack.zip"
    await file.save_as(pack)
    assert verify_bundle(pack, public_key(bank)).verdict is Verdict.VERIFIED
    bitten, name = one_byte_other(pack)
    report = verify_bundle(bitten, public_key(bank))
    assert report.verdict is Verdict.TAMPERED
    (said,) = [line for line in report.lines() if line.startswith("V26")]
    assert name in said


def one_byte_other(pack: Path) -> tuple[Path, str]:
    """Copy a pack with one byte of one entry turned; return it with the entry's name in the pack."""
    copy = pack.with_name("bitten.zip")
    with ZipFile(pack) as whole, ZipFile(copy, "w") as bitten:
        entries = [one for one in whole.namelist() if one.startswith("entries/")]
        name = next(one for one in entries if b"P:absent" in whole.read(one))
        for one in whole.infolist():
            data = whole.read(one)
            bitten.writestr(one, data.replace(b"P:absent", b"P:absend") if one.filename == name else data)
    return copy, name


async def a_second_signature(controller: Desk, case: str) -> None:
    """6.3.5: another office signs, and the case is closed."""
    await controller.open(case)
    await unfold(controller, "details:has([id='case.close'])")
    await controller.fill("[id='case.close.reason']", "the entry bears it out")
    assert "The case is closed." in await send(controller)


async def a_right_that_conflicts(requester: Desk) -> None:
    """6.3.2: a right that never meets trading is refused to the trader's other account when it is asked for."""
    await requester.open("/rights/request")
    await requester.fill("[name=account]", "trader-again")
    await choose(requester, "[name=role]", "Releaser", "releaser")
    await requester.fill("[name=reason]", "helps out")
    text = await send(requester)
    assert "✕" in text
    assert "S-01" in text, text


async def what_a_former_trader_is_told(mover: Desk, before: Story) -> None:
    """6.3.2: the page of the deal says why this person may not control it, whatever the account."""
    text = await mover.open(f"/trades/{before.moved.id}/control")
    assert "not you." in text
    assert "(D-01)" in text, text
    assert await mover.page.locator("form[id=verify]").count() == 0


async def a_change_of_the_policy(approver: Desk, before: Story) -> None:
    """6.3.3: what a change would have decided is shown before it is approved, and it is refused."""
    await approver.open("/policy")
    await approver.enter(f"a[href$='{before.draft}']")
    text = await approver.text()
    for words in ("The last 90 days decided again", "✓ holds", "may now: Read balances"):
        assert words in text, text
    await approver.keep("compliance-policy")
    await unfold(approver, "details:has([id='policy.refuse'])")
    await approver.fill("[id='policy.refuse.reason']", "the verifier needs no balances")
    assert "The change of the policy is refused." in await send(approver)


async def a_dead_end(administrator: Desk) -> None:
    """6.3.4 and 8: the last right that open work waits for is not taken away; one that nobody uses is."""
    await administrator.open("/rights?state=executed&role=verifier")
    row = "tr:has-text('other-verifier')"
    found = await administrator.page.locator(f"{row} details form").first.get_attribute("id")
    await unfold(administrator, f"details:has([id='{found}'])")
    await administrator.fill(f"[id='{found}.reason']", "leaves the unit")
    text = await send(administrator)
    assert "✕" in text
    assert "Verify deal" in text or "trade.verify" in text, text
    await administrator.open("/rights?state=executed&role=log_custodian")
    found = await administrator.page.locator(
        "tr:has-text('other-log-custodian') details form"
    ).first.get_attribute("id")
    await unfold(administrator, f"details:has([id='{found}'])")
    await administrator.fill(f"[id='{found}.reason']", "not used")
    assert "✓" in await send(administrator)
