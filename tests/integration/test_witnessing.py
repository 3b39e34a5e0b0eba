"""A bank of level L3: what is published was seen by witnesses, and what nobody saw does not move money for long."""

import shutil
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from audit.checkpoint import Checkpoint
from audit.note import parse
from service import bank as banks
from service.audit_trail.sequencer import PENDING, LogContradiction
from service.audit_trail.witnessing import Witnessing
from service.bank import Bank
from service.kernel import embedded
from service.settings import BadSettings, Settings, load
from tests import settling
from tests.bank import World, world
from tests.conftest import OPENING_DATE, Template, make_template, on
from tests.keeping import findings, publish, verdict
from tests.witnesses import Watcher, watchers, watching

WITNESSED = "VERIFIED (L3 witnessed)"


@dataclass
class Watched:
    """A founded bank with three witnesses, two of whom must have seen every checkpoint."""

    template: Template
    witnesses: list[Watcher]

    def running(self, settings: Settings | None = None) -> AbstractAsyncContextManager[Bank]:
        """Start it."""
        told = self.template
        return banks.running(
            settings or told.settings, told.admin_url, told.urls, policy=told.policy, keep_log=False
        )


@pytest.fixture
async def watched(server: embedded.Server, tmp_path: Path) -> AsyncIterator[Watched]:
    """Found a bank whose leaf 0 names its witnesses."""
    name = f"watched_{uuid4().hex[:12]}"
    with watchers(tmp_path, 3) as witnesses:
        settings = Settings(
            data=tmp_path / "bank",
            witnesses=tuple(one.at for one in witnesses),
            quorum=2,
            silence_seconds=900,
        )
        banks.open_key(settings)
        for one in witnesses:
            watching(one, banks.public_key(settings))
        template = await make_template(settings, server.url(), OPENING_DATE, name)
        yield Watched(template, witnesses)
    admin = create_async_engine(server.url(), poolclass=NullPool, isolation_level="AUTOCOMMIT")
    async with admin.connect() as connection:
        await connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.dispose()


def witnessing(here: World) -> Witnessing:
    """Return who asks the witnesses, ready to ask again at once."""
    found = here.bank.keeper.publisher.cosign
    assert isinstance(found, Witnessing)
    found._asked_at = None
    return found


def pending(here: World) -> Checkpoint:
    """Return the checkpoint that waits for witnesses."""
    note = (here.bank.settings.log_directory / PENDING).read_bytes()
    return Checkpoint.parse(parse(note)[0])


async def test_what_is_published_was_seen_by_witnesses(watched: Watched) -> None:
    async with watched.running() as bank:
        here = world(bank)
        await settling.set_up(here)
        size = await publish(here)

        report = verdict(here)
        assert (report.line(), report.size) == (WITNESSED, size)
        assert report.check("V4").status == "ok"
        assert await findings(here) == []
        ready = await here.anonymous().get("/health/ready")
        assert (ready.status_code, ready.json()["status"]) == (200, "ready")
        assert ready.json()["assurance"] == "L3 witnessed"
        await here.close()


async def test_one_witness_of_three_may_be_away(watched: Watched) -> None:
    watched.witnesses[1].stop()
    async with watched.running() as bank:
        here = world(bank)
        await settling.set_up(here)
        size = await publish(here)
        assert (verdict(here).line(), verdict(here).size) == (WITNESSED, size)
        assert list(witnessing(here).missing) == ["witness.test/1"]
        await here.close()


async def test_without_enough_witnesses_work_goes_on_and_the_last_witnessed_checkpoint_stays(
    watched: Watched,
) -> None:
    async with watched.running() as bank:
        here = world(bank)
        seen = await publish(here)
        for one in watched.witnesses[1:]:
            one.stop()
        await settling.set_up(here)

        assert await publish(here) == seen

        report = verdict(here)
        assert (report.line(), report.size) == (WITNESSED, seen)
        assert pending(here).size > seen
        ready = await here.anonymous().get("/health/ready")
        assert (ready.status_code, ready.json()["status"]) == (200, "late")
        assert "witness" in ready.json()["reason"]

        for one in watched.witnesses[1:]:
            one.start()
        witnessing(here)
        now = await publish(here)
        assert now > seen
        assert (verdict(here).line(), verdict(here).size) == (WITNESSED, now)
        assert not (bank.settings.log_directory / PENDING).exists()
        assert (await here.anonymous().get("/health/ready")).json()["status"] == "ready"
        await here.close()


