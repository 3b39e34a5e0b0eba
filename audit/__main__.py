"""The auditor's command line: `python -m audit verify`, `check-receipt`; `witness` and `signer` for another machine or user.

Exit codes: 0 verified, 2 incomplete, 1 tampered, 64 wrong usage, 70 the verifier itself failed.
"""

import argparse
import json
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from audit import receipt, replay
from audit.bundle import verify_bundle
from audit.cosignature import CosignerKey
from audit.keyring import FILE_NAME, BrokenKeyring, Keyring, MalformedKeyring
from audit.keys import UnusableKey, load_public
from audit.memory import UnusableState
from audit.note import MalformedKey, VerifierKey
from audit.report import LEVELS, Verdict
from audit.verify import verify

EXIT_CODES = {Verdict.VERIFIED: 0, Verdict.TAMPERED: 1, Verdict.INCOMPLETE: 2}
EXIT_USAGE = 64
EXIT_CRASH = 70
RECEIPT_BYTES_MAX = 64 * 1024 * 1024


class _Usage(Exception):
    """What was asked for makes no sense."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise _Usage(f"{message}\n{self.format_usage()}".rstrip())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; never 1 or 2 for a mistake or a crash."""
    command, *rest = [*(sys.argv[1:] if arguments is None else arguments), ""]
    try:
        asked = _parser(command).parse_intermixed_args(rest[:-1])
        code: int = asked.run(asked)
        sys.stdout.flush()
    except SystemExit:  # --help
        return 0
    except BrokenPipeError:  # whoever reads has closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        print("audit: nobody reads on; this says nothing about the log", file=sys.stderr)
        return EXIT_CRASH
    except (_Usage, UnusableKey, UnusableState) as wrong:
        print(f"audit: {wrong}", file=sys.stderr)
        return EXIT_USAGE
    except Exception:  # noqa: BLE001 - whatever it is, it must not look like a verdict
        traceback.print_exc()
        print("audit: the verifier itself failed; this says nothing about the log", file=sys.stderr)
        return EXIT_CRASH
    return code


def _parser(command: str) -> argparse.ArgumentParser:
    """Find the parser of a command (argparse's own subcommands cannot mix options and paths)."""
    if command in ("-h", "--help"):
        print(__doc__)
        raise SystemExit
    if command not in ("verify", "check-receipt", "replay", "witness", "signer"):
        raise _Usage(f"{command!r} is neither verify nor check-receipt nor replay nor witness nor signer.")
    parser = _Parser(prog=f"python -m audit {command}", epilog=__doc__)
    if command == "witness":
        from audit import witness_command  # not part of what verifies

        witness_command.add_arguments(parser)
        parser.set_defaults(run=_witness)
        return parser
    if command == "signer":
        from audit import signer_command  # not part of what verifies

        signer_command.add_arguments(parser)
        parser.set_defaults(run=_signer)
        return parser
    if command == "verify":
        parser.add_argument("directory", type=Path, metavar="DIRECTORY-OR-PACK")
        parser.add_argument("--state", type=Path, metavar="FILE", help="remember what was seen, and compare")
        parser.add_argument(
            "--incremental", action="store_true", help="with --state: read only the entries that are new"
        )
        parser.add_argument("--level", choices=sorted(LEVELS), help="the least level to accept")
        parser.add_argument("--receipts", type=Path, metavar="FILE", help="receipts the log must keep")
        parser.add_argument(
            "--rows", type=Path, metavar="FILE", help="business rows the entries must bear out"
        )
        parser.add_argument("--witness", action="append", default=[], metavar="VKEY", help="count only these")
        parser.add_argument("--tree-only", action="store_true", help="read no entry; never VERIFIED")
        parser.add_argument("--json", action="store_true", help="print the report as JSON")
        parser.set_defaults(run=_verify)
    elif command == "replay":
        parser.add_argument("directory", type=Path, metavar="DIRECTORY-OR-PACK")
        parser.set_defaults(run=_replay)
    else:
        parser.add_argument("receipt", type=Path, metavar="RECEIPT.json", help="one receipt, or a list")
        parser.add_argument("directory", type=Path, metavar="DIRECTORY", nargs="?")
        parser.set_defaults(run=_check_receipt)
    parser.add_argument("--key", required=True, help="name+hash+base64, or a file with it, or a PEM file")
    return parser


def _verify(asked: argparse.Namespace) -> int:
    if asked.incremental and (asked.state is None or asked.rows is not None or asked.tree_only):
        raise _Usage("--incremental needs --state, and neither --rows nor --tree-only.")
    receipts = [] if asked.receipts is None else _read_receipts(asked.receipts)
    key, witnesses = load_public(asked.key), [_read_witness(text) for text in asked.witness]
    if asked.directory.is_file():
        if asked.state is not None or asked.receipts is not None or asked.rows is not None or asked.tree_only:
            raise _Usage(
                "--state, --receipts, --rows and --tree-only are about a whole log, not about a pack."
            )
        report = verify_bundle(asked.directory, key, level=asked.level, witnesses=witnesses)
    elif not asked.directory.is_dir():
        raise _Usage(f"{asked.directory} is neither a directory nor a pack.")
    else:
        report = verify(
            asked.directory,
            key,
            state=asked.state,
            level=asked.level,
            receipts=receipts,
            witnesses=witnesses,
            tree_only=asked.tree_only,
            rows=_read_rows(asked.rows),
            incremental=asked.incremental,
        )
    if asked.json:
        print(json.dumps(report.as_dict(), ensure_ascii=False, indent=1))
    else:
        first, *others = report.lines()
        print(f"audit: {first}", *others, sep="\n")
    return EXIT_CODES[report.verdict]


