"""The policy that ships, and copies of it with one thing changed."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import policies
from policies.policy import FILES, Policy, load

SHIPPED = Path(policies.__file__).parent

Spoil = Callable[[str, str, str], Path]


@pytest.fixture(scope="session")
def policy() -> Policy:
    return load()


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A directory with the shipped policy's files."""
    for file in FILES:
        shutil.copy(SHIPPED / file, tmp_path / file)
    return tmp_path


@pytest.fixture
def spoil(copy: Path) -> Spoil:
    """Change one place of one file of a copy; the place must be there exactly once."""

    def change(file: str, find: str, replace: str) -> Path:
        text = (copy / file).read_text(encoding="utf-8")
        assert text.count(find) == 1, f"{find!r} stands {text.count(find)} times in {file}"
        (copy / file).write_text(text.replace(find, replace), encoding="utf-8", newline="")
        return copy

    return change