async def test_after_the_configured_time_acts_of_high_risk_wait_and_the_refusal_is_an_entry(
    watched: Watched,
) -> None:
    async with watched.running() as bank:
        here = world(bank)
        await settling.set_up(here)
        deal = await settling.matched(here)
        settling.done(await deal.settle("EUR", "preparation", "settler"))
        await publish(here)
        for one in watched.witnesses:
            one.stop()
        await settling.captured(here)
        await publish(here)
        asks = witnessing(here)
        settling.done(await deal.settle("USD", "preparation", "settler"))
        assert asks.short_since is not None
        asks.short_since -= 901

        refused = await deal.settle("EUR", "release", "releaser")

        assert settling.refused(refused) == (503, "log_silent", "log")
        assert refused.json()["decision"]
        await settling.captured(here)  # what can be taken back goes on
        for one in watched.witnesses:
            one.start()
        witnessing(here)
        await publish(here)
        settling.done(await deal.settle("EUR", "release", "releaser"))
        await publish(here)
        assert (verdict(here).line(), await findings(here)) == (WITNESSED, [])
        await here.close()


async def test_16_a_fork_that_a_witness_saw_stops_everything(watched: Watched) -> None:
    async with watched.running() as bank:
        here = world(bank)
        await publish(here)
        state = watched.witnesses[0].state
        remembered = state.read_text()
        root = Checkpoint.parse(parse((bank.settings.log_directory / "checkpoint").read_bytes())[0])
        other = Checkpoint(root.origin, root.size, bytes(32))
        state.write_text(remembered.replace(str(root).split("\n")[2], str(other).split("\n")[2]))
        await settling.set_up(here)

        with pytest.raises(LogContradiction, match="saw another log"):
            await publish(here)

        state.write_text(remembered)
        await publish(here)
        await here.close()


async def test_20_database_files_and_signer_restored_alike_meet_a_witness_that_remembers(
    watched: Watched, tmp_path: Path
) -> None:
    told = watched.template
    older = tmp_path / "older"
    shutil.copytree(told.settings.data, older)
    async with a_copy_of_the_database(told) as name:
        async with watched.running() as bank:
            here = world(bank)
            await settling.set_up(here)
            await publish(here)
            await here.close()

        settings = replace(told.settings, data=older)
        urls = {office: on(url, name) for office, url in told.urls.items()}
        with pytest.raises(LogContradiction, match="it is an older copy"):
            async with banks.running(
                settings, on(told.admin_url, name), urls, policy=told.policy, keep_log=False
            ):
                pass


@asynccontextmanager
async def a_copy_of_the_database(told: Template) -> AsyncIterator[str]:
    """Copy a bank's database as it is now; gives the copy's name."""
    name = f"older_{uuid4().hex[:12]}"
    admin = create_async_engine(told.server_url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    async with admin.connect() as connection:
        source = make_url(told.admin_url).database
        await connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE {source}")
    yield name
    async with admin.connect() as connection:
        await connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.dispose()


async def test_a_log_that_promised_witnesses_is_not_kept_without_them(watched: Watched) -> None:
    for witnesses, quorum in (((), None), (watched.template.settings.witnesses, 1)):
        settings = replace(watched.template.settings, witnesses=witnesses, quorum=quorum)
        with pytest.raises(BadSettings, match="promised 2 of the witnesses"):
            async with watched.running(settings):
                pass


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("quorum = 1", "quorum is 1"),
        ('witness = "w"', "witness is a list"),
        ('[[witness]]\nname = "w"', "a name, a url and a key"),
        ('[[witness]]\nname = "w"\nurl = "http://w"\nkey = "none"', "the key of the witness"),
        ("silence_seconds = 5", "silence_seconds is 5"),
    ],
)
def test_settings_that_make_no_sense_are_named(tmp_path: Path, written: str, sentence: str) -> None:
    (tmp_path / "trennwand.toml").write_text(written)
    with pytest.raises(BadSettings, match=sentence):
        load(tmp_path, {})


def test_settings_name_witnesses_and_quorum(tmp_path: Path) -> None:
    with watchers(tmp_path, 2) as witnesses:
        tables = "".join(
            f'[[witness]]\nname = "{one.key.name}"\nurl = "{one.at.url}"\nkey = "{one.key.cosigner}"\n'
            for one in witnesses
        )
        (tmp_path / "trennwand.toml").write_text(f"quorum = 1\nsilence_seconds = 300\n{tables}")
        told = load(tmp_path, {})
        assert (told.witnesses, told.quorum, told.silence_seconds) == (tuple(o.at for o in witnesses), 1, 300)
        (tmp_path / "trennwand.toml").write_text(f"demo = false\n{tables}")
        with pytest.raises(BadSettings, match="has a signer of its own"):
            load(tmp_path, {})
