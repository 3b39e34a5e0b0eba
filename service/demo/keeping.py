"""What the demo bank remembers between two starts, in its data directory: its plan, first passwords, the finished day."""

import json
import shutil
from pathlib import Path
from typing import Any

import msgspec

from audit.files import OWNER_ONLY, replace
from service.demo.cast import people
from service.kernel import embedded
from service.people.authentication import one_time_password
from service.settings import Settings

MADE_HERE = ("log", "keys", "tmp", "documents", "policies", "post")
MADE_HERE_FILES = ("log-key.pub", "demo.json", "answers.jsonl")


class Remembered(msgspec.Struct, frozen=True, kw_only=True):
    """On which day the bank opened, how many deals were planned, and the days' report once they are finished."""

    opening: str
    deals: int
    one_time_passwords: bool
    report: dict[str, Any] | None = None


def recall(settings: Settings) -> Remembered | None:
    """Return what was remembered, or None at the first start."""
    file = settings.data / "demo.json"
    return msgspec.json.decode(file.read_bytes(), type=Remembered) if file.exists() else None


def remember(settings: Settings, remembered: Remembered) -> None:
    """Write it in one step."""
    replace(settings.data / "demo.json", msgspec.json.encode(remembered), settings.data / "tmp", OWNER_ONLY)


def answers_file(settings: Settings) -> Path:
    """Return where every answer of the days is kept."""
    return settings.data / "answers.jsonl"


def first_passwords(settings: Settings) -> dict[str, tuple[str, bool]]:
    """Return each account's first password and whether it is good for one use only.

    Random ones stand in a file of the owner's until they were printed, so that an interrupted first start does
    not lose them.
    """
    if settings.demo_password is not None:
        return dict.fromkeys(people(), (settings.demo_password, False))
    file = passwords_file(settings)
    if not file.exists():
        made = {account: one_time_password() for account in people()}
        replace(file, json.dumps(made).encode(), settings.data / "tmp", OWNER_ONLY)
    words: dict[str, str] = json.loads(file.read_bytes())
    return {account: (word, True) for account, word in words.items()}


def passwords_to_print(settings: Settings) -> dict[str, str]:
    """Return the one-time passwords that nobody has been told yet; none after the first finished day."""
    file = passwords_file(settings)
    return json.loads(file.read_bytes()) if file.exists() else {}


def passwords_printed(settings: Settings) -> None:
    """Forget them."""
    passwords_file(settings).unlink(missing_ok=True)


def passwords_file(settings: Settings) -> Path:
    """Return where first passwords wait to be printed."""
    return settings.data / "keys" / "first-passwords.json"


def erase(data: Path) -> None:
    """Delete the bank of this data directory: database, log, keys, documents, post. Settings stay. Raises CannotStart if it is in use."""
    embedded.erase(data)
    for name in MADE_HERE:
        shutil.rmtree(data / name, ignore_errors=True)
    for name in MADE_HERE_FILES:
        (data / name).unlink(missing_ok=True)
