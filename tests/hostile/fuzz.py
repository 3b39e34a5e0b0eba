"""Hostile bytes for every reader of what comes from outside: accepted, refused as declared, or a surprise.

python -m tests.hostile.fuzz --examples N --seed S [--only WORD]
"""

import argparse
import re
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.hostile.parsers import ACCEPTANCE, Parser, parsers

SEED = 20261027
ANY = (
    b"",
    b"\n",
    b"\x00",
    b"0",
    b"9" * 30,
    b'"',
    b"\\",
    b"\xff",
    "\u202e".encode(),
    b"{}",
    b"[",
    b"null",
    b"-1",
    b"%s",
    b"'",
)
DEEP = (b"[" * 3000, b'{"a":' * 3000, b"<a>" * 3000, b"(" * 3000)  # fmt: skip


@dataclass
class Score:
    """What became of the bytes that one reader was fed."""

    name: str
    corpus: int
    runs: int = 0
    accepted: int = 0
    surprises: dict[str, bytes] = field(default_factory=dict)

    def line(self) -> str:
        """Return the row of the table."""
        refused = self.runs - self.accepted - len(self.surprises)
        numbers = f"{self.runs:>7} {self.corpus:>6} {self.accepted:>8} {refused:>7} {len(self.surprises):>9}"
        return f"{numbers}  {self.name}"


@st.composite
def damaged(draw: st.DrawFn, seeds: tuple[bytes, ...], words: tuple[bytes, ...]) -> bytes:
    """Honest bytes with pieces cut, doubled, turned round, moved or replaced; now and then any bytes, or very deep ones."""
    data = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(0, 4))):
        at, length = draw(st.integers(0, len(data))), draw(st.integers(0, 40))
        piece = data[at : at + length]
        put = draw(
            st.one_of(
                st.binary(max_size=8),
                st.sampled_from((*ANY, *words)),
                st.just(piece * 2),
                st.just(piece[::-1]),
                st.text(max_size=6).map(lambda text: text.encode("utf-8", "surrogatepass")),
            )
        )
        data = data[:at] + put + data[at + length :]
    strange = st.one_of(st.binary(max_size=200), st.text(max_size=60).map(str.encode), st.sampled_from(DEEP))
    return draw(st.integers(0, 9).flatmap(lambda die: strange if die == 0 else st.just(data)))


def fuzz(name: str, parser: Parser, examples: int, number: int) -> Score:
    """Feed a reader its honest bytes, then so many damaged ones; a surprise of one kind is kept once."""
    score = Score(name, len(parser.seeds))

    def feed(data: bytes) -> None:
        score.runs += 1
        try:
            score.accepted += parser.feed(data)
        except Exception as surprise:  # noqa: BLE001 - whatever it is, it is none of the declared ones
            said = re.sub(r"[0-9]+", "N", f"{type(surprise).__name__}: {surprise}")[:80]
            score.surprises.setdefault(said, data)

    for honest in parser.seeds:
        feed(honest)

    @seed(number)
    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(damaged(parser.seeds, parser.words))
    def many(data: bytes) -> None:
        feed(data)

    if examples:
        many()
    return score


def report(scores: Iterable[Score]) -> Iterable[str]:
    """Yield the table and what was surprising."""
    yield f"{'runs':>7} {'corpus':>6} {'accepted':>8} {'refused':>7} {'surprises':>9}  reader"
    for score in scores:
        yield score.line()
        for said, data in score.surprises.items():
            yield f"        surprise {said} at {data[:300]!r}"


def main() -> int:
    """Feed every reader, or those of one word, and print what came of it."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--examples", type=int, default=1000)
    words.add_argument("--seed", type=int, default=SEED)
    words.add_argument("--only", default="", help="readers whose name holds this word")
    said = words.parse_args()
    began = time.monotonic()
    known = {name: parser for name, parser in parsers().items() if said.only in name}
    scores = [fuzz(name, parser, said.examples, said.seed) for name, parser in known.items()]
    print(*report(scores), sep="\n")
    print(
        f"{len(scores)} readers, {sum(score.runs for score in scores)} runs, corpus {sum(score.corpus for score in scores)} "
        f"({'with' if ACCEPTANCE else 'without'} what others published), seed {said.seed}, {time.monotonic() - began:.0f} s"
    )
    return 1 if any(score.surprises for score in scores) else 0


if __name__ == "__main__":
    sys.exit(main())
