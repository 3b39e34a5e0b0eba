"""Limits on the pages: proposed by trading, set by credit, used by deals, passed, answered for."""

from tests.bank import World
from tests.deals import capture
from tests.limits import a_limit
from tests.parties import LEI
from tests.settling import captured
from tests.visiting import Visitor, signed_in

AMOUNTS = {"amount_eur": "2.5M", "valid_from": "2026-10-27", "valid_to": "2027-10-26", "reason": "agreed"}


async def test_a_limit_is_proposed_by_trading_and_set_by_two_of_credit(bank: World) -> None:
    head = await signed_in(bank, "head-of-trading")
    owner = (await head.get("/limits")).form("limit.propose").choices["counterparty"][-1]
    page = await head.act("/limits", "limit.propose", counterparty=owner, **AMOUNTS)
    assert "The limit is proposed; credit votes." in page.text
    assert "2,500,000.00" in page.text
    assert not page.offers("limit.vote")

    for officer in ("credit-officer", "other-credit-officer"):
        voter = await signed_in(bank, officer)
        place = next(link for link in (await voter.get("/work")).links if link.startswith("/limits/"))
        page = await voter.act(place, "limit.vote:approve", reason="within what we can bear")
        assert "The vote is recorded." in page.text
    assert "✓ in force" in page.text
    assert "other-credit-officer: for it" in page.text
    assert not page.offers("limit.vote")


async def test_an_excess_is_seen_by_all_and_closed_by_risk_control_alone(bank: World) -> None:
    limit = await a_limit(bank, LEI, "1500000.00")
    deal = await captured(bank)
    assert (await capture(bank, base_amount="2000000.00")).status_code == 409
    trader, place = await signed_in(bank, "trader"), f"/limits/{limit['id']}"
    seen = await trader.get(place)
    assert f"/trades/{deal.id}" in seen.links
    assert "there is room for EUR 500,000.00" in seen.text
    assert not seen.offers("excess.close")
    assert "Limits" in (await trader.get("/limits")).text

    risk = await signed_in(bank, "risk-controller")
    assert place in (await risk.get("/work")).links
    closed = await risk.act(place, "excess.close", cause="typed twice", measure="none needed")
    assert "The excess is closed." in closed.text
    assert "typed twice" in closed.text
    assert "typed twice" in (await risk.get("/excesses")).text
    assert "typed twice" not in (await risk.get("/excesses", open="1")).text
    await board_takes_notice(await signed_in(bank, "board-trading", language="de"), place)


async def test_the_limit_tree_shows_use_under_its_sums_and_each_figure_opens_its_list(bank: World) -> None:
    limit = await a_limit(bank, LEI, "1600000.00")
    await captured(bank)
    assert (await capture(bank, base_amount="2000000.00")).status_code == 409
    risk = await signed_in(bank, "risk-controller")
    told = (await (await bank.as_("risk-controller")).get("/api/limits/tree", opened=limit["owner"])).json()
    parties, desks = told["items"]
    (one,) = (node for node in parties["children"] if node["id"] == limit["id"])
    assert (one["used_eur"], one["headroom_eur"], one["excesses"]) == ("1000000.00", "600000.00", 1)
    assert [(share["name"], share["used_eur"]) for share in one["children"]] == [("FX desk", "1000000.00")]
    assert parties["used_eur"] == desks["used_eur"] == "1000000.00"
    page = await risk.get("/limit-tree", opened=limit["owner"])
    for words in ("All counterparties", "First counterparty close", "FX desk", "62%", "FX-EUR"):
        assert words in page.text, (words, page.text)
    assert f"/excesses?open=1&of={limit['id']}" in page.links
    assert "there is room for EUR 600,000.00" in (await risk.get("/excesses", of=limit["id"])).text
    for link in {one for one in page.links if one.startswith(("/limit", "/excesses"))}:
        assert (await risk.client.get(link)).status_code == 200, link
    stranger = (
        await (await bank.as_("second-desk-trader")).get("/api/limits/tree", opened=limit["owner"])
    ).json()
    assert stranger["items"][0]["children"][0]["children"][0]["name"] is None


async def board_takes_notice(board: Visitor, place: str) -> None:
    queue = await board.get("/work")
    assert place in queue.links
    assert "Das Limit dieses Kontrahenten beträgt EUR 1.500.000,00" in queue.text
    listed = await board.get("/excesses")
    assert "Das Limit dieses Kontrahenten beträgt EUR 1.500.000,00" in listed.text
    assert "unterrichtet" in listed.text
    noticed = await board.act(place, "notice.take", note="besprochen")
    assert "Kenntnis genommen" in noticed.text
    assert not noticed.offers("notice.take")
    assert place not in (await board.get("/work")).links
