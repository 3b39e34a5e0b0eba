"""The frozen picture of the policy: whoever changes a cell redraws it and shows the change in review."""

from pathlib import Path

from policies.policy import Policy
from policies.report import matrix
from policies.vocabulary import Action

GOLDEN = Path(__file__).with_name("matrix.txt")


def test_the_policy_is_the_one_in_the_golden_matrix(policy: Policy) -> None:
    assert matrix(policy) == GOLDEN.read_text(encoding="utf-8"), "redraw: python -m policies matrix --write"


def test_the_golden_matrix_shows_every_cell_the_denials_too(policy: Policy) -> None:
    words = GOLDEN.read_text(encoding="utf-8").split()
    assert words.count("yes") + words.count(".") == len(policy.roles) * len(Action)
    assert words.count("yes") == len(policy.cells)
