"""What holds on every page of every office, in a real browser: readable by everybody, no complaint, no dead link."""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby, product
from typing import Any, get_args

import msgspec
import pytest
from playwright.async_api import Page

from policies.vocabulary import Action
from service.gate import USE_CASES
from service.running import listening, serving
from service.tables import METADATA
from tests.bank import World
from tests.browsing import AXE, CHROMIUM, WITHOUT, Walk, a_browser, a_window, complain
from tests.conftest import Template, a_copy
from tests.deals import rows
from tests.furnishing import furnish
from tests.pseudo import cited, data_of, pseudo_locale, unwrapped, wrapped
from tests.visiting import Form, signed_in, stranger

ACCOUNTS = (
    "compliance", "trader", "head-of-trading", "verifier", "confirmer", "settler", "releaser", "steward",
    "steward-approver", "accountant", "closer", "risk-controller", "credit-officer", "auditor", "legal",
    "rights-requester", "rights-admin", "board-back", "policy-author", "policy-approver", "log-custodian",
)  # fmt: skip
"""Somebody of every role that sees pages of its own."""
NARROW, WIDE = 320, 1280
LANGUAGES, THEMES = ("en", "de"), ("light", "dark")
LOOKS = tuple(product(LANGUAGES, THEMES))
FINDINGS = """axe.run({include: [document], exclude: ["tbody tr:nth-child(n+9)"]},
    {preload: false, resultTypes: ["violations"]}).then(result => result.violations.map(
        found => found.id + ": " + found.nodes.map(node => node.html.slice(0, 160)).slice(0, 3)))"""
"""Of a long table the first rows stand for all: the others are made by the same lines of a template."""

needs_a_browser = pytest.mark.skipif(CHROMIUM is None or not AXE.exists(), reason=WITHOUT)


@dataclass
class House:
    """A furnished bank that is served, and where each account's links lead."""

    world: World
    address: str
    walks: dict[str, Walk]

    def kinds(self) -> Iterator[tuple[str, str, str]]:
        """Yield every kind of page once with a link to it, after the account that reached it first."""
        seen: set[str] = set()
        for account, walk in self.walks.items():
            yield from ((account, kind, link) for kind, link in walk.links.items() if kind not in seen)
            seen |= walk.links.keys()


@dataclass
class Seen:
    """What was wrong with the pages."""

    pages: int = 0
    axe: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    complaints: list[str] = field(default_factory=list)
    over: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
