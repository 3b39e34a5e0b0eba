"""What a production bank refuses to be served with: each finding names its setting and says what to do."""

from dataclasses import replace
from pathlib import Path

import pytest

from policies.vocabulary import Office
from service.production import Unsafe, of_demo, of_files, of_passwords, of_process, of_web
from service.settings import BadSettings, Settings, load

GOOD = "Zk4-kd83-mX2p-99qa-Lw7t"


def safe(data: Path) -> Settings:
    data.chmod(0o700)
    return Settings(
        data=data,
        demo=False,
        origin="bank.example/log",
        entity_name="Example Bank",
        entity_lei="529900T8BM49AURSDO55",
        database_url=f"postgresql+asyncpg://operator:{GOOD}@db.example/bank",
        front="https://trennwand.example",
        one_process=True,
    )


def found(settings: Settings, environment: dict[str, str] | None = None) -> list[Unsafe]:
    return [
        *of_demo(settings, None),
        *of_web(settings),
        *of_process(settings, None, environment or {}),
        *of_files(settings, None),
        *of_passwords(settings, {}),
    ]


def test_nothing_is_said_against_settings_that_are_safe(tmp_path: Path) -> None:
    assert found(safe(tmp_path)) == []


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"entity_lei": "529900DEMO00TRENNW29"}, "entity_lei"),
        ({"entity_name": "Demo Bank"}, "entity_name"),
        ({"origin": "trennwand.demo/log"}, "origin"),
        ({"database_url": None}, "DATABASE_URL"),
        ({"database_url": "postgresql+asyncpg://operator:secret@db.example/bank"}, "DATABASE_URL"),
        (
            {"database_url": "postgresql+asyncpg://operator:operator-operator-1@db.example/bank"},
            "DATABASE_URL",
        ),
        ({"front": None}, "front"),
        ({"front": "http://trennwand.example"}, "front"),
        ({"host": "0.0.0.0"}, "host"),
        ({"host": "::"}, "host"),
        ({"metrics": ("0.0.0.0", 9464)}, "metrics"),
        ({"one_process": False}, "one_process"),
    ],
)
def test_each_unsafe_setting_is_refused_by_its_name(
    tmp_path: Path, changed: dict[str, object], named: str
) -> None:
    (one,) = found(replace(safe(tmp_path), **changed))  # type: ignore[arg-type]
    assert one.setting == named
    assert ";" in one.why, "what is wrong; what to do"


@pytest.mark.parametrize(
    "name", ["LITESTAR_DEBUG", "PYTHONASYNCIODEBUG", "PYTHONDEVMODE", "PYTHONINSPECT", "PYTHONOPTIMIZE"]
)
def test_a_debugged_process_is_refused(tmp_path: Path, name: str) -> None:
    (one,) = found(safe(tmp_path), {name: "1"})
    assert one.setting == name


@pytest.mark.parametrize("file", ["demo.json", "keys/first-passwords.json"])
def test_a_bank_founded_as_a_demo_with_its_accounts_is_refused(tmp_path: Path, file: str) -> None:
    settings = safe(tmp_path)
    (tmp_path / file).parent.mkdir(mode=0o700, exist_ok=True)
    (tmp_path / file).write_text("{}")
    (tmp_path / file).chmod(0o600)
    (one,) = found(settings)
    assert (one.setting, "demo bank" in one.why) == ("data", True)


def test_every_key_that_others_can_read_is_refused_by_its_path(tmp_path: Path) -> None:
    settings = safe(tmp_path)
    keys = tmp_path / "keys"
    keys.mkdir(mode=0o700)
    for name, mode in (("log-key.pem", 0o640), ("logins-bank.json", 0o604), ("node-key.pem", 0o600)):
        (keys / name).write_text("secret")
        (keys / name).chmod(mode)
    assert [Path(one.setting).name for one in found(settings)] == ["log-key.pem", "logins-bank.json"]
    keys.chmod(0o755)
    assert "keys" in {Path(one.setting).name for one in found(settings)}


def test_settings_may_be_read_by_others_unless_a_password_stands_in_them(tmp_path: Path) -> None:
    settings, file = safe(tmp_path), tmp_path / "trennwand.toml"
    file.write_text("demo = false\n")
    file.chmod(0o644)
    assert found(settings) == []
    file.write_text('[mail]\npassword = "x"\n')
    assert [Path(one.setting).name for one in found(settings)] == ["trennwand.toml"]


def test_two_offices_with_one_password_are_refused(tmp_path: Path) -> None:
    urls = {
        office: f"postgresql://bank_{office.value}:{GOOD}2@db/bank"
        for office in (Office.FRONT_OFFICE, Office.BACK_OFFICE)
    }
    said = list(of_passwords(safe(tmp_path), urls))
    assert {one.setting for one in said} == {"DATABASE_URL_FRONT_OFFICE", "DATABASE_URL_BACK_OFFICE"}


def test_the_environment_says_production_whatever_the_file_says(tmp_path: Path) -> None:
    (tmp_path / "trennwand.toml").write_text("demo = true\n")
    assert load(tmp_path, {"TRENNWAND_MODE": "production"}).demo is False
    assert load(tmp_path, {"TRENNWAND_MODE": "production"}).journal == "json"
    assert load(tmp_path, {}).journal == "quiet"
    with pytest.raises(BadSettings, match="TRENNWAND_MODE"):
        load(tmp_path, {"TRENNWAND_MODE": "prod"})
    with pytest.raises(BadSettings, match="demo bank only"):
        load(tmp_path, {"TRENNWAND_MODE": "production", "TRENNWAND_DEMO_PASSWORD": "x" * 20})


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ('journal = "loud"', "journal"),
        ('metrics = "9464"', "metrics"),
        ('metrics = "127.0.0.1:99999"', "metrics"),
        ('clock = "sundial"', "clock"),
        ('one_process = "yes"', "one_process"),
        ("database_seconds = 0", "database_seconds"),
    ],
)
def test_a_setting_that_cannot_be_read_is_refused_by_its_name(tmp_path: Path, line: str, named: str) -> None:
    (tmp_path / "trennwand.toml").write_text(line + "\n")
    with pytest.raises(BadSettings, match=named):
        load(tmp_path, {})


def test_where_prometheus_asks_is_an_address_and_a_port(tmp_path: Path) -> None:
    assert load(tmp_path, {"TRENNWAND_METRICS": "[::1]:9464"}).metrics == ("::1", 9464)
    assert load(tmp_path, {}).metrics is None
