"""Each import contract bites: planted violations, one tree, one run of the checker, every plant found."""

import os
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest

CLONE = Path(__file__).parents[2]
PACKAGES = ("policies", "audit", "service")
CONTRACTS = tomllib.loads((CLONE / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
LAYERS = "Offices lie in layers: imports go downwards, neighbours never see each other"


@dataclass(frozen=True)
class Plant:
    """One line in one new module that the contract must find."""

    contract: str
    module: str
    line: str

    @property
    def path(self) -> Path:
        return Path(*self.module.split(".")).with_suffix(".py")


def private(contract: str) -> str | None:
    """The slice whose use cases the contract keeps private, if it is one of those."""
    return contract.split()[3] if contract.startswith("Use cases of ") else None


PLANTS = [
    Plant(LAYERS, "service.kernel.planted_upwards", "import service.gate"),
    Plant(LAYERS, "service.people.planted_sibling", "import service.market.model"),
    Plant(LAYERS, "service.trades.planted_control_right", "import service.control.model"),
    Plant(LAYERS, "service.planted_unlisted", ""),
    Plant("The policy knows nobody", "policies.planted", "import service.kernel.clock"),
    Plant("The audit log knows nobody", "audit.planted", "import policies.vocabulary"),
    Plant("Only the policy module talks to Casbin", "service.trades.planted_decision", "import casbin"),
    *(
        Plant(contract["name"], f"service.app_planted_{office}", f"import service.{office}.use_cases")
        for contract in CONTRACTS
        if (office := private(contract["name"]))
    ),
]


def lint(tree: Path) -> str:
    checker = "from importlinter.cli import lint_imports_command as lint; lint(['--no-logo', '--no-cache'])"
    environment = {**os.environ, "PYTHONPATH": str(tree), "COLUMNS": "200", "NO_COLOR": "1"}
    ran = subprocess.run(
        [sys.executable, "-c", checker],
        cwd=tree,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return ran.stdout + ran.stderr


def copied(tree: Path) -> Path:
    for package in PACKAGES:
        shutil.copytree(CLONE / package, tree / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(CLONE / "pyproject.toml", tree)
    return tree


@pytest.fixture(scope="module")
def verdict(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the checker says of the tree with everything planted."""
    tree = copied(tmp_path_factory.mktemp("planted"))
    for contract in CONTRACTS:
        if office := private(contract["name"]):  # also those that have no use cases yet
            (tree / "service" / office).mkdir(exist_ok=True)
            (tree / "service" / office / "__init__.py").touch()
            (tree / "service" / office / "use_cases.py").touch()
    for plant in PLANTS:
        (tree / plant.path).write_text(f"{plant.line}\n")
    return lint(tree)


def test_the_tree_keeps_its_contracts(tmp_path: Path) -> None:
    said = lint(copied(tmp_path))

    assert f"Contracts: {len(CONTRACTS)} kept, 0 broken." in said, said


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.module)
def test_a_planted_violation_is_found(verdict: str, plant: Plant) -> None:
    assert f"{plant.contract} BROKEN" in verdict, verdict
    assert plant.module in verdict


def test_every_contract_has_its_planted_violation() -> None:
    assert {contract["name"] for contract in CONTRACTS} == {plant.contract for plant in PLANTS}


def test_the_use_cases_of_every_slice_are_private() -> None:
    slices = {path.parent.name for path in CLONE.glob("service/*/use_cases.py")}

    assert slices <= {private(contract["name"]) for contract in CONTRACTS}
