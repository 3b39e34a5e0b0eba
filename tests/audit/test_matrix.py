"""Every row of the tamper matrix has its test, or says why it has none."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.audit import matrix

FOUND = matrix.tests()


def test_the_matrix_has_54_rows() -> None:
    assert list(matrix.ROWS) == list(range(1, 55))


@pytest.mark.parametrize("row", matrix.ROWS)
def test_a_row_is_tested_or_says_why_it_is_open(row: int) -> None:
    assert bool(FOUND[row]) is not (row in matrix.OPEN), (row, matrix.ROWS[row], FOUND[row])


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("test_05_an_entry", [5]),
        ("test_row_53_an_entry", [53]),
        ("test_16_17_a_witness", [16, 17]),
        ("test_30_to_34_another", [30, 31, 32, 33, 34]),
        ("test_a_log", []),
        ("test_D_01_nobody", []),
        ("test_2026_the_year", []),
    ],
)
def test_the_name_of_a_test_says_its_rows(name: str, rows: list[int]) -> None:
    assert matrix.rows_of(name) == rows


def test_the_table_is_printed_for_people_and_for_programs() -> None:
    command = [sys.executable, "-m", "tests.audit.matrix"]
    root = Path(__file__).parents[2]
    people = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout
    programs = subprocess.run([*command, "--json"], cwd=root, capture_output=True, text=True, check=True)

    assert "12  the clock of a node shifted" in people
    assert "open: level L4" in people
    assert len(json.loads(programs.stdout)) == 54
