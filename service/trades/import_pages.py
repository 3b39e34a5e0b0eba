"""Deals out of a file on a page: looked at row by row, then all of them entered or none.

What is entered is what was looked at: the preview leaves a digest of its deals in the form, and deals that
come with another one are looked at anew.
"""

from collections import Counter
from itertools import islice
from typing import Any, Final

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action
from service import page_frame
from service.faces import Allows
from service.gate import BATCH_MAX
from service.importing.keys import keyed
from service.importing.outcomes import Outcome
from service.importing.reading import read
from service.importing.rows import Defaults, UnreadableFile, fingerprint
from service.kernel.actor import Actor
from service.kernel.errors import Malformed, Refusal
from service.page_frame import Page
from service.trades.importing import ImportEnded, Keyed, enter_whole, preview
from service.trades.ticket_pages import choices
from service.ui.formats import instant, typed_moment

FORM: Final = "import"
DEFAULTS: Final = ("portfolio", "counterparty", "executed_at", "we_are")
SEEN: Final = "_seen"


class TooManyRows(Malformed):
    """400. More rows than one transaction takes; the command line takes files of any length."""


class ImportPages(Controller):
    """Files of deals."""

    path = "/trades/import"
    include_in_schema = False

    @get("/", guards=[Allows(Action.TRADE_CAPTURE)])
    async def index(self, page: NamedDependency[Page], reads: NamedDependency[AsyncSession]) -> Response[str]:
        """Show the form for a file."""
        return await shown(page, reads, [])

    @post("/", guards=[Allows(Action.TRADE_CAPTURE)], status_code=200)
    async def look_or_enter(
        self,
        page: NamedDependency[Page],
        actor: NamedDependency[Actor],
        reads: NamedDependency[AsyncSession],
    ) -> Response[str]:
        """Say what would become of each row, or enter all of them if the preview was of the very same deals."""
        outcomes: list[Outcome] = []
        rows: Keyed = []
        enters, status = page.form.get("_do") == "enter", 200
        try:
            rows = rows_in(page)
            if enters and page.form.get(SEEN) == digest_of(rows):
                outcomes, enters = await enter_whole(page.gate, actor, rows, page.language), False
            else:
                looked = preview(page.gate, actor, rows, page.language)
                outcomes = [one async for some in looked for one in some]
        except ImportEnded as ended:
            raise ended.refusal from ended
        except Refusal as refusal:
            page.said = page_frame.refused(Action.TRADE_CAPTURE, refusal, FORM, page.form)
            status = refusal.status
        return await shown(page, reads, outcomes, status, seen=digest_of(rows), changed=enters)


def digest_of(rows: Keyed) -> str:
    """Return the SHA-256 of the deals that the rows say, with what they are entered under, in their order."""
    return fingerprint([(key, row.deal or row.fingerprint) for row, key in rows])


def rows_in(page: Page) -> Keyed:
    """Return the rows of the file in the form. Raises Malformed, UnreadableFile."""
    said = {name: page.form.get(name, "").strip() for name in DEFAULTS}
    moment = typed_moment(said["executed_at"]) if said["executed_at"] else None
    try:
        defaults = Defaults(
            counterparty=said["counterparty"] or None,
            portfolio=said["portfolio"] or None,
            executed_at=None if moment is None else instant(moment),
            we_are=said["we_are"] or page.gate.entity_lei or None,
        )
    except (ValueError, AssertionError):
        raise Malformed("This is no time.", field="executed_at") from None
    text = page.form.get("file", "")
    if not text.strip():
        raise UnreadableFile("The file is empty.", field="file")
    found = list(islice(keyed(read(text.encode(), defaults)), BATCH_MAX + 1))
    if len(found) > BATCH_MAX:
        sentence = f"A page takes {BATCH_MAX} deals at a time; the command line takes files of any length."
        raise TooManyRows(sentence, field="file")
    if not found:
        raise UnreadableFile("The file has no rows.", field="file")
    return found


async def shown(
    page: Page,
    reads: AsyncSession,
    outcomes: list[Outcome],
    status: int = 200,
    *,
    seen: str = "",
    changed: bool = False,
) -> Response[str]:
    """Return the page with what became of the rows; ``changed``: they are not those of the preview."""
    results = Counter(one.result for one in outcomes)
    held: dict[str, Any] = {name: page.form.get(name, "") for name in (*DEFAULTS, "file")}
    return page.show(
        "trades/templates/import.html",
        status=status,
        outcomes=outcomes,
        seen=seen,
        changed=changed,
        ready=not results["refused"] and results["can be entered"] > 0,
        possible=results["can be entered"],
        refused=results["refused"],
        entered=results["entered"] + results["entered before"],
        held=held,
        **await choices(page, reads, own_desk=True),
    )


ROUTES = [ImportPages]
