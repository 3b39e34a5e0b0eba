from pathlib import Path

import pytest

from tests.audit.logs import Log, Story


@pytest.fixture
def story() -> Story:
    """302 entries: a genesis, a policy and 150 deals, each captured and verified."""
    told = Story()
    for number in range(150):
        told.trade(f"t-{number}")
    return told


@pytest.fixture
def log(tmp_path: Path, story: Story) -> Log:
    """The story as a log, signed in two steps: one full bundle and one of 46."""
    written = Log(tmp_path, story.lines[:200])
    written.grow(story.lines[200:])
    return written
