"""Writes service/compliance/controls.json: the tests and the refusals that are named after each control.

A test is named after the controls its name begins with: ``test_D_01_S_01_nobody_…``.
"""

import ast
import json
import re
from collections import defaultdict
from pathlib import Path

FILE = Path("service") / "compliance" / "controls.json"
NAMED = re.compile(r"test_((?:[A-Z]+_[0-9]{2}_)+)")
ONE = re.compile(r"([A-Z]+)_([0-9]{2})_")
CONTROL = re.compile(r"[A-Z]+-[0-9]{2}")


def tests() -> dict[str, list[str]]:
    """Every control with the tests named after it."""
    found = defaultdict(list)
    for path in sorted(Path("tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (named := NAMED.match(node.name)):
                for letters, digits in ONE.findall(named.group(1)):
                    found[f"{letters}-{digits}"].append(f"{path.as_posix()}::{node.name}")
    return found


def refusals() -> dict[str, set[str]]:
    """Every control with the codes of the refusals that name it in the source."""
    found = defaultdict(set)
    for path in sorted(Path("service").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                for line in node.body:
                    if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == "rule":
                        found[control_in(line.value)].add(code(node.name))
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                for word in node.keywords:
                    if word.arg == "rule":
                        found[control_in(word.value)].add(code(node.func.id))
    found.pop("", None)
    return found


def control_in(value: ast.expr) -> str:
    said = value.value if isinstance(value, ast.Constant) else None
    return said if isinstance(said, str) and CONTROL.fullmatch(said) else ""


def code(name: str) -> str:
    """The code of a refusal, as the interface tells it."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def collected() -> dict[str, dict[str, list[str]]]:
    """What the file should hold."""
    by_test, by_refusal = tests(), refusals()
    return {
        control: {
            "refusals": sorted(by_refusal.get(control, ())),
            "tests": sorted(by_test.get(control, ())),
        }
        for control in sorted({*by_test, *by_refusal})
    }


if __name__ == "__main__":
    FILE.write_text(json.dumps(collected(), indent=1) + "\n", encoding="utf-8")
