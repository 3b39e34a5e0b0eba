"""What this process was told: a file, then the environment, frozen."""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from policies.vocabulary import Office

DEMO_LEI = "529900DEMO00TRENNW29"


@dataclass(frozen=True, slots=True)
class Settings:
    """Where things stand and how this bank runs. ``demo`` allows moving the business date; production refuses it."""

    data: Path
    demo: bool = True
    host: str = "127.0.0.1"
    port: int = 8000
    origin: str = "trennwand.demo/log"
    entity_name: str = "Demo Bank"
    entity_lei: str = DEMO_LEI
    database_url: str | None = None
    office_urls: Mapping[Office, str] = field(default_factory=dict)
    demo_password: str | None = field(default=None, repr=False)
    business_date: date | None = None

    @property
    def log_directory(self) -> Path:
        """Where checkpoint, tiles and entry bundles stand."""
        return self.data / "log"

    @property
    def public_key_file(self) -> Path:
        """The log's verifier key, for anyone."""
        return self.data / "log-key.pub"

    @property
    def private_key_file(self) -> Path:
        """The log's signing key (0600)."""
        return self.data / "keys" / "log-key.pem"

    @property
    def signer_state_file(self) -> Path:
        """What the signer signed last; it stays out of the database and its backups."""
        return self.data / "keys" / "signer-state.json"


class BadSettings(ValueError):
    """The settings cannot be used; the sentence says which one and why."""


def load(data: Path, environment: Mapping[str, str] = os.environ) -> Settings:
    """Read ``trennwand.toml`` in the data folder where it exists, then the environment.

    Raises BadSettings naming the setting.
    """
    file = data / "trennwand.toml"
    told = tomllib.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    known = {"demo", "host", "port", "origin", "entity_name", "entity_lei"}
    if unknown := set(told) - known:
        sentence = f"{file}: unknown setting {', '.join(sorted(unknown))}"
        raise BadSettings(sentence)
    opened = environment.get("TRENNWAND_BUSINESS_DATE")
    password = environment.get("TRENNWAND_DEMO_PASSWORD")
    demo = bool(told.get("demo", True))
    if not demo and (opened or password):
        sentence = "TRENNWAND_BUSINESS_DATE and TRENNWAND_DEMO_PASSWORD are for the demo bank only"
        raise BadSettings(sentence)
    try:
        business_date = date.fromisoformat(opened) if opened else None
    except ValueError:
        sentence = f"TRENNWAND_BUSINESS_DATE is {opened!r}; it must be a date such as 2026-10-28"
        raise BadSettings(sentence) from None
    return Settings(
        data=data,
        database_url=asyncpg_url(environment["DATABASE_URL"]) if environment.get("DATABASE_URL") else None,
        office_urls={
            office: asyncpg_url(url)
            for office in Office
            if (url := environment.get(f"DATABASE_URL_{office.name}"))
        },
        demo_password=password,
        business_date=business_date,
        **told,
    )


def asyncpg_url(url: str) -> str:
    """Return the URL with SQLAlchemy's name of the driver."""
    for prefix in ("postgresql://", "postgres://"):
        if url.startswith(prefix):
            return "postgresql+asyncpg://" + url.removeprefix(prefix)
    return url
