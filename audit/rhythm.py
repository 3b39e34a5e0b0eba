"""The life of the log as its entries tell it: heartbeats (V15), stops and recoveries (V27)."""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence

from audit.history import BACKWARD_SECONDS_MAX
from audit.report import Finding
from audit.scan import NO_TIME, Declaration
from audit.tiles import MalformedTile, MissingTile, TileReader

HEARTBEAT_SECONDS = 60  # of a log that has heartbeats without leaf 0 saying how often
BEATS_MISSED_MAX = 3
EXPLAINED_WITHIN = 16  # a start may publish its policy, and another node act, before it is recorded
_MICROSECONDS = 1_000_000


def silences(
    all_times: Iterable["array[int]"],
    first_index: int,
    heartbeat_seconds: int,
    explained: Sequence[int],
) -> list[Finding]:
    """Find the first silence of more than three heartbeats that no stop explains (V15).

    Times count from the newest so far, since entries are in the order of their commits.
    ``explained``: indices, ascending, of `log.restart` and `log.recover`; one of them is the entry
    after the silence, or follows it closely. Silence before ``first_index`` is not looked at.
    """
    most = BEATS_MISSED_MAX * heartbeat_seconds * _MICROSECONDS
    latest, index = NO_TIME, 0
    for times in all_times:
        for at, time in enumerate(times, index):
            if time <= latest:
                continue
            if time - latest > most and at > first_index and latest != NO_TIME:
                place = bisect_left(explained, at)
                if place == len(explained) or explained[place] >= at + EXPLAINED_WITHIN:
                    seconds = (time - latest) // _MICROSECONDS
                    sentence = f"Nothing was recorded for {seconds} seconds before entry {at}, and no stop explains it."
                    return [Finding("V15", at, sentence)]
            latest = time
        index += len(times)
    return []


def recoveries(declarations: Sequence[Declaration], reader: TileReader, size: int) -> list[Finding]:
    """Hold declared recoveries, and what each start found, against the log (V27).

    A `log.recover` names the ``size`` and ``root`` (64 hexadecimal digits) recovered to and two
    ``persons``. A `log.restart` may name the ``size`` it found; one that found less than a start
    more than two minutes before it had written is a restored backup, and a recovery between the two
    must say so. (Nodes that start together may record it in another order than they looked.)
    """
    starts: list[Declaration] = []  # since the last recovery
    findings: list[Finding] = []
    for told in declarations:
        if told.act == "log.recover":
            findings += _recovery(told, reader, size)
            starts = []
        elif told.act == "log.restart" and "size" in told.data:
            long_ago = told.time_us - BACKWARD_SECONDS_MAX * _MICROSECONDS
            while len(starts) > 1 and starts[1].time_us <= long_ago:
                del starts[0]
            written = starts[0].index + 1 if starts and starts[0].time_us <= long_ago else 0
            found = told.data["size"]
            if type(found) is not int or not 0 <= found <= told.index:
                sentence = f"The start of entry {told.index} found {found!r:.40} entries, which cannot be."
                findings.append(Finding("V27", told.index, sentence))
            elif found < written:
                sentence = f"The start of entry {told.index} found {found} entries of {written}; no recovery says why."
                findings.append(Finding("V27", told.index, sentence))
            starts.append(told)
    return findings


def _recovery(told: Declaration, reader: TileReader, size: int) -> list[Finding]:
    """Check that one recovery names a state the log was in, and two people."""
    index, to_size, persons = told.index, told.data.get("size"), told.data.get("persons")
    if type(to_size) is not int or not 0 <= to_size <= index:
        return [Finding("V27", index, f"The recovery of entry {index} does not name the size it reached.")]
    named = persons if isinstance(persons, list) else []
    if not all(isinstance(one, str) and one for one in named) or len(named) != 2 or named[0] == named[1]:  # noqa: PLR2004
        return [Finding("V27", index, f"The recovery of entry {index} does not name two persons.")]
    try:
        root = reader.root(to_size, size).hex()
    except (MissingTile, MalformedTile) as gone:
        return [Finding("V27", index, f"The root of {to_size} is lost: {gone}", missing=True)]
    if told.data.get("root") != root:
        sentence = f"The recovery of entry {index} names another root for {to_size} entries than {root}."
        return [Finding("V27", index, sentence)]
    return []
