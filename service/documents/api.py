"""Papers over JSON: filed, listed, fetched as the bytes they were filed as."""

from typing import Annotated, Any
from urllib.parse import quote
from uuid import UUID

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action
from service.documents import queries
from service.documents.filing import content_of
from service.documents.kinds import BEGINS, OCTETS, DocumentKind
from service.documents.use_cases import FileDocument, file_paper
from service.faces import DOCUMENT_BYTES_MAX, Allows, IdempotencyKey, answer, checked_key
from service.gate import Gate
from service.kernel.actor import Actor
from service.kernel.cursors import place_of

Limit = Annotated[int, QueryParameter(ge=1, le=200)]


class DocumentApi(Controller):
    """The filed papers."""

    path = "/api/documents"
    tags = ("documents",)

    @post(guards=[Allows(Action.DOCUMENT_FILE)], request_max_body_size=DOCUMENT_BYTES_MAX)
    async def file(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        data: JSONBody[FileDocument],
    ) -> Response[Any]:
        """File a statement, a contract or evidence; ``content`` is base64 of at most ten megabytes."""
        return answer(await gate.perform(actor, file_paper, data, key=checked_key(key)))

    @get(guards=[Allows(Action.DOCUMENT_READ)])
    async def index(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        reads: NamedDependency[AsyncSession],
        trade: FromQuery[UUID | None] = None,
        subject: FromQuery[UUID | None] = None,
        kind: FromQuery[DocumentKind | None] = None,
        cursor: FromQuery[str | None] = None,
        limit: Limit = 50,
    ) -> dict[str, Any]:
        """List papers, newest first, of a deal or of what they are about."""
        return await queries.documents(
            reads,
            actor,
            gate.policy,
            trade=trade,
            subject=subject,
            kind=kind,
            after=place_of(cursor),
            limit=limit,
        )

    @get(
        "/{document:uuid}",
        guards=[Allows(Action.DOCUMENT_READ, sensitive=True)],
        media_type=OCTETS,
        opt={"answers_as": tuple(BEGINS)},
    )
    async def fetch(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        reads: NamedDependency[AsyncSession],
        document: FromPath[UUID],
    ) -> Response[bytes]:
        """Return the bytes as they were filed; altered ones are refused and the refusal is an entry."""
        found = await queries.document_seen(reads, actor, gate.policy, document)
        content = await content_of(reads, found)
        headers = {
            "content-disposition": disposition(found.name),
            "repr-digest": f"sha-256=:{queries.base64_of(found.sha256)}:",
        }
        return Response(content, media_type=found.media_type, headers=headers)


def disposition(name: str) -> str:
    """Return the header by which a browser saves the file and never shows it (RFC 6266)."""
    plain = "".join(one if one.isascii() and (one.isalnum() or one in "._- ") else "_" for one in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


ROUTES = [DocumentApi]
