"""XML messages: a root, read as the importers read theirs, and written in one fixed form."""

from collections.abc import Iterator
from typing import Any, Final

from lxml import etree

from service.importing.rows import RowRefused, UnreadableFile
from service.importing.xml_tree import Node, Repeated, read_tree
from service.messages.terms import BYTES_MAX, Unreadable

ELEMENTS_MAX: Final = 200_000
"""A statement of ten megabytes has fewer."""


def looks_like_xml(content: bytes) -> bool:
    """Tell whether the bytes begin as a document does, in whatever encoding."""
    return content[:64].lstrip(b"\xef\xbb\xbf\xfe\xff\x00 \t\r\n").startswith(b"<")


def read_root(content: bytes) -> Node:
    """Return the root of a document. Raises Unreadable."""
    try:
        return read_tree(content, bytes_max=BYTES_MAX, elements_max=ELEMENTS_MAX)
    except UnreadableFile as unreadable:
        raise as_unreadable(unreadable) from unreadable


def as_unreadable(wrong: UnreadableFile | RowRefused | Repeated) -> Unreadable:
    """Say as a message's refusal what the importers' readers found."""
    match wrong:
        case UnreadableFile():
            where = "document" if wrong.line is None else f"line {wrong.line}"
            return Unreadable(where, wrong.sentence)
        case RowRefused():
            return Unreadable(wrong.field or "document", wrong.sentence)
        case _:
            return Unreadable(wrong.name, "stands twice where one can")


def namespace_of(root: Node) -> tuple[str, str]:
    """Return the namespace and the plain name of an element."""
    namespace, _, name = root.name.rpartition(" ")
    return namespace, name


def the(node: Node, *path: str) -> Node:
    """Return the only element at a path below another. Raises Unreadable."""
    found = maybe(node, *path)
    if found is None:
        raise Unreadable(path[-1], f"missing in {namespace_of(node)[1]}")
    return found


def maybe(node: Node, *path: str) -> Node | None:
    """Return the only element at a path below another, or None. Raises Unreadable."""
    at: Node | None = node
    for name in path:
        if at is None:
            return None
        try:
            at = at.one(name)
        except Repeated as twice:
            raise as_unreadable(twice) from twice
    return at


def text(node: Node, *path: str) -> str | None:
    """Return the text at a path, or None where nothing stands there. Raises Unreadable."""
    found = maybe(node, *path)
    return None if found is None else found.text or None


def every(node: Node, *path: str) -> Iterator[Node]:
    """Yield all elements at a path, through every element on the way."""
    if not path:
        yield node
        return
    for child in node.all(path[0]):
        yield from every(child, *path[1:])


def written(root: Any) -> bytes:
    """Return a document as bytes: UTF-8, two blanks a level, the same for the same tree."""
    etree.indent(root, space="  ")
    body: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8")
    return body + b"\n"
