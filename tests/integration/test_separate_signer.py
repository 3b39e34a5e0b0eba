"""A bank whose log is signed by a process of its own: founded, working, without its signer, and going on."""

import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from audit import receipt
from audit.keys import PASSPHRASE, UnusableKey
from audit.note import VerifierKey
from audit.report import Status
from audit.signer import SignerUnreachable
from audit.signer_client import AnotherSigner
from policies.policy import load
from service import bank as banks
from service.__main__ import main
from service.audit_trail.sequencer import LogContradiction
from service.demo import cast
from service.kernel import embedded
from service.migrations.upgrade import ensure_database
from service.settings import BadSettings, Settings
from service.settings import load as load_settings
from tests.bank import PASSWORD, World, world
from tests.conftest import OPENING_DATE
from tests.keeping import entries_in_database, findings, public_key, publish, reader, verdict

CLONE = Path(__file__).parents[2]
VERIFIED = "VERIFIED (L2 separate signer)"
ORIGIN = "trennwand.demo/log"


def arguments(place: Path, *more: object) -> list[str]:
    own = ("--key", place / "log-key.pem", "--state", place / "state", "--origin", ORIGIN)
    return ["signer", *map(str, own), *map(str, more)]


@contextmanager
def a_signer(place: Path) -> Iterator["subprocess.Popen[str]"]:
    """Run the signer of ``place`` as a process; it is killed at the end."""
    process = subprocess.Popen(
        [sys.executable, "-m", "audit", *arguments(place, "--socket", place / "sock")],
        cwd=CLONE, text=True, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline().startswith("signer: listening")
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """The signer's own directory, which the bank knows nothing of but the socket."""
    place = tmp_path / "signer"
    place.mkdir(mode=0o700)
    assert main(arguments(place, "--new")) == 0
    return place


@pytest.fixture
async def signed_apart(
    server: embedded.Server, place: Path, tmp_path: Path
) -> AsyncIterator[tuple[World, ExitStack]]:
    """A bank and its signer; closing the stack kills the signer."""
    settings = Settings(data=tmp_path / "bank", signer=f"unix:{place / 'sock'}")
    policy = load()
    url = await ensure_database(server.url(), f"apart_{uuid4().hex}")
    settings = replace(settings, database_url=url)
    admin_url, urls = await banks.prepare(settings, url, policy)
    with ExitStack() as running_signer:
        running_signer.enter_context(a_signer(place))
        passwords = dict.fromkeys(cast.people(), (PASSWORD, False))
        await banks.found(settings, admin_url, policy, cast.founding(OPENING_DATE), passwords)
        async with banks.running(settings, admin_url, urls, policy=policy, keep_log=False) as bank:
            here = world(bank)
            yield here, running_signer
            await here.close()


async def act(here: World, name: str) -> dict[str, object]:
    steward = await here.as_("steward")
    answer = await steward.post("/api/portfolios", {"name": name, "desk": "FX desk"})
    assert answer.status_code == 201, answer.text
    found: dict[str, object] = answer.json()["receipt"]
    return found


async def test_the_log_says_that_it_has_a_separate_signer_and_its_receipts_stand(
    signed_apart: tuple[World, ExitStack],
) -> None:
    here, _ = signed_apart
    kept = await act(here, "FX-1")
    await publish(here)

    report = verdict(here, [kept])
    assert (report.line(), report.check("V20").status) == (VERIFIED, Status.OK), report.lines()
    assert report.check("V19").status is Status.OK  # leaf 0 names the key
    assert receipt.check(kept, public_key(here), reader(here)).index is not None
    async with here.anonymous() as client:
        ready = (await client.get("/health/ready")).json()
    assert (ready["status"], ready["assurance"], ready["unsigned_seconds"]) == (
        "ready",
        "L2 separate signer",
        0,
    )
    auditor = await here.as_("auditor")
    proof = await auditor.get(f"/audit/v1/proof/{kept['leaf']}")
    assert proof.status_code == 200, proof.text
    assert await findings(here) == []


async def test_the_bank_holds_no_key_that_signs_its_log(
    signed_apart: tuple[World, ExitStack], place: Path
) -> None:
    here, _ = signed_apart
    await publish(here)
    log_key = (place / "log-key.pem").read_bytes()
    held = list(here.bank.settings.data.rglob("*.pem"))
    assert [path.name for path in held] == ["node-key.pem"]
    assert all(path.read_bytes() != log_key for path in held)
    assert here.bank.gate.key.verifier != public_key(here)
    assert not here.bank.settings.signer_state_file.exists()


async def test_without_its_signer_the_bank_works_on_and_the_log_catches_up(
    signed_apart: tuple[World, ExitStack], place: Path
) -> None:
    here, signer = signed_apart
    await act(here, "FX-1")
    size = await publish(here)
    signer.close()

    kept = [await act(here, f"FX-{number}") for number in range(2, 6)]
    with pytest.raises(SignerUnreachable):
        await publish(here)
    keeper = here.bank.keeper
    assert keeper.oldest_pending_seconds > 0
    assert (verdict(here).line(), verdict(here).size) == (VERIFIED, size)
    assert "beyond the signed size" in " ".join(verdict(here).lines())
    keeper.failure = SignerUnreachable("gone")  # as the background task leaves it
    async with here.anonymous() as client:
        told = await client.get("/health/ready")
    assert (told.status_code, "waits for its signer" in told.json()["status"]) == (200, True)

    with a_signer(place):
        assert await publish(here) == await entries_in_database(here)
    report = verdict(here, kept)
    assert (report.line(), report.check("V20").status) == (VERIFIED, Status.OK), report.lines()
    assert keeper.oldest_pending_seconds == 0


async def test_it_starts_without_its_signer_and_compares_as_soon_as_it_answers(
    signed_apart: tuple[World, ExitStack], place: Path
) -> None:
    here, signer = signed_apart
    await act(here, "FX-1")
    await publish(here)
    signer.close()
    settings = here.bank.settings

    started = banks.open_publisher(settings, banks.open_signer(settings))
    older = (place / "state").read_bytes()
    (place / "state").write_bytes(f"{ORIGIN}\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n".encode())
    with a_signer(place), pytest.raises(LogContradiction, match="none may be ahead"):
        async with started.leading():
            pass
    (place / "state").write_bytes(older)
    with a_signer(place):
        async with started.leading() as leads:
            assert leads


async def test_19_another_signer_behind_the_socket_is_not_believed(
    signed_apart: tuple[World, ExitStack], place: Path, tmp_path: Path
) -> None:
    here, signer = signed_apart
    await publish(here)
    signer.close()
    await act(here, "FX-1")
    size = verdict(here).size
    other = tmp_path / "other"
    other.mkdir()
    assert main(arguments(other, "--new")) == 0
    (other / "state").write_bytes((place / "state").read_bytes())

    (place / "sock").unlink(missing_ok=True)
    with a_signer(other):
        (place / "sock").symlink_to(other / "sock")
        with pytest.raises(AnotherSigner):
            await publish(here)
    (place / "sock").unlink()
    assert (verdict(here).line(), verdict(here).size) == (VERIFIED, size)


def test_the_signers_address_comes_from_the_file_or_the_environment(tmp_path: Path) -> None:
    (tmp_path / "trennwand.toml").write_text('signer = "unix:/run/from-the-file.sock"\n')

    assert load_settings(tmp_path, {}).signer == "unix:/run/from-the-file.sock"
    told = load_settings(tmp_path, {"TRENNWAND_SIGNER": "unix:/run/other.sock"})
    assert told.signer == "unix:/run/other.sock"
    with pytest.raises(BadSettings, match="no signer's address"):
        load_settings(tmp_path, {"TRENNWAND_SIGNER": "http://somewhere"})
    with pytest.raises(BadSettings, match="both set"):
        load_settings(tmp_path, {PASSPHRASE: "x", f"{PASSPHRASE}_FILE": "/x"})


def test_a_bank_whose_signer_is_not_named_says_so(tmp_path: Path, place: Path) -> None:
    settings = Settings(data=tmp_path / "bank", signer=f"unix:{place / 'sock'}")
    with pytest.raises(SignerUnreachable):
        banks.open_key(settings)
    with a_signer(place):
        with pytest.raises(BadSettings, match="serves"):
            banks.open_key(replace(settings, origin="another.demo/log"))
        node = banks.open_key(settings)
    assert banks.open_key(settings).verifier == node.verifier  # needs no signer any more
    assert isinstance(banks.public_key(settings), VerifierKey)
    with pytest.raises(BadSettings, match="has a signer of its own"):
        banks.open_signer(replace(settings, signer=None))


def test_a_bank_of_its_own_keeps_its_key_under_a_passphrase(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / "bank", key_passphrase=b"word")
    key = banks.open_key(settings)

    assert b"ENCRYPTED" in settings.private_key_file.read_bytes()
    assert banks.open_key(settings).verifier == key.verifier
    with pytest.raises(UnusableKey, match="does not open"):
        banks.open_key(replace(settings, key_passphrase=b"another"))
    with pytest.raises(UnusableKey, match=PASSPHRASE):
        banks.open_key(replace(settings, key_passphrase=None))


@pytest.mark.parametrize("made", [(), ("log-key.pem",), ("log-key.pem", "signer-state.json")])
def test_a_founding_that_stopped_among_its_keys_goes_on(tmp_path: Path, made: tuple[str, ...]) -> None:
    whole, half = Settings(data=tmp_path / "whole"), Settings(data=tmp_path / "half")
    banks.open_key(whole)
    (half.data / "keys").mkdir(parents=True)
    for name in made:
        (half.data / "keys" / name).write_bytes((whole.data / "keys" / name).read_bytes())

    key = banks.open_key(half)

    assert str(banks.public_key(half)) == str(key.verifier)
    assert (str(key.verifier) == str(banks.public_key(whole))) is bool(made)
    assert banks.open_signer(half).last().size == 0
    half.private_key_file.unlink()
    with pytest.raises(UnusableKey, match="is missing"):
        banks.open_key(half)  # a key that is lost is not made anew
