"""python -m service.messages FILE [--json]: what a message says, or why it cannot be read."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from service.messages.recognise import Confirmation, Message, recognised
from service.messages.terms import BYTES_MAX, Unreadable, told


def main(arguments: Sequence[str] | None = None) -> int:
    """Read one file and print it. Exit code 0: read; 1: no such file; 3: refused."""
    parser = argparse.ArgumentParser(prog="python -m service.messages", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--sender", help="who sent it, by LEI or BIC, where the file leaves it open")
    typed = parser.parse_args(arguments)
    try:
        with typed.file.open("rb") as stream:
            content = stream.read(BYTES_MAX + 1)
    except OSError as failure:
        print(f"{typed.file}: {failure.strerror}", file=sys.stderr)
        return 1
    try:
        message = recognised(content, typed.file.name, sender=typed.sender)
    except Unreadable as refused:
        said = {"unreadable": {"field": refused.field, "reason": refused.reason}}
        print(_json(said) if typed.json else f"not read: {refused}")
        return 3
    print(_json({"kind": type(message).__name__, "message": message}) if typed.json else _text(message))
    return 0


def _json(said: object) -> str:
    return msgspec.json.format(msgspec.json.encode(said, enc_hook=sorted)).decode()


def _text(message: Message) -> str:
    if not isinstance(message, Confirmation):
        return _json(message)
    lines = [f"{name:<24}{said}" for name, said in told(message.terms)]
    lines += [f"{'not said by the format':<24}{name}" for name in sorted(message.silent_on)]
    lines += [f"{'remark':<24}{remark}" for remark in message.terms.remarks]
    return "\n".join([f"{'format':<24}{message.format}", *lines])


if __name__ == "__main__":
    sys.exit(main())