def _check_receipt(asked: argparse.Namespace) -> int:
    """Check receipts by themselves, or together with the whole log that must hold their entries."""
    key = load_public(asked.key)
    receipts = _read_receipts(asked.receipt)
    ring = _read_ring(asked.directory)
    vkeys = [_key_for(one, key, ring) for one in receipts]
    try:
        promises = [receipt.check(one, vkey, None) for one, vkey in zip(receipts, vkeys, strict=True)]
    except (receipt.MalformedReceipt, receipt.ForgedReceipt) as refused:
        print(f"audit: TAMPERED\n{refused}")
        return EXIT_CODES[Verdict.TAMPERED]
    told = [f"{one.entry} promised {one.made_at} for {one.deadline} by {one.origin}" for one in promises]
    if asked.directory is None:
        print("audit: VERIFIED (signature only; no log was given)", *told, sep="\n")
        return EXIT_CODES[Verdict.VERIFIED]
    if not asked.directory.is_dir():
        raise _Usage(f"{asked.directory} is not a directory.")
    report = verify(asked.directory, key, receipts=receipts)
    first, *others = report.lines()
    print(f"audit: {first}", *told, *others, sep="\n")
    return EXIT_CODES[report.verdict]


def _replay(asked: argparse.Namespace) -> int:
    """Decide again every decision of a log or a pack that is verified first."""
    key = load_public(asked.key)
    if asked.directory.is_file():  # the verification of a pack has decided them again
        report = verify_bundle(asked.directory, key)
        told = [remark for remark in report.remarks if "decided again" in remark]
        print(f"audit: {report.line()}", report.check("V17").sentence, *told, sep="\n")
        return EXIT_CODES[report.verdict]
    if not asked.directory.is_dir():
        raise _Usage(f"{asked.directory} is neither a directory nor a pack.")
    report = verify(asked.directory, key)
    if report.verdict is not Verdict.VERIFIED or report.size is None:
        print("audit:", *report.lines(), sep="\n")
        return EXIT_CODES[report.verdict]
    found = replay.replay(replay.entries_of(asked.directory, report.size))
    verdict = Verdict.TAMPERED if found.differing else Verdict.VERIFIED
    print(
        f"audit: {verdict}",
        f"{found.decisions} decisions were decided again by the policies they name.",
        sep="\n",
    )
    print(f"{found.skipped} name a policy whose publication does not say what its roles may do.")
    if found.first is not None:
        print(f"{found.differing} come out otherwise; the first: entry {found.first[0]}: {found.first[1]}.")
    return EXIT_CODES[verdict]


def _witness(asked: argparse.Namespace) -> int:
    """Serve as a witness until told to stop, or make its key."""
    from audit import witness_command

    try:
        return witness_command.run(asked)
    except witness_command.WrongUsage as wrong:
        raise _Usage(str(wrong)) from wrong


def _signer(asked: argparse.Namespace) -> int:
    """Serve as the log's signer until told to stop, or see to its keys."""
    from audit import signer_command

    try:
        return signer_command.run(asked)
    except signer_command.WrongUsage as wrong:
        raise _Usage(str(wrong)) from wrong


def _read_witness(text: str) -> CosignerKey:
    try:
        return CosignerKey.parse(text.strip())
    except MalformedKey as broken:
        raise _Usage(f"--witness: {broken}") from broken


def _read_ring(directory: Path | None) -> Keyring | None:
    """Read the key ring beside the log, if there is one; what is wrong with it, the verification says."""
    try:
        return None if directory is None else Keyring.load(directory / FILE_NAME)
    except (OSError, MalformedKeyring, BrokenKeyring):
        return None


def _key_for(one: Any, key: VerifierKey | Ed25519PublicKey, ring: Keyring | None) -> VerifierKey:
    """Find the key that a receipt names: the pinned one, or one that the ring leads to from it."""
    pinned = key if isinstance(key, VerifierKey) else VerifierKey(_origin(one), key)
    if ring is None or not ring.leads_from(pinned.public):
        return pinned
    return receipt.responsible(one, ring.all_keys) or pinned


def _read_rows(path: Path | None) -> Path | None:
    if path is not None and not path.is_file():
        raise _Usage(f"{path} is no file of rows.")
    return path


def _read_receipts(path: Path) -> list[Any]:
    """Read a file with one receipt or a list of them."""
    try:
        with path.open("rb") as file:
            content = json.loads(file.read(RECEIPT_BYTES_MAX))
    except (OSError, ValueError, RecursionError) as broken:
        raise _Usage(f"{path} holds no receipts: {broken}") from broken
    return content if isinstance(content, list) else [content]


def _origin(one: Any) -> str:
    origin = one.get("origin") if isinstance(one, dict) else None
    return origin if isinstance(origin, str) else "unknown"


if __name__ == "__main__":
    sys.exit(main())
