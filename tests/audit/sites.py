"""The verifier with one line of it taken out: every place where it reports or refuses something, one after the other.

`python -m tests.audit.sites` breaks each place in turn and runs the tests of the verifier; it prints which test noticed,
or SURVIVED. As a plugin of pytest (`-p tests.audit.sites`, with `module:line` in AUDIT_SITE) it breaks one run.
"""

import argparse
import ast
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODULES = (
    *("bundle", "checkpoint", "contents", "cosignature", "entry", "facts", "history", "keyring", "memory"),
    *("merkle", "note", "opening", "pack", "policy", "ranges", "receipt", "reconcile", "records", "rhythm"),
    *("rows", "scan", "tiles", "verify"),
)
LIKELY = {
    "bundle": ("test_bundles",),
    "contents": ("test_bundles",),
    "pack": ("test_bundles",),
    "rows": ("test_bundles", "test_reconcile"),
    "ranges": ("test_bundles",),
    "reconcile": ("test_reconcile",),
    "records": ("test_incremental",),
    "rhythm": ("test_rhythm",),
    "keyring": ("test_keyring",),
    "cosignature": ("test_witness",),
    "policy": ("test_witness",),
    "note": ("test_notes",),
    "checkpoint": ("test_notes",),
    "receipt": ("test_receipts",),
    "entry": ("test_entry",),
    "facts": ("test_entry", "test_fuzz"),
    "merkle": ("test_merkle",),
    "tiles": ("test_tiles", "test_tampering_with_files"),
    "memory": ("test_verify",),
}
# What stops a mistake of our own writer, not a forger: no test of the verifier can meet it.
WRITERS = frozenset(("TileWriter", "PackWriter", "Draft"))


@dataclass(frozen=True)
class Site:
    """One statement that reports or refuses."""

    module: str
    line: int
    text: str


class _Sites(ast.NodeTransformer):
    """Find the sites of a module; take out the one at ``line``."""

    def __init__(self, line: int | None = None) -> None:
        self.line = line
        self.found: list[tuple[int, str]] = []

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        return node if node.name in WRITERS else self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        reports = isinstance(node.value, ast.Call) and isinstance(node.value.func, ast.Attribute)
        if reports and node.value.func.attr == "find":
            return self._site(node)
        if reports and node.value.func.attr == "append" and "Finding" in ast.unparse(node):
            return self._site(node)
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        return self._site(node) if ast.unparse(node.target).endswith("findings") else node

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        return node if node.exc is None or isinstance(node.exc, ast.Name) else self._site(node)

    def visit_Return(self, node: ast.Return) -> ast.AST:
        if isinstance(node.value, ast.List) and "Finding(" in ast.unparse(node):
            return self._site(node, ast.Return(ast.List([], ast.Load())))
        return node

    def _site(self, node: ast.stmt, instead: ast.stmt | None = None) -> ast.AST:
        self.found.append((node.lineno, ast.unparse(node).replace("\n", " ")[:90]))
        if node.lineno != self.line:
            return node
        return ast.copy_location(ast.fix_missing_locations(instead or ast.Pass()), node)


def sites(modules: Sequence[str] = MODULES) -> Iterator[Site]:
    """List every place."""
    for module in modules:
        path = ROOT / "audit" / f"{module}.py"
        if path.exists():
            finder = _Sites()
            finder.visit(ast.parse(path.read_bytes()))
            yield from (Site(module, line, text) for line, text in finder.found)


class _Broken(SourceFileLoader):
    """Loads a module without one of its lines."""

    line = 0

    def source_to_code(self, data: bytes, path: str, **_: object) -> object:  # type: ignore[override]
        tree = _Sites(self.line).visit(ast.parse(data))
        return compile(ast.fix_missing_locations(tree), path, "exec")

    def get_code(self, _: str) -> object:  # type: ignore[override]
        return self.source_to_code(self.get_data(self.path), self.path)


class _Breaker(MetaPathFinder):
    def __init__(self, module: str, line: int) -> None:
        self.name, self.line = f"audit.{module}", line

    def find_spec(self, fullname: str, path: object, _: object = None) -> ModuleSpec | None:
        if fullname != self.name:
            return None
        spec = PathFinder.find_spec(fullname, path)  # type: ignore[arg-type]
        assert spec is not None
        assert spec.origin is not None
        loader: Loader = _Broken(fullname, spec.origin)
        loader.line = self.line  # type: ignore[attr-defined]
        spec.loader = loader
        return spec


def break_this_run() -> None:
    """Break the module named in the environment. At import: conftest.py imports the verifier before any hook runs."""
    module, _, line = os.environ.get("AUDIT_SITE", "").partition(":")
    if module:
        assert f"audit.{module}" not in sys.modules, "too late to break it"
        sys.meta_path.insert(0, _Breaker(module, int(line)))


break_this_run()


def noticed_by(site: Site) -> str | None:
    """Run the tests without the site; return the first test that fails, None if all pass."""
    tests = sorted((ROOT / "tests" / "audit").glob("test_*.py"))
    likely = (*LIKELY.get(site.module, ()), "test_tampering", "test_mutations", "test_verify")
    order = {name: number for number, name in reversed(list(enumerate(likely)))}
    tests.sort(key=lambda path: (order.get(path.stem, len(order)), path.stem))
    # They run programs of their own, which are whole.
    left_out = ("test_single_file", "test_matrix", "test_signer_process")
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
    done = subprocess.run(
        [*command, "-p", "tests.audit.sites", *(str(path) for path in tests if path.stem not in left_out)],
        env=os.environ | {"AUDIT_SITE": f"{site.module}:{site.line}"},
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    if done.returncode == 0:
        return None
    told = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    assert told, done.stdout[-2000:] + done.stderr[-2000:]
    return told[0].split(" - ")[0]


def main() -> int:
    """Break every place in turn and say who noticed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="*", default=MODULES)
    parser.add_argument("--list", action="store_true", help="only list the places")
    parser.add_argument("--jobs", type=int, default=1)
    asked = parser.parse_args()
    places = list(sites(asked.modules))
    if asked.list:
        print(*(f"{place.module}:{place.line} {place.text}" for place in places), sep="\n")
        return 0
    began, survived = time.monotonic(), []
    with ThreadPoolExecutor(asked.jobs) as pool:
        for place, noticed in zip(places, pool.map(noticed_by, places), strict=True):
            print(f"{place.module}:{place.line} {noticed or 'SURVIVED: ' + place.text}", flush=True)
            survived += [] if noticed else [f"{place.module}:{place.line}"]
    told = {"places": len(places), "noticed": len(places) - len(survived), "survived": survived}
    print(json.dumps(told | {"seconds": round(time.monotonic() - began)}))
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main())
