"""Whatever the interface can change, a form of the pages can change as well."""

import ast
import re
from importlib import import_module
from pathlib import Path

from litestar.handlers import HTTPRouteHandler

from policies.vocabulary import Action
from service import paper_pages
from service.app import every_route
from service.faces import action_of, is_api
from service.kernel.items import ROUTES
from service.kernel.lifecycle import Lifecycle
from service.work.pages import COMMANDS

SERVICE = Path(__file__).parents[2] / "service"
PAGES = [*SERVICE.glob("*/*pages.py"), SERVICE / "work" / "cards.py"]


def changing(*, api: bool) -> set[Action]:
    """Return the acts that routes of one of the two faces stand for, but reads."""
    return {
        action
        for route in every_route().routes
        for handler in getattr(route, "route_handlers", ())
        if is_api(route.path) is api and isinstance(handler, HTTPRouteHandler)
        if handler.http_methods - {"GET", "HEAD", "OPTIONS"} and (action := action_of(handler)) is not None
    }


def offered() -> set[Action]:
    """Return the acts that some page puts a form or a button to."""
    found = changing(api=False) | set(paper_pages.TAKEN)
    found |= {ROUTES[item].action for item in COMMANDS}
    for page in PAGES:
        tree = ast.parse(page.read_text(encoding="utf-8"))
        guards = {id(part) for node in ast.walk(tree) if is_guard(node) for part in ast.walk(node)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and id(node) not in guards:
                found |= named_by(node, page)
    for template in SERVICE.rglob("*.html"):
        written = ASKED_OR_NAMED.sub("", template.read_text(encoding="utf-8"))
        found |= {Action(name) for name in re.findall(r'["/]([a-z_]+\.[a-z_]+)"', written) if name in NAMES}
    return found


ASKED_OR_NAMED = re.compile(r"""(may|act_named)\(["'][a-z_.]+["']\)""")
NAMES = {action.value for action in Action}


def is_guard(node: ast.AST) -> bool:
    """Tell whether this is what a route asks of its caller: reading a page offers no act."""
    return isinstance(node, ast.keyword) and node.arg == "guards"


def named_by(node: ast.Attribute, page: Path) -> set[Action]:
    """Return the acts that a page names itself, or by the lifecycle whose steps it offers."""
    if not isinstance(node.value, ast.Name):
        return set()
    if node.value.id == "Action" and node.attr in Action.__members__:
        return {Action[node.attr]}
    if node.attr != "actions_from":
        return set()
    machine = getattr(import_module(f"service.{page.parent.name}.{page.stem}"), node.value.id)
    assert isinstance(machine, Lifecycle)
    return {action for _, action in machine.table}


def test_every_change_of_the_interface_has_its_form_in_the_pages() -> None:
    assert changing(api=True) - offered() == set()


def test_an_act_without_a_form_would_be_noticed() -> None:
    assert Action.TRADE_CAPTURE in changing(api=True)
    assert {Action.LOG_ROTATE, Action.JOURNAL_READ} & offered() == set()
