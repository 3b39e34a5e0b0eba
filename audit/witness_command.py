"""`python -m audit witness`: make the key of a witness, or serve with it.

It belongs on another machine, under other administrators than the log's. The key file has a
neighbour `KEYFILE.pub` with the name; the state file is what must never be restored from a backup.
"""

import argparse
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from audit import files, keys
from audit.cosignature import CosignerKey, CosigningKey
from audit.note import MalformedKey, VerifierKey, check_name
from audit.witness import Witness, WitnessMemoryLost
from audit.witness_http import WitnessServer

PASSPHRASE_BYTES_MAX = 4096


class WrongUsage(Exception):
    """What was asked for makes no sense."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    parser.add_argument(
        "--key", type=Path, required=True, metavar="KEYFILE", help="private key of the witness"
    )
    parser.add_argument("--state", type=Path, required=True, metavar="FILE", help="what it cosigned last")
    parser.add_argument(
        "--new-key", metavar="NAME", help="make key and state, print the public key, and stop"
    )
    parser.add_argument(
        "--log", action="append", default=[], metavar="VKEY", help="a log to witness; repeatable"
    )
    parser.add_argument(
        "--listen", default="127.0.0.1:0", metavar="HOST:PORT", help="port 0 takes a free one"
    )
    parser.add_argument("--passphrase-file", type=Path, metavar="FILE", help="encrypts the key file")
    parser.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    """Do what was asked. Raises WrongUsage, keys.UnusableKey."""
    passphrase = None if asked.passphrase_file is None else _passphrase(asked.passphrase_file)
    if asked.new_key is not None:
        print(create(asked.key, asked.state, asked.new_key, passphrase))  # noqa: T201 - its answer
        return 0
    if not asked.log:
        raise WrongUsage("a witness needs --log VKEY, at least one")
    logs = [_log(text) for text in asked.log]
    witness = Witness(load(asked.key, passphrase), asked.state, logs, lambda: int(_now()))
    try:
        witness.last(logs[0].name)
    except WitnessMemoryLost as lost:
        raise WrongUsage(str(lost)) from lost
    serve(witness, _address(asked.listen), _until_told())
    return 0


def create(key_path: Path, state_path: Path, name: str, passphrase: bytes | None = None) -> CosignerKey:
    """Make the key and the memory of a new witness. Raises WrongUsage if any of it is there."""
    public_path = _public_path(key_path)
    if public_path.exists() or key_path.exists():
        raise WrongUsage(f"{key_path} or {public_path} exists")
    try:
        check_name(name)
        key = CosigningKey(name, keys.generate())
        Witness(key, state_path, (), lambda: 0).begin()
        keys.save_private(key_path, key.private, passphrase)
    except (MalformedKey, FileExistsError) as there:
        raise WrongUsage(str(there)) from there
    files.replace(public_path, f"{key.cosigner}\n".encode(), public_path.parent)
    return key.cosigner


def load(key_path: Path, passphrase: bytes | None = None) -> CosigningKey:
    """Read what ``create`` wrote. Raises keys.UnusableKey."""
    try:
        private = keys.load_private(key_path, passphrase)
        known = CosignerKey.parse(_public_path(key_path).read_text(encoding="utf-8").strip())
    except (OSError, MalformedKey, UnicodeDecodeError) as broken:
        raise keys.UnusableKey(f"{key_path} and its .pub hold no key of a witness: {broken}") from broken
    key = CosigningKey(known.name, private)
    if str(key.cosigner) != str(known):
        raise keys.UnusableKey(f"{_public_path(key_path)} is not the public half of {key_path}.")
    return key


def serve(witness: Witness, address: tuple[str, int], wait: Callable[[], object]) -> None:
    """Answer requests until ``wait`` returns; the address is told on standard output."""
    with WitnessServer(address, witness) as server:
        host, port = server.server_address[:2]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
        thread.start()
        print(f"witness: listening on http://{host!s}:{port}", flush=True)  # noqa: T201 - its answer
        try:
            wait()
        finally:
            server.shutdown()
            thread.join()


def _until_told() -> Callable[[], object]:
    """Wait for SIGTERM or SIGINT."""
    told = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told.set())
    return told.wait


def _now() -> float:
    return time.time()  # noqa: TID251 - the witness is no part of the service and has no clock of its own


def _log(text: str) -> VerifierKey:
    try:
        return VerifierKey.parse(text.strip())
    except MalformedKey as broken:
        raise WrongUsage(f"--log: {broken}") from broken


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65_535:  # noqa: PLR2004 - sixteen bits
        raise WrongUsage(f"--listen {text!r} is not HOST:PORT")
    return host.strip("[]"), int(port)


def _public_path(key_path: Path) -> Path:
    return key_path.with_name(key_path.name + ".pub")


def _passphrase(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(PASSPHRASE_BYTES_MAX).rstrip(b"\r\n")
    except OSError as broken:
        raise WrongUsage(f"{path}: {broken}") from broken


def main(arguments: Sequence[str]) -> int:
    """Run the command by itself, for the service's own command line."""
    parser = argparse.ArgumentParser(prog="witness", description=__doc__)
    add_arguments(parser)
    try:
        return run(parser.parse_args(list(arguments)))
    except (WrongUsage, keys.UnusableKey) as wrong:
        print(f"witness: {wrong}", file=sys.stderr)  # noqa: T201 - a usage error
        return 64
