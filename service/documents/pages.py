"""The filed papers on a page: found again, fetched as they were filed, filed by hand."""

from uuid import UUID

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action
from service import page_forms
from service.documents import queries
from service.documents.api import disposition
from service.documents.filing import content_of
from service.documents.kinds import BY_HAND, OCTETS, DocumentKind
from service.faces import Allows
from service.kernel.actor import Actor
from service.kernel.cursors import place_of
from service.page_frame import Button, Page
from service.work.queries import deals_of

ROWS = 50


class DocumentPages(Controller):
    """What was filed, newest first."""

    path = "/documents"
    include_in_schema = False

    @get("/", guards=[Allows(Action.DOCUMENT_READ)])
    async def index(
        self,
        page: NamedDependency[Page],
        actor: NamedDependency[Actor],
        reads: NamedDependency[AsyncSession],
        kind: FromQuery[str] = "",
        trade: FromQuery[str] = "",
        cursor: FromQuery[str | None] = None,
    ) -> Response[str]:
        """Show the papers that the reader may see."""
        found = await queries.documents(
            reads,
            actor,
            page.gate.policy,
            kind=page_forms.one_of(DocumentKind, kind, "kind"),
            trade=page_forms.id_in(trade, "trade"),
            after=place_of(cursor),
            limit=ROWS,
        )
        named = await deals_of(reads, {UUID(row["trade"]) for row in found["items"] if row["trade"]})
        return page.show(
            "documents/templates/documents.html",
            rows=found["items"],
            deals={str(of): deal for of, deal in named.items()},
            next=found["next"],
            kinds=list(DocumentKind),
            by_hand=sorted(BY_HAND),
            kind=kind,
            trade=trade,
            file=Button(Action.DOCUMENT_FILE),
        )

    @get("/{document:uuid}", guards=[Allows(Action.DOCUMENT_READ, sensitive=True)], media_type=OCTETS)
    async def fetch(
        self,
        page: NamedDependency[Page],
        actor: NamedDependency[Actor],
        reads: NamedDependency[AsyncSession],
        document: FromPath[UUID],
    ) -> Response[bytes]:
        """Return the bytes as they were filed, to be saved and never shown; looking is an entry."""
        found = await queries.document_seen(reads, actor, page.gate.policy, document)
        content = await content_of(reads, found)
        headers = {"content-disposition": disposition(found.name)}
        return Response(content, media_type=found.media_type, headers=headers)


ROUTES = [DocumentPages]
