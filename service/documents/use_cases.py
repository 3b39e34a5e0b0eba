"""A person files a paper: a statement, a contract, evidence."""

from typing import Annotated
from uuid import UUID

import msgspec

from policies.vocabulary import Action
from service.attempt import Attempt, Changed, Command
from service.documents.filing import file_document
from service.documents.kinds import BEGINS, BY_HAND, KEPT_AS, DocumentKind, is_what_it_says, safe_name
from service.documents.queries import view
from service.gate import use_case
from service.kernel.errors import Malformed, Unprocessable
from service.kernel.texts import Name

MediaType = Annotated[str, msgspec.Meta(max_length=80, pattern=r"\A[a-z]+/[a-z0-9.+-]+\Z")]
SubjectKind = Annotated[str, msgspec.Meta(pattern=r"\A[a-z_]{1,40}\Z")]


class NotByHand(Unprocessable):
    """422. Messages are filed by the act that sends or receives them, never as a paper."""

    rule = "SET-01"


class ForeignForm(Unprocessable):
    """422. This form is not filed, or the bytes are not of the form that is claimed."""

    rule = "DOC-06"


class HostileName(Unprocessable):
    """422. A paper's name is one line without folders and without what cannot be seen."""

    rule = "DOC-06"


class HalfASubject(Malformed):
    """400. What a paper is about has a kind and an id, or neither."""


class FileDocument(Command, frozen=True, kw_only=True):
    """A paper with what it is and what it is about; ``content`` is its bytes."""

    kind: DocumentKind
    name: Name
    media_type: MediaType
    content: bytes
    subject_kind: SubjectKind | None = None
    subject_id: UUID | None = None
    trade_id: UUID | None = None


@use_case(Action.DOCUMENT_FILE)
async def file_paper(attempt: Attempt, command: FileDocument) -> Changed:
    """File a paper by hand: it says nothing about its object that an act would go by."""
    if command.kind not in BY_HAND:
        raise NotByHand(f"A {command.kind.value} is filed by the act it belongs to.", field="kind")
    if (command.subject_kind is None) != (command.subject_id is None):
        raise HalfASubject("Say kind and id of what the document is about.", field="subject_id")
    if command.name != safe_name(command.name):
        raise HostileName("Name the document without folders and without hidden signs.", field="name")
    if command.media_type not in BEGINS:
        raise ForeignForm(f"Documents of {command.media_type} are not filed.", field="media_type")
    if not is_what_it_says(command.content, command.media_type):
        raise ForeignForm(f"These bytes are not of {command.media_type}.", field="content")
    subject = (
        None
        if command.subject_kind is None or command.subject_id is None
        else (command.subject_kind, command.subject_id)
    )
    document = await file_document(
        attempt,
        kind=command.kind,
        content=command.content,
        media_type=command.media_type,
        name=command.name,
        retention=KEPT_AS[command.kind],
        subject=subject,
        trade_id=command.trade_id,
        origin="by hand",
    )
    return Changed(view(document), 201)
