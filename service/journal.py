"""What a process says about itself: lines of JSON for machines, or sentences for people; never what somebody sent.

The signed log tells who did what; this tells how the service does: each request with its id, route, actor, act,
outcome and time, and what went wrong inside. Bodies, tokens, cookies, passwords, queries and typed paths stand in no
line: a request is told by its route, a failure by its kind and the places it came by, not by its words, which may
repeat what was sent.
"""

import logging
import sys
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, BinaryIO, Final, Literal

import msgspec

Style = Literal["json", "text", "quiet"]
STYLES: Final[tuple[Style, ...]] = ("json", "text", "quiet")
OURS: Final = ("service", "audit", "policies")
FRAMES_MAX, SENTENCE_MAX = 12, 500
ENCODER: Final = msgspec.json.Encoder()


def stated(millisecond: int) -> str:
    """Return the time as lines state it; ``millisecond``: since 1970 in UTC."""
    second, rest = divmod(millisecond, 1000)
    return f"{_second(second)}.{rest:03}Z"


@lru_cache(4)
def _second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


class Lines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Write the record."""
        told = {
            "ts": stated(int(record.created * 1000)),
            "level": record.levelname.lower(),
            "event": "said",
            "source": record.name,
            "said": sentence(record),
        }
        if record.exc_info and record.exc_info[1] is not None:
            told |= failure_view(record.exc_info[1])
        return ENCODER.encode(told).decode()


class Sentences(logging.Formatter):
    """A line for people."""

    def format(self, record: logging.LogRecord) -> str:
        """Write the record."""
        said = f"{record.levelname} {record.name}: {sentence(record)}"
        if record.exc_info and record.exc_info[1] is not None:
            view = failure_view(record.exc_info[1])
            said += f"\n  {' < '.join(view['failures'])}" + "".join(f"\n    {one}" for one in view["frames"])
        return said


def sentence(record: logging.LogRecord) -> str:
    """Return what was said, on one line; of foreign libraries, whose words may quote what was sent, the fixed part."""
    ours = record.name.partition(".")[0] in OURS
    said = record.getMessage() if ours else str(record.msg).partition("\n")[0]
    return said.encode("unicode_escape").decode()[:SENTENCE_MAX]


def failure_view(failure: BaseException) -> dict[str, Any]:
    """Return the kinds of a failure and of what caused it, and where it came by; PostgreSQL's code where it has one."""
    kinds: list[str] = []
    one: BaseException | None = failure
    while one is not None and len(kinds) < FRAMES_MAX:
        code = getattr(one, "sqlstate", None)
        kinds.append(type(one).__qualname__ + (f" {code}" if code else ""))
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
    frames = traceback.extract_tb(failure.__traceback__)[-FRAMES_MAX:]
    return {
        "failures": kinds,
        "frames": [f"{place.filename}:{place.lineno} {place.name}" for place in frames],
    }


class Requests:
    """Writes a line for each request that was answered, at once, so that nothing waits in this process."""

    def __init__(self, style: Style, to: BinaryIO | None = None) -> None:
        self.style = style
        self.to = to if to is not None else open(sys.stderr.fileno(), "wb", buffering=0, closefd=False)  # noqa: SIM115 - the process's own

    def tell(self, told: Mapping[str, object]) -> None:
        """Write what is told about a request."""
        if self.style == "quiet":
            return
        if self.style == "json":
            line = ENCODER.encode(told)
        else:
            who, act = told.get("actor") or "nobody", told.get("act") or "-"
            line = (
                f"{told['method']} {told['route']} {told['status']} {told['ms']} ms {act} by {who}".encode()
            )
        self.to.write(line + b"\n")


def set_up(style: Style) -> None:
    """Have this process speak in this style from now on."""
    handler = logging.StreamHandler()
    handler.setFormatter(Lines() if style == "json" else Sentences())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
