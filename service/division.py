"""A bank divided into the parts of its offices: a directory for each, with what its process needs and nothing more.

    offices/<office>/login              the office's database address with its password, 0600
                     log-key.pub        the key everybody pins
                     keys/node-key.*    a key of its own for receipts, with the log's word for it, 0600
                     trennwand.toml     the settings that are no secret
                     log, documents,    compliance and internal audit only, who read everything:
                     policies           links to the bank's own

The log's office keeps the log's files and its signing key where the bank has them; its directory holds the login.
A directory can be moved to another machine or given to another user of the system; the rest stays behind.
"""

import json
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from audit import files, keys
from audit.note import SigningKey
from audit.signer import FileSigner
from policies.vocabulary import Office
from service import bank as banks
from service.settings import BadSettings, Settings, asyncpg_url, load

LOGIN: Final = "login"
ROUTER: Final = "router"
READERS: Final = (Office.COMPLIANCE, Office.INTERNAL_AUDIT)
READ: Final = ("log", "documents", "policies")
TOLD: Final = (
    "demo",
    "origin",
    "entity_name",
    "entity_lei",
    "host",
    "port",
    "silence_seconds",
    "front",
    "clock",
    "journal",
)
DATABASE: Final = "DATABASE_URL"


class NotDivided(BadSettings):
    """There is no part of this office here yet."""


def directory_of(data: Path, office: Office) -> Path:
    """Return where the part of an office lies."""
    return data / "offices" / office.value


def divide(settings: Settings, urls: Mapping[Office, str]) -> None:
    """Write each office's directory anew; keys that are there are kept.

    Raises audit.keys.UnusableKey, BadSettings.
    """
    _tell(settings, settings.data / "offices" / ROUTER)
    for office, url in urls.items():
        place = directory_of(settings.data, office)
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        files.replace(place / LOGIN, url.encode(), place, files.OWNER_ONLY)
        if office is Office.LOG:
            continue
        _tell(settings, place)
        _give_receipt_key(settings, replace(settings, data=place))
        for name in READ if office in READERS else ():
            (settings.data / name).mkdir(exist_ok=True)
            if not (place / name).exists():
                (place / name).symlink_to(Path("..", "..", name))


def _tell(settings: Settings, place: Path) -> None:
    """Put into a part's directory what is no secret."""
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    shutil.copyfile(settings.public_key_file, replace(settings, data=place).public_key_file)
    said = {name: getattr(settings, name) for name in TOLD}
    told = "".join(f"{name} = {json.dumps(value)}\n" for name, value in said.items() if value is not None)
    (place / "trennwand.toml").write_text(told, encoding="utf-8")


def _give_receipt_key(settings: Settings, part: Settings) -> None:
    """Give a part a key for receipts that the log vouches for; a signer of its own vouched for one, which all share."""
    if part.node_certificate_file.exists():
        return
    part.node_key_file.parent.mkdir(exist_ok=True, mode=0o700)
    if settings.signer is not None:
        private = keys.load_private(settings.node_key_file, settings.key_passphrase)
        certificate = settings.node_certificate_file.read_bytes()
    else:
        private = keys.generate()
        node = SigningKey(f"{settings.origin}/node", private).verifier
        signer = FileSigner(banks.key_store(settings), settings.signer_state_file, settings.origin)
        certificate = signer.certify(node)
    part.node_key_file.unlink(missing_ok=True)
    keys.save_private(part.node_key_file, private, None)
    # Crash here: a key without its certificate; the next division makes both anew.
    files.replace(part.node_certificate_file, certificate, part.node_certificate_file.parent)


def part_of(
    data: Path, offices: Iterable[Office], environment: Mapping[str, str] = os.environ
) -> tuple[Settings, dict[Office, str]]:
    """Return the settings of the offices' part and each one's login, reading nothing of any other office.

    ``data`` is the bank's directory, or that of one office. Raises BadSettings, also where the environment holds
    more than this process may know.
    """
    wanted = tuple(offices)
    must_know_no_more(wanted, environment)
    places = {office: _place_of(data, office) for office in wanted}
    urls = {
        office: asyncpg_url(environment.get(f"{DATABASE}_{office.name}") or _login_in(place))
        for office, place in places.items()
    }
    if Office.LOG in wanted:
        return load(data, environment), urls
    return load(places[wanted[0]], environment), urls


def routers(data: Path, environment: Mapping[str, str] = os.environ) -> Settings:
    """Return what the router is told. Raises BadSettings."""
    must_know_no_more((), environment)
    place = data / "offices" / ROUTER
    if not place.is_dir():
        raise NotDivided(f"{data} is not divided: `trennwand divide` does it.")
    return load(place, environment)


def must_know_no_more(offices: Iterable[Office], environment: Mapping[str, str]) -> None:
    """Raise BadSettings if the environment holds another login than those of ``offices``."""
    allowed = {f"{DATABASE}_{office.name}" for office in offices}
    if more := sorted(name for name in environment if name.startswith(DATABASE) and name not in allowed):
        raise BadSettings(f"This process must not know {', '.join(more)}: take it out of its environment.")


def _place_of(data: Path, office: Office) -> Path:
    """Return the directory of an office's part: below the bank's, or ``data`` itself."""
    below = directory_of(data, office)
    return below if below.is_dir() else data


def _login_in(place: Path) -> str:
    try:
        return (place / LOGIN).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        raise NotDivided(f"{place} holds no office's part: make it with `trennwand divide`.") from None
