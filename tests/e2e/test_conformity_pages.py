"""Market conformity, benchmarks and agreements on the pages, without a script."""

from tests.bank import World
from tests.conformity import agreed
from tests.parties import LEI
from tests.settling import captured, done, post
from tests.visiting import signed_in

DOCUMENT = "cd" * 32


async def test_a_deal_off_the_market_is_justified_and_noticed_where_its_figures_stand(bank: World) -> None:
    deal = await captured(bank, rate="1.2350")
    controller, board = await signed_in(bank, "risk-controller"), await signed_in(bank, "board-back")

    assert f"/checks/{deal.id}" in (await controller.get("/work")).links
    alerts = await controller.get("/checks")
    assert "outside the tolerance" in alerts.text
    assert "+599.0" in alerts.text
    without = await controller.act(
        f"/checks/{deal.id}", "justify", ground="customer_wish", reason="prolonged as asked"
    )
    assert "state its SHA-256" in without.text
    after = await controller.act(
        f"/checks/{deal.id}",
        "justify",
        ground="customer_wish",
        reason="prolonged as asked",
        document_sha256=DOCUMENT,
    )
    assert "The price is justified." in after.text
    assert "the customer's wish, with its document" in after.text
    assert not after.offers("trade.justify")

    assert "/notices" in (await board.get("/work")).links
    noticed = await board.act("/notices", "/acts/notice.take", note="discussed")
    assert "Notice is taken." in noticed.text
    assert "discussed" in (await board.get("/notices", state="taken")).text


async def test_alerts_are_told_by_type_with_their_grounds_and_one_click_opens_a_case(bank: World) -> None:
    off = await captured(bank, rate="1.2350")
    upside_down = await captured(bank, rate="0.8583")
    grounds = {"version": 1, "ground": "internal_rule", "reason": "agreed for such clients"}
    done(await post(bank, "risk-controller", f"/api/trades/{off.id}/justification", grounds))
    told = (await (await bank.as_("risk-controller")).get("/api/checks/kinds")).json()["items"]
    assert {(kind["finding"], kind["state"], kind["deals"]) for kind in told} == {
        ("outside", "justified", 1),
        ("inverted", "alert", 1),
    }
    controller = await signed_in(bank, "risk-controller")
    alerts = await controller.get("/checks")
    assert (f"/checks/{upside_down.id}" in alerts.links, f"/checks/{off.id}" in alerts.links) == (True, False)
    justified = await controller.get("/checks", state="justified", finding="outside")
    assert (
        "Ground: an internal rule for such deals – agreed for such clients risk-controller" in justified.text
    )
    assert f"/checks/{upside_down.id}" not in justified.links
    assert (await controller.client.get("/checks?finding=nonsense")).status_code == 400
    form = f"/cases?trade={upside_down.id}"
    assert form in alerts.links
    opened = await controller.act(form, "case.open", title="upside down", reason="not the first of this desk")
    assert "The case is open." in opened.text
    auditor = await signed_in(bank, "auditor")
    assert not [link for link in (await auditor.get("/checks")).links if link.startswith("/cases?")]


async def test_the_checks_of_a_deal_without_a_reference_are_read_in_german(bank: World) -> None:
    await agreed(bank, LEI)
    terms = {
        "type": "fx_forward",
        "spot_rate": "1.1650",
        "forward_points": "0.0020",
        "rate": "1.1670",
        "value_date": "2026-11-30",
    }
    deal = await captured(bank, **terms)
    inverted = await captured(bank, rate="0.8583")
    auditor = await signed_in(bank, "auditor", language="de")

    page = await auditor.get(f"/checks/{deal.id}")
    assert "Swappunkte ohne Referenz" in page.text
    assert not page.offers("trade.justify")
    assert "umgekehrt notiert" in (await auditor.get(f"/checks/{inverted.id}")).text
    assert f"/checks/{deal.id}" in (await auditor.get("/checks", state="no_reference")).links
    assert "umgekehrt notiert" in (await auditor.get("/notices")).text


