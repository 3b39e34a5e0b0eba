"""No template says a word that is not translated."""

import html
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from jinja2 import nodes

from service.page_frame import templates

SERVICE = Path(__file__).parents[2] / "service"
TEMPLATES = sorted(
    str(file.relative_to(SERVICE))
    for file in SERVICE.rglob("templates/*.html")
    if "messages" not in file.parts
)
"""Letters to counterparties (messages) are written in the counterparty's own language."""
SPOKEN = ("aria-label", "title", "placeholder", "alt")
OURS = {"Trennwand", "Enter", "Esc", "Ctrl", "EUR", "UTC", "SHA", "bp", "Id", "LEI", "BIC", "UETR", "ISO"}
"""Names, units and keys: the same in every language."""
WORD = re.compile(r"[^\W\d_]{2,}")


def parts_of(template: str) -> Iterator[tuple[str, str]]:
    """Yield the template's own characters, with a mark wherever something is put in; and strings it puts in as they are."""
    source = (SERVICE / template).read_text(encoding="utf-8")
    tree = templates().parse(source)
    text = []
    for output in tree.find_all(nodes.Output):
        for node in output.nodes:
            if isinstance(node, nodes.TemplateData):
                text.append(node.data)
            else:
                text.append("\x00")
    yield "text", "".join(text)
    for output in tree.find_all(nodes.Output):
        for node in output.nodes:
            yield from (("put in", said) for said in said_as_it_is(node))


def said_as_it_is(node: nodes.Node) -> Iterator[str]:
    """Yield the strings an expression may put into the page without translating them."""
    if isinstance(node, nodes.Const) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, nodes.CondExpr):
        for side in (node.expr1, node.expr2):
            if side is not None:
                yield from said_as_it_is(side)
    elif isinstance(node, nodes.Concat):
        for one in node.nodes:
            yield from said_as_it_is(one)
    elif isinstance(node, (nodes.Or, nodes.And)):
        yield from said_as_it_is(node.left)
        yield from said_as_it_is(node.right)


def unspoken(markup: str) -> list[str]:
    """Return the words that a reader would see or hear in markup."""
    markup = re.sub(r"<(code|kbd|pre)\b.*?</\1>", " ", markup, flags=re.DOTALL)
    heard = re.findall(rf'\b(?:{"|".join(SPOKEN)})="([^"]*)"', markup)
    seen = re.sub(r'<[^>]*>|\b[a-z-]+="[^"]*"', " ", markup)  # a macro may hold attributes alone
    return [
        word
        for text in (seen, *heard)
        for word in WORD.findall(html.unescape(re.sub(r"&[a-z]+;", " ", text)))
        if word not in OURS
    ]


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_template_says_nothing_of_its_own(template: str) -> None:
    for kind, text in parts_of(template):
        if kind == "text":
            assert unspoken(text) == [], template


def test_a_word_of_a_templates_own_is_found() -> None:
    tree = '<p title="a hint">{{ _("said") }} and <b>more</b> <code>x</code></p>'
    assert unspoken(tree.replace('{{ _("said") }}', "\x00")) == ["and", "more", "hint"]


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_template_calls_nothing_of_its_own_by_a_name_of_the_frame(template: str) -> None:
    tree = templates().parse((SERVICE / template).read_text(encoding="utf-8"))
    given = {name.name for name in tree.find_all(nodes.Name) if name.ctx == "store"}
    assert given & {"_", "asset", "cell", "fmt", "page", "parts", "say", "words"} == set()
