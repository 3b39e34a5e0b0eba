"""What the service is made of: a bill of materials (CycloneDX) from the lock files, and whether every licence is one we may use.

    python scripts/_sbom.py            write the bill to standard output
    python scripts/_sbom.py --check    check the licences, print what is wrong, end with 1 if anything is

Nothing is asked of the network: names, versions and hashes come from the lock files, licences from what is installed.
What is not installed on this platform, or does not say its licence in SPDX's words, has a row in licences.csv.
"""

import base64
import csv
import hashlib
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from license_expression import ExpressionError, get_spdx_licensing
from packageurl import PackageURL

ROOT = Path(__file__).parents[1]
ROWS = ROOT / "scripts" / "licences.csv"
LOCKS = {
    "requirements.lock": ComponentScope.REQUIRED,
    "requirements-dev.lock": ComponentScope.EXCLUDED,
    "tests/bench_peers/requirements.lock": ComponentScope.EXCLUDED,
}
"""What runs in service, then what only tests and builds, then what benchmarks compare with."""
NPM_LOCKS = ("package-lock.json", "tests/browser/package-lock.json")
ALLOWED = frozenset(
    {
        "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MIT-0", "PSF-2.0", "PostgreSQL", "Python-2.0", "Unlicense",
        "MPL-2.0",  # copyleft of the file: we change none of theirs
    }
)  # fmt: skip
USED_AS_IT_COMES = frozenset({"LGPL-2.1-or-later", "LGPL-3.0-only"})
"""Copyleft of the library: allowed while it is installed beside ours, unchanged, and can be exchanged."""
SPDX = get_spdx_licensing()
CLASSIFIERS = {
    "Apache Software License": "Apache-2.0",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
"""Classifiers that name one licence; "BSD License" names none."""
LONGEST = 120  # characters of an expression; more is the text of a licence
LOCKED = re.compile(r"(?P<name>[A-Za-z0-9._-]+)(\[[^]]*\])?==(?P<version>[^ ;\\]+)")
SHA256 = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True)
class Part:
    """Something we use: where it comes from, its version, its hashes, its licence if it tells one."""

    kind: str  # pypi, npm
    name: str
    version: str
    hashes: tuple[str, ...]
    scope: ComponentScope
    licence: str | None

    @property
    def label(self) -> str:
        """Return how it is called in a sentence."""
        return f"{self.name} {self.version} ({self.kind})"


def python_parts(rows: dict[str, str]) -> Iterator[Part]:
    """Yield what the lock files of Python name, each version once, in the scope that reaches furthest."""
    seen = set()
    for lock, scope in LOCKS.items():
        for block in re.split(r"\n(?=\S)", (ROOT / lock).read_text(encoding="utf-8")):
            found = LOCKED.match(block)
            if found is None:
                continue
            name, version = found["name"].lower(), found["version"]
            if (name, version) not in seen:
                seen.add((name, version))
                told = rows.get(name) or licence_told(name)
                yield Part("pypi", name, version, tuple(SHA256.findall(block)), scope, told)


def npm_parts() -> Iterator[Part]:
    """Yield what the lock files of the pages and of the tests' browser name."""
    for lock in NPM_LOCKS:
        told = json.loads((ROOT / lock).read_text(encoding="utf-8"))
        for path, one in told["packages"].items():
            if path:
                digest = base64.b64decode(one["integrity"].removeprefix("sha512-")).hex()
                scope = ComponentScope.EXCLUDED if one.get("dev") else ComponentScope.REQUIRED
                name = path.rpartition("node_modules/")[2]
                yield Part("npm", name, one["version"], (digest,), scope, one.get("license"))


def licence_told(name: str) -> str | None:
    """Return the licence that an installed package tells in SPDX's words; None if it tells none."""
    try:
        told = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return None
    for said in (told.get("License-Expression"), told.get("License")):
        if said and is_spdx(said):
            return said
    classes = [
        one.rpartition(" :: ")[2] for one in told.get_all("Classifier") or () if one.startswith("License")
    ]
    known = {CLASSIFIERS[one] for one in classes if one in CLASSIFIERS}
    return known.pop() if len(known) == 1 and "BSD License" not in classes else None