async def house(template: Template, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """Give a bank with something on every page, its links followed by everybody."""
    async with a_copy(template, tmp_path_factory.mktemp("walls") / "bank") as world:
        await furnish(world)
        walks = {"": await Walk(stranger(world)).through()}
        for account in ACCOUNTS:
            walks[account] = await Walk(await signed_in(world, account)).through()
        async with serving(world.bank, listening("127.0.0.1", 0)) as address:
            yield House(world, address, walks)


def untold(form: Form) -> set[str]:
    """Return what the command of a form's act must be told and the form has no field for."""
    name = form.action.rpartition("/")[2]
    by_file = {"content", "files", "media_type", "name"} if form.action.startswith("/papers/") else set()
    command = USE_CASES[Action(name)].command
    kinds = get_args(command) or (command,)
    kind = next((one for one in kinds if one.__struct_config__.tag in form.fields.values()), kinds[0])
    needed = {one.encode_name for one in msgspec.structs.fields(kind) if one.required}
    return needed - {field.partition(".")[0].removesuffix("[]") for field in form.fields} - by_file


async def test_no_form_leaves_out_what_its_act_must_be_told(house: House) -> None:
    forms = {place: form for walk in house.walks.values() for place, form in walk.forms.items()}
    acting = {place: form for place, form in forms.items() if place.startswith(("/acts/", "/papers/"))}
    assert len({place.partition(" ")[0] for place in acting}) > 40
    assert {place: untold(form) for place, form in acting.items() if untold(form)} == {}


@pytest.fixture(scope="module")
async def seen(house: House) -> Seen:
    """Give what is wrong with any kind of page: each is looked at in one language and theme, its neighbour in another."""
    return await looked_around(
        house,
        [
            (*one, language, (theme,))
            for number, one in enumerate(house.kinds())
            for language, theme in [LOOKS[number % len(LOOKS)]]
        ],
    )


async def looked_around(house: House, views: Iterable[tuple[str, str, str, str, Sequence[str]]]) -> Seen:
    """Open pages by account, kind, link, language and themes, wide and narrow; return what is wrong with them."""
    found = Seen()
    in_order = sorted(views, key=lambda view: (view[3], view[0]))
    async with a_browser() as browser:
        for (language, account), of_one in groupby(in_order, key=lambda view: (view[3], view[0])):
            async with a_window(browser, house.world, house.address, account, language) as window:
                await window.add_init_script(path=AXE)
                page = await window.new_page()
                complain(page, found.complaints)
                for _, kind, link, _, themes in of_one:
                    await looked_at(page, found, f"{kind} {language}", link, themes)
    return found


async def looked_at(page: Page, found: Seen, view: str, link: str, themes: Sequence[str]) -> None:
    """Open a page; keep what is wrong with it in each theme."""
    await page.set_viewport_size({"width": WIDE, "height": 900})
    await page.goto(link)
    for theme in themes:
        await page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        for finding in await page.evaluate(FINDINGS):
            found.axe[finding].append(f"{view} {theme}")
        found.pages += 1
    await page.set_viewport_size({"width": NARROW, "height": 900})
    wide: Any = await page.evaluate("document.documentElement.scrollWidth")
    if wide > NARROW:
        found.over.append(f"{view} {link}: {wide}")


def test_no_link_of_any_office_leads_nowhere(house: House) -> None:
    assert [dead for walk in house.walks.values() for dead in walk.dead] == []
    assert len({kind for walk in house.walks.values() for kind in walk.links}) > 60


async def test_no_page_says_a_word_that_nobody_translated(house: House) -> None:
    told = {
        table.name: await rows(house.world, f'SELECT t::text AS told FROM public."{table.name}" t')
        for table in METADATA.sorted_tables
    }
    data = data_of([row.told for table in told.values() for row in table])
    data |= cited(house.world.bank.gate.policy)
    found = {}
    for account, kind, link in house.kinds():
        visitor = house.walks[account].visitor
        with pseudo_locale():
            page = (await visitor.client.get(link, follow_redirects=True)).text
        assert wrapped("Trennwand")[0] in page, link
        if strange := unwrapped(page, data):
            found[kind] = sorted(strange)
    if found:
        pytest.fail("\n".join(f"{kind}: {', '.join(strange)}" for kind, strange in found.items()))


@needs_a_browser
def test_axe_finds_nothing_on_any_kind_of_page(seen: Seen) -> None:
    assert dict(seen.axe) == {}


@needs_a_browser
def test_no_page_breaks_its_own_rules_or_a_script(seen: Seen) -> None:
    assert seen.complaints == []


@needs_a_browser
def test_every_page_fits_320_pixels_but_for_tables_that_scroll_by_themselves(seen: Seen) -> None:
    assert seen.over == []


@needs_a_browser
@pytest.mark.long
async def test_axe_finds_nothing_on_any_page_of_any_office_in_both_themes_and_both_languages(
    house: House,
) -> None:
    every = [
        (account, kind, link, language, THEMES)
        for account, walk in house.walks.items()
        for kind, link in walk.links.items()
        for language in LANGUAGES
    ]
    found = await looked_around(house, every)
    print(f"{found.pages} views of pages, {sum(map(len, found.axe.values()))} findings")
    assert (dict(found.axe), found.complaints, found.over) == ({}, [], [])


@needs_a_browser
async def test_axe_and_the_complaints_bite(house: House) -> None:
    complaints: list[str] = []
    async with a_browser() as browser, a_window(browser, house.world, house.address, "trader") as window:
        await window.add_init_script(path=AXE)
        page = await window.new_page()
        complain(page, complaints)
        await page.goto("/trades/new")
        bad = '<input><p style="color: #ddd">pale</p>'
        await page.evaluate(f"document.querySelector('main').insertAdjacentHTML('beforeend', '{bad}')")
        found = [finding.partition(":")[0] for finding in await page.evaluate(FINDINGS)]
    assert "label" in found
    assert any("Content Security Policy" in said for said in complaints)
