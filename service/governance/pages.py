"""Versions and drafts of the policy as pages: what a change does in words, and the buttons of those who decide."""

from collections.abc import Iterator
from itertools import groupby
from typing import Final
from uuid import UUID

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from sqlalchemy.ext.asyncio import AsyncSession

from policies import prose
from policies.policy import Policy
from policies.vocabulary import Action
from service import page_forms
from service.faces import Allows
from service.gate import Gate
from service.governance import queries
from service.governance.lifecycle import POLICY_DRAFT, DraftState
from service.page_frame import Button, History, Page

ROWS: Final = 50
MARKS: Final = {"# ": "h1", "## ": "h2", "### ": "h3", "#### ": "h4", "- ": "ul"}
TWICE: Final = "You approved this change before; the second approval is another person's."


class PolicyPages(Controller):
    """Who may do what, and how that is changed."""

    path = "/policy"
    include_in_schema = False

    @get("/", guards=[Allows(Action.POLICY_READ)])
    async def index(
        self,
        page: NamedDependency[Page],
        gate: NamedDependency[Gate],
        reads: NamedDependency[AsyncSession],
        cursor: FromQuery[str] = "",
    ) -> Response[str]:
        """Show the version in force, the release's own, and every draft, newest first."""
        found = await queries.drafts(reads, cursor=page_forms.id_in(cursor, "cursor"), limit=ROWS)
        return page.show(
            "governance/templates/policies.html",
            version=gate.policy.version,
            release=queries.shipped().version,
            rows=found["items"],
            next=found["next"],
            names=await queries.names_of(reads, {row["author"] for row in found["items"]}),
            draft=Button(Action.POLICY_DRAFT),
        )

    @get("/text", guards=[Allows(Action.POLICY_READ)])
    async def in_force(self, page: NamedDependency[Page], gate: NamedDependency[Gate]) -> Response[str]:
        """Show the policy in force as text."""
        return text_page(page, gate.policy)

    @get("/release", guards=[Allows(Action.POLICY_READ)])
    async def release(self, page: NamedDependency[Page]) -> Response[str]:
        """Show the release's own policy as text."""
        return text_page(page, queries.shipped())

    @get("/drafts/{draft:uuid}", guards=[Allows(Action.POLICY_READ)])
    async def draft(
        self,
        page: NamedDependency[Page],
        gate: NamedDependency[Gate],
        reads: NamedDependency[AsyncSession],
        history: NamedDependency[History],
        draft: FromPath[UUID],
    ) -> Response[str]:
        """Show what a draft changes, whether the proof holds, what 90 days would have been, and who approved it."""
        row = await queries.draft_of(reads, draft)
        shown = await queries.draft_shown(reads, gate.policy, row, gate.clock.now())
        possible = [action for action in POLICY_DRAFT.actions_from(DraftState(row.state)) if page.may(action)]
        buttons = await history.buttons(page, possible, related=[("policy_draft", draft)])
        return page.show(
            "governance/templates/draft.html",
            draft=shown,
            lines=shown["changes"][page.language],
            most=queries.LINES_MAX,
            names=await queries.names_of(reads, {shown["author"], *shown["approved_by"]}),
            buttons=[once_each(page, button, shown["approved_by"]) for button in buttons],
        )

    @get("/drafts/{draft:uuid}/text", guards=[Allows(Action.POLICY_READ)])
    async def text(
        self, page: NamedDependency[Page], reads: NamedDependency[AsyncSession], draft: FromPath[UUID]
    ) -> Response[str]:
        """Show a version as text: the access concept it would be, is or was."""
        row = await queries.draft_of(reads, draft)
        return text_page(page, await queries.policy_of(reads, row))


def once_each(page: Page, button: Button, approved_by: list[str]) -> Button:
    """Say beforehand what the gate would say: two approvals are two people's."""
    assert page.actor is not None
    again = button.action is Action.POLICY_APPROVE and str(page.actor.person) in approved_by
    return Button(button.action, TWICE) if again and button.why_not is None else button


def text_page(page: Page, policy: Policy) -> Response[str]:
    """Return a version of the policy as a page in the reader's language."""
    return page.show(
        "governance/templates/text.html", version=policy.version, blocks=list(blocks(policy, page.language))
    )


def blocks(policy: Policy, language: prose.Language) -> Iterator[tuple[str, list[str]]]:
    """Cut the text of a version into headings, paragraphs and lists."""
    cut = (cut_off(line) for line in prose.rendered(policy, language) if line)
    for kind, lines in groupby(cut, key=lambda one: one[0]):
        yield kind, [line for _, line in lines]


def cut_off(line: str) -> tuple[str, str]:
    """Return what kind of line this is, and the line without the sign of it."""
    for mark, kind in MARKS.items():
        if line.startswith(mark):
            return kind, line.removeprefix(mark)
    return "p", line


ROUTES = [PolicyPages]
