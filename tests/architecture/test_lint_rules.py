"""The linter's bans bite where they must and spare the one place each may be used."""

import subprocess
import sys
from pathlib import Path

import pytest

CLONE = Path(__file__).parents[2]

BANNED = [
    ("service/trades/planted.py", "import casbin\n\nprint(casbin)\n", "TID251"),
    ("service/trades/planted.py", "import random\n\nSEED = random.random()\n", "TID251"),
    (
        "service/trades/planted.py",
        "from datetime import UTC, datetime\n\nNOW = datetime.now(tz=UTC)\n",
        "TID251",
    ),
    ("service/trades/planted.py", "from datetime import date\n\nTODAY = date.today()\n", "TID251"),
    ("service/trades/planted.py", "from uuid import uuid1\n\nID = uuid1()\n", "TID251"),
    ("service/trades/planted.py", "from .model import Trade\n\nT = Trade\n", "TID252"),
    ("service/trades/planted.py", "try:\n    pass\nexcept Exception:\n    pass\n", "BLE001"),
]


def codes(path: str, text: str) -> str:
    ran = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--no-cache", "--stdin-filename", path, "--output-format", "concise", "-"],
        cwd=CLONE, input=text, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return ran.stdout


@pytest.mark.parametrize(("path", "text", "code"), BANNED)
def test_a_planted_use_is_found(path: str, text: str, code: str) -> None:
    assert code in codes(path, text)


def test_casbin_is_allowed_in_the_policy_module() -> None:
    assert "TID251" not in codes("policies/policy.py", "import casbin\n\nprint(casbin)\n")
