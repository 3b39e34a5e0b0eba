"""What this process was told: a file, then the environment, frozen."""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Literal

from audit.cosignature import CosignerKey
from audit.keys import UnusableKey, passphrase_in
from audit.note import MalformedKey
from audit.signer_client import socket_of
from policies.vocabulary import Office
from service.journal import STYLES, Style

WITNESSES_MAX = 14  # a note has sixteen signature lines; two are the log's while its key changes
DRAIN_SECONDS_MAX = 300
SILENCE_SECONDS_MIN, SILENCE_SECONDS_MAX = 60, 86_400
PORT_MAX = 65_535
DATABASE_SECONDS_MAX = 3_600
KNOWN = frozenset(
    {
        "demo",
        "host",
        "port",
        "origin",
        "entity_name",
        "entity_lei",
        "schemas",
        "signer",
        "quorum",
        "silence_seconds",
        "drain_seconds",
        "witness",
        "mail",
        "database_seconds",
        "front",
        "one_process",
        "clock",
        "journal",
        "metrics",
    }
)
DEMO_LEI = "529900DEMO00TRENNW29"


@dataclass(frozen=True, slots=True)
class WitnessAt:
    """A witness of the log: where it answers, and its key under its name."""

    url: str
    key: CosignerKey


@dataclass(frozen=True, slots=True, kw_only=True)
class MailAt:
    """The mail server that takes the back office's messages; ``sender`` is its own box."""

    host: str
    port: int
    sender: str
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str | None = None
    password: str | None = field(default=None, repr=False)


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
    schemas: Path | None = None  # where message schemas were dropped in, if not in the data folder
    signer: str | None = None  # where a signer of its own listens (unix:/path); else this process signs
    key_passphrase: bytes | None = field(default=None, repr=False)  # of the key files
    witnesses: tuple[WitnessAt, ...] = ()
    quorum: int | None = None  # so many of the witnesses cosign every checkpoint
    mail: MailAt | None = None  # else no message leaves by mail
    drain_seconds: int = 0  # so long an ending node goes on answering, for others to notice that it ends
    silence_seconds: int = 900  # so long may signer or witnesses be away before high risks wait for them
    database_seconds: int = 60  # so long may the database take for one statement
    front: str | None = None  # the address of what speaks TLS before this service
    one_process: bool = False  # whether it is accepted that one user of the system holds every office's login
    clock: Literal["kernel", "elsewhere"] = "kernel"  # who knows whether the machine's clock is kept
    journal: Style = "quiet"  # how the process tells of its requests
    metrics: tuple[str, int] | None = None  # where Prometheus asks

    @property
    def log_directory(self) -> Path:
        """Where checkpoint, tiles and entry bundles stand."""
        return self.data / "log"

    @property
    def schema_directory(self) -> Path:
        """Where the schemas of payment messages lie, dropped in by whoever runs the bank."""
        return self.schemas or self.data / "schemas"

    @property
    def outbox_directory(self) -> Path:
        """Where the back office's messages wait for counterparties: a folder each."""
        return self.data / "post" / "out"

    @property
    def payment_directory(self) -> Path:
        """Where payment messages wait for the banks that keep our accounts: a folder each, named by its BIC."""
        return self.data / "post" / "payments"

    @property
    def inbox_directory(self) -> Path:
        """Where counterparties put theirs: a folder each, named as master data names the sender."""
        return self.data / "post" / "in"

    @property
    def public_key_file(self) -> Path:
        """The log's verifier key, for anyone."""
        return self.data / "log-key.pub"

    @property
    def private_key_file(self) -> Path:
        """The log's first signing key (0600), unless a signer of its own keeps it; later keys lie beside it."""
        return self.data / "keys" / "log-key.pem"

    @property
    def node_key_file(self) -> Path:
        """The key that signs receipts where a signer of its own keeps the log's (0600)."""
        return self.data / "keys" / "node-key.pem"

    @property
    def node_certificate_file(self) -> Path:
        """The log's word that receipts signed by the node's key are its own."""
        return self.data / "keys" / "node-key.certificate"

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
    try:
        told = tomllib.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    except ValueError as unreadable:  # no UTF-8, or no TOML
        raise BadSettings(f"{file}: {unreadable}") from unreadable
    if unknown := set(told) - KNOWN:
        sentence = f"{file}: unknown setting {', '.join(sorted(unknown))}"
        raise BadSettings(sentence)
    opened = environment.get("TRENNWAND_BUSINESS_DATE")
    password = environment.get("TRENNWAND_DEMO_PASSWORD")
    demo = told["demo"] = _is_demo(told.get("demo", True), environment.get("TRENNWAND_MODE"))
    if not demo and (opened or password):
        sentence = "TRENNWAND_BUSINESS_DATE and TRENNWAND_DEMO_PASSWORD are for the demo bank only"
        raise BadSettings(sentence)
    try:
        business_date = date.fromisoformat(opened) if opened else None
    except ValueError:
        sentence = f"TRENNWAND_BUSINESS_DATE is {opened!r}; it must be a date such as 2026-10-28"
        raise BadSettings(sentence) from None
    schemas = environment.get("TRENNWAND_SCHEMAS") or told.get("schemas")
    told["schemas"] = None if schemas is None else Path(str(schemas))
    passphrase = _signing_in(told, environment)
    witnesses = _witnessing_in(told, demo=demo)
    mail = _mail_in(told.pop("mail", None), demo=demo)
    _watching_in(told, environment, demo=demo)
    drain = told.get("drain_seconds", 0)
    if type(drain) is not int or not 0 <= drain <= DRAIN_SECONDS_MAX:
        raise BadSettings(f"drain_seconds is {drain!r}; it must be a number from 0 to {DRAIN_SECONDS_MAX}")
    return Settings(
        data=data,
        witnesses=witnesses,
        mail=mail,
        database_url=asyncpg_url(environment["DATABASE_URL"]) if environment.get("DATABASE_URL") else None,
        office_urls={
            office: asyncpg_url(url)
            for office in Office
            if (url := environment.get(f"DATABASE_URL_{office.name}"))
        },
        demo_password=password,
        business_date=business_date,
        key_passphrase=passphrase,
        **told,
    )


