"""The verifier as one file, started where there is nothing but Python and `cryptography`."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from audit import receipt, single
from audit.entry import leaf_hash, timestamp
from tests.audit.logs import KEY, ORIGIN, START, Log
from tests.audit.packs import Deals, Packs
from tests.audit.test_bundles import FIRST

NEEDED = ("cryptography", "_cffi_backend", "cffi", "pycparser")


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a Python that has `cryptography` and what that needs, and no package of ours or of anybody else."""
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder / "python", system_site_packages=False, with_pip=False, symlinks=True)
    (only,) = (folder / "python").glob("lib/python*/site-packages")
    for place in Path(sysconfig.get_paths()["platlib"]).iterdir():
        if place.name.split(".")[0].split("-")[0] in NEEDED:
            (only / place.name).symlink_to(place)
    (folder / "verify.pyz").write_bytes(single.build())
    return folder


@pytest.fixture
def packs(tmp_path: Path) -> Packs:
    story = Deals(tmp_path / "policy")
    story.life(FIRST)
    return Packs(tmp_path, story, Log(tmp_path, story.lines))


def run(bare: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Start the file isolated: no environment, no current directory on the path."""
    return subprocess.run(
        [bare / "python/bin/python", "-I", bare / "verify.pyz", *map(str, arguments)],
        cwd=bare, env={"PATH": os.defpath}, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


def test_the_bare_python_knows_nothing_of_ours(bare: Path) -> None:
    tried = "import cryptography; import importlib.util as u; print(u.find_spec('audit'), u.find_spec('sqlalchemy'))"
    ran = subprocess.run(
        [bare / "python/bin/python", "-I", "-c", tried], cwd=bare, capture_output=True, text=True, check=False
    )

    assert ran.stdout.split() == ["None", "None"], ran.stderr


def test_it_verifies_a_pack_and_says_so(bare: Path, packs: Packs) -> None:
    ran = run(bare, packs.of_trade(FIRST), "--key", KEY.verifier)

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout.startswith("audit: VERIFIED (L1 self-signed)\n")


def test_it_finds_a_spoiled_pack_tampered(bare: Path, packs: Packs) -> None:
    path = packs.of_trade(FIRST)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)

    assert run(bare, path, "--key", KEY.verifier).returncode == 1


def test_it_verifies_a_whole_log_too(bare: Path, packs: Packs) -> None:
    ran = run(bare, "verify", packs.log.directory, "--key", KEY.verifier, "--json")

    assert (ran.returncode, json.loads(ran.stdout)["verdict"]) == (0, "VERIFIED"), ran.stdout + ran.stderr


def test_the_sources_alone_verify_and_replay_too(bare: Path, packs: Packs) -> None:
    source = bare / "source"
    shutil.copytree(
        Path(single.__file__).parent, source / "audit", ignore=shutil.ignore_patterns("__pycache__")
    )

    def audit(*arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [bare / "python/bin/python", "-E", "-s", "-m", "audit", *map(str, arguments)],
            cwd=source, env={"PATH": os.defpath}, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip

    for command, what in (
        ("verify", packs.of_trade(FIRST)),
        ("verify", packs.log.directory),
        ("replay", packs.log.directory),
    ):
        ran = audit(command, what, "--key", KEY.verifier)
        assert ran.returncode == 0, ran.stdout + ran.stderr
    receipts = packs.folder / "receipts.json"
    line = packs.story.lines[3]
    receipts.write_text(
        json.dumps(receipt.issue(KEY, ORIGIN, [("e", leaf_hash(line), timestamp(START))], 60))
    )
    ran = audit("check-receipt", receipts, packs.log.directory, "--key", KEY.verifier)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_a_wrong_usage_is_no_verdict(bare: Path, packs: Packs) -> None:
    path = packs.of_trade(FIRST)

    assert run(bare, path).returncode == 64
    assert run(bare, "nothing.zip", "--key", KEY.verifier).returncode == 64
    assert run(bare, path, "--key", "not a key").returncode == 64
    assert run(bare, "--help").returncode == 0


def test_the_same_sources_are_the_same_file(bare: Path) -> None:
    assert single.build() == (bare / "verify.pyz").read_bytes()
    with zipfile.ZipFile(bare / "verify.pyz") as archive:
        names = archive.namelist()
    assert {
        "__main__.py",
        "audit/__init__.py",
        "audit/__main__.py",
        "audit/bundle.py",
        "audit/verify.py",
    } <= {*names}
    assert sys.version_info >= (3, 11)
