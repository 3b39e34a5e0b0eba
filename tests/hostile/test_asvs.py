"""The page about the ASVS names tests that exist, and items of the standard once."""

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "asvs.md"
ITEM = re.compile(r"\b([1-9][0-9]?\.[1-9][0-9]?\.[1-9][0-9]?) \(([123])\)")
TEST = re.compile(r"`(tests/[a-z0-9_/]+\.py)::(test_\w+)`")
CHAPTERS = 17


@cache
def functions_of(file: Path) -> frozenset[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return frozenset(
        node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )


def table() -> list[tuple[str, str, str]]:
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")][1:]
    return [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines]  # type: ignore[misc]


def test_every_line_names_an_item_a_measure_and_tests_that_exist() -> None:
    lines = table()
    assert len(lines) > 40
    for items, measure, shown in lines:
        assert ITEM.findall(items), items
        assert measure, items
        named = TEST.findall(shown)
        assert named, items
        assert shown.count("`") == 2 * len(named), shown
        for file, name in named:
            assert name in functions_of(ROOT / file), f"{items}: {file} has no {name}"


def test_no_item_stands_twice_and_none_outside_the_standard() -> None:
    items = [number for cells in table() for number, _ in ITEM.findall(cells[0])]
    assert len(items) == len(set(items))
    assert all(int(number.split(".")[0]) <= CHAPTERS for number in items)
    unmet = PAGE.read_text(encoding="utf-8").partition("## What we do not meet")[2]
    assert not [number for number in items if re.search(rf"\b{re.escape(number)}\b", unmet)]
