"""`python -m audit signer`: make the log's key, certify a node, encrypt key files, or serve as the signer.

It belongs to a user of its own. KEYFILE and its neighbours (later keys, the key ring) are readable by nobody
else; the state file is what must never be restored from a backup.
"""

import argparse
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from audit import keys
from audit.keyring import BrokenKeyring, MalformedKeyring
from audit.note import MalformedKey, VerifierKey, check_name
from audit.signer import FileSigner, SignerMemoryLost
from audit.signer_keys import KeyStore
from audit.signer_server import AnotherSignerServes, Service, SignerServer, only_one

EXIT_USAGE = 64


class WrongUsage(Exception):
    """What was asked for makes no sense."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    parser.add_argument("--key", type=Path, required=True, metavar="KEYFILE", help="private key of the log")
    parser.add_argument("--state", type=Path, required=True, metavar="FILE", help="what it signed last")
    parser.add_argument(
        "--origin", required=True, metavar="NAME", help="the log's name, as in its checkpoints"
    )
    parser.add_argument("--passphrase-file", type=Path, metavar="FILE", help="encrypts the key files")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--new", action="store_true", help="make key and state, print the public key, and stop")
    what.add_argument(
        "--certify", metavar="VKEY", help="print the log's certificate for a node's key, and stop"
    )
    what.add_argument(
        "--encrypt", action="store_true", help="put open key files under the passphrase, and stop"
    )
    what.add_argument("--socket", type=Path, metavar="PATH", help="serve on this Unix socket")
    parser.add_argument(
        "--peer", type=int, action="append", default=[], metavar="UID", help="a user who may ask; repeatable"
    )
    parser.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    """Do what was asked. Raises WrongUsage, keys.UnusableKey."""
    word = None if asked.passphrase_file is None else keys.read_passphrase(asked.passphrase_file)
    store = KeyStore(asked.key, asked.origin, word)
    signer = FileSigner(store, asked.state, asked.origin)
    try:
        check_name(asked.origin)
        if asked.new:
            print(create(store, signer))  # noqa: T201 - its answer
        elif asked.encrypt:
            encrypt(asked.key, word)
        elif asked.certify is not None:
            sys.stdout.write(signer.certify(VerifierKey.parse(asked.certify.strip())).decode())
        else:
            serve(store, signer, asked, _until_told())
    except (
        AnotherSignerServes,
        BrokenKeyring,
        MalformedKey,
        MalformedKeyring,
        SignerMemoryLost,
        OSError,
    ) as wrong:
        raise WrongUsage(str(wrong)) from wrong
    return 0


def create(store: KeyStore, signer: FileSigner) -> VerifierKey:
    """Make the key and the memory of a new log. Raises FileExistsError if any of it is there."""
    if store.exists():
        raise FileExistsError("There is a key already: this signer has a past.")
    signer.begin()
    return store.begin().verifier


def encrypt(first: Path, word: bytes | None) -> None:
    """Put every key file of the log that lies open under the passphrase. Raises WrongUsage, keys.UnusableKey."""
    if word is None:
        raise WrongUsage("--encrypt needs --passphrase-file")
    for path in sorted(first.parent.glob(f"{first.stem}*.pem")):
        if b"ENCRYPTED" not in path.read_bytes():
            keys.encrypt(path, word)


def serve(store: KeyStore, signer: FileSigner, asked: argparse.Namespace, wait: Callable[[], object]) -> None:
    """Answer requests until ``wait`` returns."""
    with only_one(asked.state):
        signer.last()
        store.newest()  # a wrong passphrase is told now, and not by the first request
        with SignerServer(asked.socket, Service(signer, store), asked.peer) as server:
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
            thread.start()
            print(f"signer: listening on unix:{asked.socket.absolute()}", flush=True)  # noqa: T201 - its answer
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


def main(arguments: Sequence[str]) -> int:
    """Run the command by itself, for the service's own command line."""
    parser = argparse.ArgumentParser(prog="signer", description=__doc__)
    add_arguments(parser)
    try:
        return run(parser.parse_args(list(arguments)))
    except (WrongUsage, keys.UnusableKey) as wrong:
        print(f"signer: {wrong}", file=sys.stderr)  # noqa: T201 - a usage error
        return EXIT_USAGE