async def test_deals_so_far_off_the_market_are_asked_for_by_the_period_they_were_dealt_in(
    bank: World,
) -> None:
    far, near = await captured(bank, rate="1.2350"), await captured(bank)
    auditor = await signed_in(bank, "auditor", language="de")
    period = {"state": "", "first_day": "1. Oktober 2026", "last_day": "31.10.2026"}

    async def found(**asked: str) -> tuple[bool, bool]:
        links = (await auditor.get("/checks", **period | asked)).links
        return f"/checks/{far.id}" in links, f"/checks/{near.id}" in links

    assert await found() == (True, True)
    assert await found(beyond_bp="598") == (True, False)
    assert await found(beyond_bp="600") == (False, False)
    assert await found(beyond_bp="12,5") == (True, False)
    assert await found(first_day="", last_day="30.9.2026") == (False, False)
    assert await found(first_day="1.11.2026", last_day="") == (False, False)
    for nonsense in ("weit", "-1"):
        refused = await auditor.client.get("/checks", params={"beyond_bp": nonsense})
        assert (refused.status_code, "Das muss eine Zahl sein" in refused.text) == (400, True)

    caller = await bank.as_("auditor")
    asked = {"beyond_bp": "100", "first_day": "2026-10-01", "last_day": "2026-10-31"}
    told = (await caller.get("/api/checks", **asked)).json()["items"]
    assert [one["trade"] for one in told] == [str(far.id)]
    assert (await caller.get("/api/checks", beyond_bp="-1")).status_code == 400


async def test_tolerances_and_reference_rates_take_two_people_on_the_page(bank: World) -> None:
    controller = await signed_in(bank, "risk-controller", language="de")
    await controller.act("/benchmarks", "tolerance", product="fx_spot", tolerance_bp="42,5")
    rate = {"currency": "EUR", "day": "2026-10-26", "rate_percent": "2,05", "source": "broker page"}
    proposed = await controller.act("/benchmarks", "reference_rate", **rate)
    assert "42,5" in proposed.text
    assert "broker page" in proposed.text
    assert not proposed.offers("benchmark.approve")
    assert "(D-02)" in proposed.text

    head = await signed_in(bank, "head-of-risk")
    approved = await head.act("/benchmarks?state=proposed", "/acts/benchmark.approve")
    assert approved.offers("benchmark.approve")  # the other one still waits
    verifier = await (await signed_in(bank, "verifier")).get("/benchmarks")
    assert not verifier.offers("benchmark.propose")
    assert not verifier.offers("benchmark.approve")


async def test_an_agreement_is_filed_and_cleared_on_the_page(bank: World) -> None:
    steward, legal = await signed_in(bank, "steward"), await signed_in(bank, "legal")
    blank = (await steward.get("/agreements")).form("agreement.propose")
    blank.fields["form"] = "waiver"
    filed = await steward.submit(blank, counterparty=LEI, name="one deal only", valid_from="2026-10-01")
    assert "one deal only" in filed.text
    assert not filed.offers("agreement.clear")

    assert "/agreements" in " ".join((await legal.get("/work")).links)
    bare = await legal.act("/agreements", "/acts/agreement.clear")
    assert "Say why deals may do without a master agreement." in bare.text
    cleared = await legal.act("/agreements", "/acts/agreement.clear", reason="collateralised in full")
    assert "✓ cleared" in cleared.text
    done(
        await post(
            bank,
            "trader",
            "/api/trades",
            {
                "type": "mm_loan",
                "currency": "EUR",
                "principal": "1000000.00",
                "rate_percent": "2.00",
                "day_count": "ACT/360",
                "start_date": "2026-10-29",
                "end_date": "2026-11-30",
                "trade_date": "2026-10-27",
                "counterparty": LEI,
                "portfolio": "FX-EUR",
                "executed_at": "2026-10-27T07:30:00Z",
                "side_agreements": "none",
            },
        )
    )
