"""The first minutes of somebody new: from the address that the demo prints to a desk, with one press."""

from dataclasses import replace

import httpx
import pytest

from service.running import listening, serving
from tests.bank import World
from tests.browsing import CHROMIUM, a_browser, complain
from tests.rights import asked
from tests.visiting import SAME_ORIGIN, Sheet, Visitor, held

HERE = "https://localhost"


def newcomer(world: World, *, device: str = "127.0.0.1", address: str = HERE) -> Visitor:
    """Return somebody in front of a browser that never was here, at a machine of this address."""
    transport = httpx.ASGITransport(app=world.app, raise_app_exceptions=False, client=(device, 4000))  # type: ignore[arg-type]
    return Visitor(httpx.AsyncClient(transport=transport, base_url=address))


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
async def test_one_press_leads_from_the_printed_address_to_each_of_the_three_desks(bank_world: World) -> None:
    complaints: list[str] = []
    async with serving(bank_world.bank, listening("127.0.0.1", 0)) as address, a_browser() as browser:
        page = await (await browser.new_context(locale="en-GB")).new_page()
        complain(page, complaints)
        for account, heading in (("trader", "Deals"), ("verifier", "Queue"), ("compliance", "Audit log")):
            await page.goto(address)
            await page.focus(f"#first-desks button[value={account}]")
            async with page.expect_navigation():
                await page.keyboard.press("Enter")
            assert heading in await page.inner_text("h1")
            assert account in await page.inner_text("header")
    assert complaints == []
    told = await asked(
        bank_world,
        "SELECT convert_from(bytes, 'UTF8')::jsonb #>> '{data,origin}' AS origin FROM public.audit_entry "
        "WHERE act = 'session.open'",
    )
    assert [row.origin for row in told] == ["demo"] * 3  # the log says that no password was asked for
    ended = await asked(bank_world, "SELECT count(*) AS left FROM public.session WHERE ended_at IS NULL")
    assert ended[0].left == 1  # whoever takes the next desk has left the one before


async def test_no_desk_opens_at_once_but_in_a_demo_bank_on_its_own_machine(bank_world: World) -> None:
    form = Sheet(await newcomer(bank_world).client.get("/")).form("/demo-desk")
    for account in ("trader", "rights-admin"):
        visitor = newcomer(bank_world)
        assert (await visitor.send(form, account=account)).status_code == 303
        assert held(visitor)

    async def refused(visitor: Visitor, account: str = "trader", **headers: str) -> int:
        sent = SAME_ORIGIN | headers
        answer = await visitor.client.post("/demo-desk", data={"account": account}, headers=sent)
        assert not held(visitor)
        assert "/demo-desk" not in (await visitor.client.get("/")).text or visitor.client.base_url == HERE
        return answer.status_code

    assert await refused(newcomer(bank_world, device="192.0.2.7")) == 404
    assert await refused(newcomer(bank_world, address="https://bank.test")) == 404
    for account in ("", "nobody", "svc.back_office", "svc.log"):
        assert await refused(newcomer(bank_world), account) == 404
    assert await refused(newcomer(bank_world), **{"Sec-Fetch-Site": "cross-site"}) == 403

    kept = bank_world.bank.settings
    bank_world.bank.settings = replace(kept, demo=False)
    try:
        assert await refused(newcomer(bank_world)) == 404
    finally:
        bank_world.bank.settings = kept