def _is_demo(said: object, mode: str | None) -> bool:
    """Return whether this is a demo bank: the environment's word counts before the file's. Raises BadSettings."""
    if mode not in (None, "demo", "production"):
        raise BadSettings(f"TRENNWAND_MODE is {mode!r}; it must be demo or production")
    return bool(said) if mode is None else mode == "demo"


def _watching_in(told: dict[str, Any], environment: Mapping[str, str], *, demo: bool) -> None:
    """Settle what the process tells of itself and where it is asked. Raises BadSettings."""
    style = environment.get("TRENNWAND_JOURNAL") or told.get("journal") or ("quiet" if demo else "json")
    if style not in STYLES:
        raise BadSettings(f"journal is {style!r}; it must be {', '.join(STYLES)}")
    if told.get("clock", "kernel") not in ("kernel", "elsewhere"):
        raise BadSettings(f"clock is {told['clock']!r}; it must be kernel or elsewhere")
    if type(told.get("one_process", False)) is not bool or not isinstance(told.get("front", ""), str):
        raise BadSettings(
            "one_process is true or false, and front an address such as https://trennwand.example"
        )
    seconds = told.get("database_seconds", 60)
    if type(seconds) is not int or not 1 <= seconds <= DATABASE_SECONDS_MAX:
        raise BadSettings(
            f"database_seconds is {seconds!r}; it must be a number from 1 to {DATABASE_SECONDS_MAX}"
        )
    told["journal"] = style
    place = environment.get("TRENNWAND_METRICS") or told.get("metrics")
    if place is not None:
        host, _, port = str(place).rpartition(":")
        if not host or not port.isascii() or not port.isdigit() or int(port) > PORT_MAX:
            raise BadSettings(
                f"metrics is {place!r}; it must be an address and a port such as 127.0.0.1:9464"
            )
        told["metrics"] = host.strip("[]"), int(port)


