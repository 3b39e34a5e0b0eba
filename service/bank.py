"""A running bank: its database, logins, policy, gate and log keeper, opened and closed as one."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from datetime import date

from audit import files, keys
from audit.note import SigningKey, VerifierKey
from audit.policy import LogPolicy
from audit.signer import FileSigner, Signer
from audit.signer_client import RemoteSigner, socket_of
from audit.signer_keys import KeyStore
from audit.tiles import TileReader, written_size
from policies.policy import Policy, load
from policies.vocabulary import Office
from service import genesis
from service.audit_trail.recovery import last_signed, must_be_whole
from service.audit_trail.sequencer import LogContradiction, LogKeeper, Publisher
from service.audit_trail.witnessing import WitnessesDiffer, Witnessing, must_be_promised
from service.brake import Brake, Silence
from service.compliance.sealing import keep_policy
from service.gate import Gate
from service.in_force import policy_in_force
from service.kernel import embedded
from service.kernel.clock import Clock, SystemClock
from service.kernel.database import Offices
from service.migrations import schema
from service.migrations.upgrade import ensure_database, upgrade
from service.part import Publish
from service.pulse import BEAT_SECONDS, Pulse
from service.settings import BadSettings, Settings
from service.totals import Totals

DATABASE = "trennwand"


@dataclass(slots=True)
class Bank:
    """Everything a face, a worker or a command line needs."""

    settings: Settings
    policy: Policy
    offices: Offices
    gate: Gate
    keeper: LogKeeper
    pulse: Pulse
    admin_url: str

    @property
    def publish(self) -> Publish:
        """Has the log signed up to now."""
        return self.keeper.step

    @property
    def failure(self) -> Exception | None:
        """Why the log is not kept just now."""
        return self.keeper.failure

    @property
    def level(self) -> str:
        """The assurance that leaf 0 promises."""
        return log_policy(self.settings).level

    def hear(self, source: str, times: int = 1) -> None:
        """Count requests that nobody signed in for."""
        self.pulse.hear(source, times)

    def silence(self) -> Silence:
        """Return how the log stands now."""
        failure, witnessing = self.keeper.failure, self.keeper.publisher.cosign
        return Silence(
            self.keeper.oldest_pending_seconds,
            witnessing.short_seconds if isinstance(witnessing, Witnessing) else 0.0,
            str(failure) if isinstance(failure, LogContradiction) else None,
        )


def open_signer(settings: Settings) -> Signer:
    """Return who signs the log: this process with its key files, or a signer of its own. Raises BadSettings."""
    if settings.signer is not None:
        return RemoteSigner(socket_of(settings.signer), public_key(settings))
    if settings.node_certificate_file.exists():
        sentence = "this bank's log has a signer of its own: name it by `signer` in trennwand.toml or TRENNWAND_SIGNER"
        raise BadSettings(sentence)
    return FileSigner(key_store(settings), settings.signer_state_file, settings.origin)


def open_publisher(settings: Settings, signer: Signer) -> Publisher:
    """Return who writes the log's files and publishes what the signer signed and enough witnesses cosigned.

    Raises LogContradiction, and BadSettings if leaf 0 promised other witnesses.
    """
    return Publisher(settings.log_directory, signer, settings.origin, open_witnessing(settings))


def open_witnessing(settings: Settings) -> Witnessing | None:
    """Return who shows the log to its witnesses, if it has any. Raises BadSettings if leaf 0 promised others."""
    directory = settings.log_directory
    if size := written_size(directory):
        first = json.loads(TileReader(directory).entry(0, size))
        try:
            must_be_promised(LogPolicy.parse(first["data"]), settings.witnesses, settings.quorum)
        except WitnessesDiffer as other:
            raise BadSettings(str(other)) from other
    if not settings.witnesses or settings.quorum is None:
        return None
    return Witnessing(directory, settings.witnesses, settings.quorum)


def open_key(settings: Settings) -> SigningKey:
    """Load the key that signs receipts: the log's newest, or the node's own. A log that has not begun gets its keys.

    Raises audit.keys.UnusableKey, SignerUnreachable, BadSettings.
    """
    if not settings.public_key_file.exists():
        _begin_keys(settings)
    if settings.signer is None:
        return key_store(settings).newest()
    name = f"{settings.origin}/node"
    return SigningKey(name, keys.load_private(settings.node_key_file, settings.key_passphrase))


def key_store(settings: Settings) -> KeyStore:
    """Return the log's key files, of a bank that signs for itself."""
    return KeyStore(settings.private_key_file, settings.origin, settings.key_passphrase)


def public_key(settings: Settings) -> VerifierKey:
    """Return the key that everybody pins. Raises audit.keys.UnusableKey."""
    key = keys.load_public(str(settings.public_key_file))
    assert isinstance(key, VerifierKey), "the log's public key has its name"
    return key


