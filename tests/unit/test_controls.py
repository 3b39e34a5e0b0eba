"""The catalogue of controls claims no test that is not there, and leaves no control of the product out."""

import csv
import importlib.util
import re
from pathlib import Path

import pytest

from policies.policy import load
from policies.vocabulary import Action
from service.compliance.catalogue import FILE, Shown, collected, known, view

CLONE = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def drawn() -> dict[str, dict[str, list[str]]]:
    """Give what the script would write today."""
    path = CLONE / "scripts" / "_controls.py"
    spec = importlib.util.spec_from_file_location("_controls", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return dict(module.collected())


def test_every_test_that_the_catalogue_names_is_there(
    drawn: dict[str, dict[str, list[str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(CLONE)
    for control, held in collected().items():
        assert set(held["tests"]) <= set(drawn[control]["tests"]), f"{control}: run scripts/_controls.py"
    untold = {control for control, held in drawn.items() if held["tests"] and not collected().get(control)}
    assert untold == set(), "run scripts/_controls.py"


def test_every_control_says_in_both_languages_what_it_demands_and_on_what_it_stands() -> None:
    controls = known(load())
    with FILE.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["control"] for row in rows] == sorted(row["control"] for row in rows)
    assert {act for row in rows for act in row["acts"].split()} <= {action.value for action in Action}
    for control in controls.values():
        assert re.fullmatch(r"[A-Z]+-[0-9]{2}", control.control)
        assert set(control.demands) == {"en", "de"}, control
        assert control.demands["en"] != control.demands["de"], control
        assert all(control.sources), control


def test_green_takes_a_test_and_evidence() -> None:
    control = known(load())["D-01"]
    assert view(control, None)["state"] == Shown.TESTED
    control.tests = ()
    assert view(control, None)["state"] == Shown.BARE