def is_spdx(said: str) -> bool:
    """Tell whether a text is an expression of licences that SPDX knows."""
    try:
        return len(said) < LONGEST and not SPDX.validate(said.strip()).errors
    except ExpressionError:
        return False


def is_allowed(expression: str) -> bool:
    """Tell whether an expression lets us use what is under it: one of several by choice, all of several together."""
    parsed = SPDX.parse(expression)
    licences = ALLOWED | USED_AS_IT_COMES

    def holds(node: object) -> bool:
        parts = [holds(one) for one in getattr(node, "args", ())]
        if parts:
            return any(parts) if type(node).__name__ == "OR" else all(parts)
        return str(node) in licences

    return holds(parsed)


def rows_told() -> dict[str, str]:
    """Return the licences of what does not tell its own, by name."""
    with ROWS.open(encoding="utf-8", newline="") as stream:
        return {row["name"]: row["licence"] for row in csv.DictReader(stream, skipinitialspace=True)}


def wrong(parts: list[Part], rows: dict[str, str]) -> Iterator[str]:
    """Yield what keeps us from using a part, and rows that nothing needs."""
    for part in parts:
        if part.licence is None:
            yield f"{part.label} tells no licence in SPDX's words: look it up and give it a row in {ROWS.name}"
        elif not is_spdx(part.licence):
            yield f"{part.label}: {part.licence} is no expression of SPDX"
        elif not is_allowed(part.licence):
            yield f"{part.label} is under {part.licence}, which is not allowed here"
    for name in sorted(rows.keys() - {part.name for part in parts}):
        yield f"{ROWS.name} has a row for {name}, which no lock file names"
    for name in sorted(name for name, said in rows.items() if licence_told(name) == said):
        yield f"{ROWS.name} has a row for {name}, which tells its licence itself"


def bill(parts: list[Part]) -> str:
    """Return the bill of materials as CycloneDX JSON; the same lock files give the same serial number."""
    bom = Bom()
    digest = hashlib.sha256(b"".join((ROOT / lock).read_bytes() for lock in (*LOCKS, *NPM_LOCKS))).hexdigest()
    bom.serial_number = uuid5(NAMESPACE_URL, f"urn:trennwand:locks:{digest}")
    ours = Component(
        name="trennwand",
        version=own_version(),
        type=ComponentType.APPLICATION,
        bom_ref="trennwand",
    )
    bom.metadata.component = ours
    licences = LicenseFactory()
    for part in parts:
        algorithm = HashAlgorithm.SHA_256 if part.kind == "pypi" else HashAlgorithm.SHA_512
        namespace, _, name = part.name.rpartition("/")
        bom.components.add(
            Component(
                name=name,
                group=namespace or None,
                version=part.version,
                type=ComponentType.LIBRARY,
                scope=part.scope,
                bom_ref=f"{part.kind}:{part.name}@{part.version}",
                purl=PackageURL(part.kind, namespace or None, name, part.version),
                hashes=[HashType(alg=algorithm, content=one) for one in part.hashes],
                licenses=[licences.make_from_string(part.licence)] if part.licence else [],
            )
        )
    bom.register_dependency(ours, [one for one in bom.components if one.scope is ComponentScope.REQUIRED])
    return JsonV1Dot6(bom).output_as_string(indent=2)


def own_version() -> str:
    """Return our own version, as pyproject.toml has it."""
    found = re.search(
        r'^version = "([^"]+)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert found is not None
    return found[1]


def main() -> int:
    """Check, or write the bill; a bill of what may not be used is not written."""
    rows = rows_told()
    parts = [*python_parts(rows), *npm_parts()]
    if trouble := list(wrong(parts, rows)):
        print(*trouble, sep="\n", file=sys.stderr)
        return 1
    if sys.argv[1:] == ["--check"]:
        print(f"{len(parts)} parts, every licence known and allowed")
        return 0
    print(bill(parts))
    return 0


if __name__ == "__main__":
    sys.exit(main())
