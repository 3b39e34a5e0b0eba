"""Where the published files are."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def folder() -> Path:
    named = os.environ.get("ACCEPTANCE_DATA")
    if not named:
        reason = "ACCEPTANCE_DATA is not set: the third-party files are not part of this project"
        print(reason)
        pytest.skip(reason)
    return Path(named)
