"""Bars drawn from the tables that stand in the pages, in a real browser: seen where they help, and never needed."""

import pytest
from playwright.async_api import Page

from service.running import listening, serving
from service.ui.assets import assets
from tests.bank import World
from tests.browsing import CHROMIUM, a_browser, a_window, comes_true, complain
from tests.settling import captured

WITHOUT = "no Chromium on this machine, or no uPlot: scripts/test installs it where there is npm"
PAINTED = """all => all.filter(one => !one.closest("figure").hidden).map(one => {
    const dots = one.getContext("2d").getImageData(0, 0, one.width, one.height).data;
    const seen = new Map();
    for (let at = 0; at < dots.length; at += 4)
        if (dots[at + 3] === 255) {
            const colour = [...dots.slice(at, at + 3)].join(",");
            seen.set(colour, (seen.get(colour) ?? 0) + 1);
        }
    return [one.closest("figure").dataset.of, [...seen].sort((a, b) => b[1] - a[1])[0]?.[0] ?? ""];
})"""
"""The colour that most of each chart is painted in, beside the page's ground."""

pytestmark = pytest.mark.skipif(CHROMIUM is None or "vendor/uplot.min.js" not in assets(), reason=WITHOUT)


async def painted(page: Page, path: str, theme: str) -> dict[str, str]:
    """Open a page in a theme; return the charts that are seen, each with its colour."""
    await page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
    await page.goto(path)
    return dict(await page.eval_on_selector_all("canvas", PAINTED))


async def test_bars_are_drawn_from_the_table_that_is_read(ready_bank: World) -> None:
    await captured(ready_bank)
    await captured(ready_bank, rate="1.3000")
    complaints: list[str] = []
    listener = listening("127.0.0.1", 0)
    async with (
        serving(ready_bank.bank, listener) as address,
        a_browser() as browser,
        a_window(browser, ready_bank, address, "risk-controller") as window,
    ):
        page = await window.new_page()
        complain(page, complaints)
        light = await painted(page, "/dashboard", "light")
        dark = await painted(page, "/dashboard", "dark")
        assert light.keys() == dark.keys() >= {"waiting_by_age.table", "off_market.table"}
        assert "open_excesses.table" not in light  # nothing but noughts: a table is enough
        assert (set(light.values()), set(dark.values())) == ({"11,79,174"}, {"138,184,255"})
        assert (await painted(page, "/exposures", "light")).keys() == {"exposures"}
        seen = await page.locator("figure[data-chart]:visible").count()
        told = await page.get_by_role("row", name="First counterparty").inner_text()
        assert (seen, "2,000,000.00" in told) == (2, True)
        assert await page.get_by_role("figure").count() == 0  # the table is what is read aloud
        await page.set_viewport_size({"width": 390, "height": 800})
        await comes_true(page, "document.querySelector('canvas').clientWidth < 390")
        assert await page.evaluate("document.documentElement.scrollWidth") == 390
        async with page.expect_navigation():
            await page.locator("figure[data-chart=rows] .u-over").click(position={"x": 20, "y": 12})
        assert "/limits" in page.url
        assert complaints == []
        plain = await window.new_page()
        await plain.route("**/charts.js", lambda asked: asked.abort())
        await plain.goto("/exposures")
        assert await plain.locator("figure[data-chart]:visible").count() == 0
        assert await plain.get_by_role("row", name="First counterparty").count() == 1