def _begin_keys(settings: Settings) -> None:
    """Make what is missing of a new log's keys; the public key comes last and says that all of it is there.

    Crash before that: nothing was signed, and the next start makes the rest.
    """
    settings.private_key_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if settings.signer is None:
        store = key_store(settings)
        if not settings.private_key_file.exists():
            store.begin()
        if not settings.signer_state_file.exists():
            FileSigner(store, settings.signer_state_file, settings.origin).begin()
        public = store.first()
    else:
        remote = RemoteSigner(socket_of(settings.signer))
        public = remote.public()
        if public.name != settings.origin:
            sentence = (
                f"the signer at {settings.signer} serves {public.name}, and this bank is {settings.origin}"
            )
            raise BadSettings(sentence)
        if not settings.node_key_file.exists():
            keys.save_private(settings.node_key_file, keys.generate(), settings.key_passphrase)
        private = keys.load_private(settings.node_key_file, settings.key_passphrase)
        certificate = remote.certify(SigningKey(f"{settings.origin}/node", private).verifier)
        files.replace(settings.node_certificate_file, certificate, settings.node_certificate_file.parent)
    keys.save_public(settings.public_key_file, public)


def log_policy(settings: Settings) -> LogPolicy:
    """Return what leaf 0 promises for ever, and the verifier then demands."""
    return LogPolicy(
        level="L3" if settings.witnesses else "L1" if settings.signer is None else "L2",
        keys=(public_key(settings),),
        witnesses=tuple(one.key for one in settings.witnesses),
        quorum=settings.quorum,
        heartbeat_seconds=BEAT_SECONDS,
    )


def open_gate(settings: Settings, offices: Offices, policy: Policy, clock: Clock) -> Gate:
    """Return the gate with the keys it needs."""
    key, certificate = open_key(settings), None
    if settings.signer is not None:
        certificate = settings.node_certificate_file.read_text(encoding="utf-8")
    return Gate(
        offices,
        policy,
        clock,
        key,
        settings.origin,
        settings.entity_lei,
        certificate=certificate,
        pinned=public_key(settings),
        kept=settings.data / "policies",
    )


@contextlib.contextmanager
def database_server(settings: Settings) -> Iterator[str]:
    """Give the administrator's URL of the server: DATABASE_URL, else the embedded one, stopped at the end."""
    if settings.database_url is not None:
        yield settings.database_url
        return
    with embedded.start(settings.data) as server:
        yield server.url()


async def prepare(
    settings: Settings, server_url: str, policy: Policy, database: str = DATABASE
) -> tuple[str, dict[Office, str]]:
    """Create and migrate the database; return the administrator's URL of it and each office's own."""
    admin_url = await ensure_database(server_url, database) if settings.database_url is None else server_url
    urls = await upgrade(admin_url, settings.data, policy)
    return admin_url, urls | dict(settings.office_urls)


async def found(
    settings: Settings,
    admin_url: str,
    policy: Policy,
    founding: genesis.Founding,
    passwords: dict[str, tuple[str, bool]],
) -> bool:
    """Write the genesis unless the log has begun; tell whether it was written now."""
    receipt_key = open_key(settings)
    if await genesis.has_begun(admin_url):
        return False
    prefix = admin_url.partition("?")[0].rpartition("/")[2]
    promises = {**log_policy(settings).data(), "origin": settings.origin}
    if settings.signer is not None:
        promises["receipt_key"] = str(receipt_key.verifier)
    await genesis.begin(admin_url, prefix, policy, promises, founding, passwords, SystemClock().now())
    return True


@contextlib.asynccontextmanager
async def running(
    settings: Settings,
    admin_url: str,
    urls: dict[Office, str],
    *,
    policy: Policy | None = None,
    clock: Clock | None = None,
    keep_log: bool = True,
) -> AsyncIterator[Bank]:
    """Open the bank for work; at the end the log is published to its last entry.

    Raises RecoveryNeeded if database or files are behind, LogContradiction if they contradict each other.
    """
    policy = policy or load()
    offices = Offices(urls, silent_seconds=settings.database_seconds)
    gate = open_gate(settings, offices, policy, clock or SystemClock())
    signer = open_signer(settings)
    async with contextlib.AsyncExitStack() as failed:
        failed.push_async_callback(offices.close)
        signed = await asyncio.to_thread(last_signed, signer)
        await must_be_whole(offices[Office.LOG], settings.log_directory, signed)
        async with offices[Office.LOG].connect() as connection:
            policy = gate.policy = await policy_in_force(connection, policy, kept=gate.kept)
        publisher = await asyncio.to_thread(open_publisher, settings, signer)
        failed.pop_all()
    bank = Bank(
        settings, policy, offices, gate, LogKeeper(offices[Office.LOG], publisher), Pulse(gate), admin_url
    )
    totals = Totals(offices[Office.LOG])
    gate.brake = Brake(bank.silence, settings.silence_seconds)
    try:
        await publisher.agree(offices[Office.LOG])
        if publisher.cosign is not None:
            await bank.keeper.compare_with_witnesses()
        await asyncio.to_thread(keep_policy, settings.data, policy)
        await asyncio.to_thread(schema.keep_texts, settings.data)
        await genesis.explain_start(gate)
        if keep_log:
            bank.keeper.start()
            bank.pulse.start()
            totals.start()
        try:
            yield bank
        finally:
            await totals.stop()
            await bank.pulse.stop()
            await bank.keeper.stop()
    finally:
        await offices.close()


def opened_on(settings: Settings, day: date) -> Settings:
    """Return the settings with the business date the bank opens on, unless it was told another."""
    return settings if settings.business_date is not None else replace(settings, business_date=day)
