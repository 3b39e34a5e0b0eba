"""XML from strangers: one small tree of what stands in the document, and nothing from outside it.

A document type is refused, and with it every entity: there is nothing to expand, to fetch or to
count. The text must be UTF-8 whatever the document says of itself. Size, depth, elements
and attributes have limits. Comments and processing instructions are left out.
"""

import re
from typing import Final
from xml.parsers import expat

import msgspec

from service.importing.rows import UnreadableFile, shown

BYTES_MAX: Final = 1_048_576
DEPTH_MAX: Final = 64
ELEMENTS_MAX: Final = 20_000
NAME_CHARACTERS_MAX: Final = 300
"""Of a name with its namespace: every element carries its own copy, so a long one would multiply."""
_MARK: Final = b"\xef\xbb\xbf"
_SPACE: Final = re.compile(r"[ \t\r\n]+")


class Node(msgspec.Struct):
    """An element: its name (with its namespace before a blank), attributes, elements within, text."""

    name: str
    attributes: dict[str, str]
    line: int
    children: list["Node"] = []
    text: str = ""

    def all(self, name: str) -> list["Node"]:
        """Return the elements of this name directly within."""
        return [child for child in self.children if child.name == name]

    def one(self, name: str) -> "Node | None":
        """Return the only element of this name directly within, or None. Raises Repeated."""
        found = self.all(name)
        if len(found) > 1:
            raise Repeated(name)
        return found[0] if found else None


class Repeated(Exception):
    """An element stands twice where one can."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class _Builder:
    """Puts the tree together as the parser goes, and stops it at what is not allowed."""

    def __init__(self, parser: expat.XMLParserType, elements_max: int) -> None:
        self.root: Node | None = None
        self._open: list[Node] = []
        self._texts: list[list[str]] = []
        self._names: dict[str, str] = {}
        self._elements = 0
        self._elements_max = elements_max
        self._parser = parser
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._character_data
        parser.XmlDeclHandler = self._declaration
        parser.StartDoctypeDeclHandler = self._doctype
        parser.EntityDeclHandler = self._doctype
        parser.UnparsedEntityDeclHandler = self._doctype
        parser.NotationDeclHandler = self._doctype
        parser.ExternalEntityRefHandler = self._outside
        parser.SkippedEntityHandler = self._doctype

    def refuse(self, sentence: str) -> UnreadableFile:
        return UnreadableFile(sentence, line=self._parser.CurrentLineNumber)

    def _declaration(self, _version: str, encoding: str | None, _standalone: int) -> None:
        if encoding is not None and encoding.upper() not in {"UTF-8", "UTF8", "US-ASCII", "ASCII"}:
            raise self.refuse(f"The document says it is written in {shown(encoding)}; only UTF-8 is read.")

    def _doctype(self, *_about: object) -> None:
        raise self.refuse(
            "The document has a document type (DOCTYPE); a message needs none and none is read."
        )

    def _outside(self, *_about: object) -> int:
        raise self.refuse("The document refers to something outside itself; nothing is fetched.")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        if self._elements > self._elements_max or len(self._open) >= DEPTH_MAX:
            raise self.refuse(
                f"The document is too large: at most {self._elements_max:,} elements, {DEPTH_MAX} within each other."
            )
        if max(map(len, (name, *attributes))) > NAME_CHARACTERS_MAX:
            raise self.refuse(f"A name with its namespace is longer than {NAME_CHARACTERS_MAX} characters.")
        name = self._names.setdefault(name, name)
        node = Node(name, attributes, self._parser.CurrentLineNumber)
        if self._open:
            self._open[-1].children.append(node)
        else:
            self.root = node
        self._open.append(node)
        self._texts.append([])

    def _end(self, _name: str) -> None:
        self._open.pop().text = _SPACE.sub(" ", "".join(self._texts.pop())).strip(" ")

    def _character_data(self, text: str) -> None:
        self._texts[-1].append(text)


def read_tree(document: bytes, *, bytes_max: int = BYTES_MAX, elements_max: int = ELEMENTS_MAX) -> Node:
    """Return the root of a document. Raises UnreadableFile."""
    if len(document) > bytes_max:
        raise UnreadableFile(f"The document is larger than {bytes_max:,} bytes.")
    body = document.removeprefix(_MARK)
    try:
        body.decode("utf-8")
    except UnicodeDecodeError as failure:
        line = body.count(b"\n", 0, failure.start) + 1
        raise UnreadableFile("The document is not written in UTF-8.", line=line) from failure
    parser = expat.ParserCreate("utf-8", " ")
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
    parser.buffer_text = True
    builder = _Builder(parser, elements_max)
    try:
        parser.Parse(body, True)  # noqa: FBT003 - the parser's own signature
    except expat.ExpatError as failure:
        sentence = (
            f"The document is no well-formed XML: {expat.errors.messages.get(failure.code, 'it breaks off')}."
        )
        raise UnreadableFile(sentence, line=failure.lineno) from failure
    assert builder.root is not None
    return builder.root
