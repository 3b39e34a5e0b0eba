"""The bill of materials names everything that the lock files name, and a licence nobody allowed stops the check."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "_sbom.py"


@pytest.fixture(scope="module")
def sbom() -> ModuleType:
    spec = importlib.util.spec_from_file_location("sbom", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def parts(sbom: ModuleType) -> list[object]:
    return [*sbom.python_parts(sbom.rows_told()), *sbom.npm_parts()]


def test_every_part_has_its_hashes_and_a_licence_that_is_allowed(
    sbom: ModuleType, parts: list[object]
) -> None:
    assert list(sbom.wrong(parts, sbom.rows_told())) == []
    assert all(part.hashes for part in parts)
    assert {"litestar", "bootstrap", "schemathesis", "django"} <= {part.name for part in parts}


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        ("MIT", True),
        ("Apache-2.0 AND PostgreSQL", True),
        ("GPL-3.0-only OR MIT", True),
        ("MIT AND GPL-3.0-only", False),
        ("AGPL-3.0-or-later", False),
        ("SSPL-1.0", False),
        ("LGPL-2.1-or-later", True),
    ],
)
def test_a_licence_is_used_by_choice_of_one_or_by_keeping_all(
    sbom: ModuleType,
    expression: str,
    allowed: bool,  # noqa: FBT001
) -> None:
    assert sbom.is_allowed(expression) is allowed


@pytest.mark.parametrize("licence", [None, "Some licence of our own", "AGPL-3.0-only"])
def test_an_unknown_or_forbidden_licence_stops_the_check(sbom: ModuleType, licence: str | None) -> None:
    planted = sbom.Part("pypi", "planted", "1.0", ("0" * 64,), sbom.ComponentScope.REQUIRED, licence)
    (said,) = sbom.wrong([planted], {})
    assert said.startswith("planted 1.0 (pypi)")


def test_the_bill_is_cyclonedx_and_names_what_runs_apart_from_what_tests(
    sbom: ModuleType, parts: list[object]
) -> None:
    bill = json.loads(sbom.bill(parts))
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert bill["metadata"]["component"]["name"] == "trennwand"
    scopes = {one["name"]: one["scope"] for one in bill["components"]}
    assert (scopes["litestar"], scopes["schemathesis"]) == ("required", "excluded")
    assert (scopes["htmx.org"], scopes["axe-core"]) == ("required", "excluded")
    assert len(bill["components"]) == len(parts)
    again = json.loads(sbom.bill(parts))
    assert again["serialNumber"] == bill["serialNumber"]
    assert not [one for one in bill["components"] if "://" in json.dumps(one)]