def witnesses_in(told: object) -> tuple[WitnessAt, ...]:
    """Read the tables ``[[witness]]``: name, url and key of each. Raises BadSettings."""
    if not isinstance(told, list) or len(told) > WITNESSES_MAX:
        raise BadSettings(f"witness is a list of at most {WITNESSES_MAX} tables")
    found = []
    for one in told:
        if not isinstance(one, dict) or one.keys() != {"name", "url", "key"}:
            raise BadSettings("each [[witness]] has a name, a url and a key")
        try:
            key = CosignerKey.parse(str(one["key"]))
        except MalformedKey as broken:
            raise BadSettings(f"the key of the witness {one['name']!r} is none: {broken}") from broken
        if key.name != one["name"] or not str(one["url"]).startswith(("http://", "https://")):
            raise BadSettings(
                f"the witness {one['name']!r} has the key of {key.name!r}, or a url that is none"
            )
        found.append(WitnessAt(str(one["url"]), key))
    if len({one.key.public.public_bytes_raw() for one in found}) != len(found):
        raise BadSettings("two witnesses have one key")
    return tuple(found)


def _mail_in(told: object, *, demo: bool) -> MailAt | None:
    """Read the table ``[mail]``. Raises BadSettings; production sends nothing unencrypted."""
    if told is None:
        return None
    must, may = {"host", "port", "sender"}, {"security", "username", "password"}
    if not isinstance(told, dict) or not must <= told.keys() <= must | may:
        raise BadSettings(f"[mail] has {', '.join(sorted(must))} and may have {', '.join(sorted(may))}")
    security = told.get("security", "starttls")
    if security not in ("starttls", "tls", "none") or not (demo or security != "none"):
        raise BadSettings("security of [mail] is starttls or tls; none is for the demo bank only")
    return MailAt(**told)


def _signing_in(told: dict[str, Any], environment: Mapping[str, str]) -> bytes | None:
    """Settle who signs the log; return the passphrase of the key files. Raises BadSettings."""
    told["signer"] = environment.get("TRENNWAND_SIGNER") or told.get("signer")
    try:
        if told["signer"] is not None:
            socket_of(str(told["signer"]))
        return passphrase_in(environment)
    except (UnusableKey, ValueError) as wrong:
        raise BadSettings(str(wrong)) from wrong


def _witnessing_in(told: dict[str, Any], *, demo: bool) -> tuple[WitnessAt, ...]:
    """Settle who witnesses the log, how many of them must, and how long they may be away. Raises BadSettings."""
    witnesses = witnesses_in(told.pop("witness", []))
    quorum = told.setdefault("quorum", len(witnesses) or None)
    if quorum is not None and (type(quorum) is not int or not 1 <= quorum <= len(witnesses)):
        raise BadSettings(
            f"quorum is {quorum!r}; it must be a number from 1 to that of the witnesses, {len(witnesses)}"
        )
    silence = told.get("silence_seconds", 900)
    if type(silence) is not int or not SILENCE_SECONDS_MIN <= silence <= SILENCE_SECONDS_MAX:
        raise BadSettings(f"silence_seconds is {silence!r}; it must be a number from 60 to 86400")
    if witnesses and not demo and told["signer"] is None:
        raise BadSettings("a witnessed log has a signer of its own: name it by `signer`")
    return witnesses


def asyncpg_url(url: str) -> str:
    """Return the URL with SQLAlchemy's name of the driver."""
    for prefix in ("postgresql://", "postgres://"):
        if url.startswith(prefix):
            return "postgresql+asyncpg://" + url.removeprefix(prefix)
    return url
