"""Who may serve a data directory beside whom."""

from pathlib import Path

import pytest

from service.running import CannotServe, alone, beside
from service.settings import BadSettings, load


def test_a_node_joins_once_the_first_lets_it_and_nobody_is_alone_beside_it(tmp_path: Path) -> None:
    with alone(tmp_path) as first:
        for other in (alone, beside):
            with pytest.raises(CannotServe), other(tmp_path):
                pass
        first.share()
        with (
            beside(tmp_path),
            beside(tmp_path),
            pytest.raises(CannotServe, match="--beside"),
            alone(tmp_path),
        ):
            pass
    with beside(tmp_path), pytest.raises(CannotServe), alone(tmp_path):
        pass
    with alone(tmp_path):
        pass


@pytest.mark.parametrize("seconds", ['"10"', "-1", "301", "true"])
def test_how_long_an_ending_node_serves_on_is_a_number_of_seconds(tmp_path: Path, seconds: str) -> None:
    (tmp_path / "trennwand.toml").write_text(f"drain_seconds = {seconds}\n")
    with pytest.raises(BadSettings, match="drain_seconds"):
        load(tmp_path, {})
