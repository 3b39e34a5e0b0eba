"""The rules of the house that no linter knows: sizes, names of files, what may never stand in a file."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

CLONE = Path(__file__).parents[2]
LINES_MAX = 500
FUNCTION_LINES_MAX = 60
NOT_OURS = re.compile(
    r"(^|/)(\.venv(-peers)?|\.data|\.git|__pycache__|node_modules|\.[a-z_]+_cache|\.hypothesis|[^/]+\.egg-info)/"
)
WRITTEN = {".py", ".sh", ".html", ".css", ".toml", ""}  # by hand; without suffix: the scripts

SLICES = {
    "absences", "bookkeeping", "cases", "compliance", "confirmations", "conformity", "control", "dashboards", "deputies", "desks",
    "documents", "explaining", "governance", "limits", "market", "organisation", "parties", "people", "reconciliation",
    "recovery", "reports", "rotation", "settlement", "settlement_rules", "supervision", "trades", "transfers", "work",
}  # fmt: skip
VOCABULARY = {"__init__", "lifecycle", "model", "use_cases", "queries", "api", "pages"}
# Modules of a slice, besides the vocabulary, that do more than calculate.
DOING = {
    "bookkeeping/booking.py": "one journal written with its lines, for every act that books",
    "bookkeeping/clearing.py": "what is paid or received in part, by deal and age",
    "compliance/access.py": "who may do what, and who tried in vain, read from policy and log",
    "compliance/all_rows.py": "every business row of one moment, for a reconciliation outside",
    "compliance/catalogue.py": "the controls, each with its tests and its newest evidence in the log",
    "compliance/catalogue_api.py": "their faces",
    "compliance/catalogue_pages.py": "their pages, and those of the access matrix",
    "compliance/ending.py": "rights that end by themselves, judged before they do",
    "compliance/evidence.py": "what a pack needs, gathered from database and log",
    "compliance/nightly.py": "the books held against the log, each night",
    "compliance/papers.py": "the filed papers held against their hashes, and gathered for a pack",
    "compliance/person_pages.py": "the pages of a person over all accounts and of a deal over all offices",
    "compliance/persons.py": "a person's units, rights, deputies and absences, read over all offices",
    "compliance/rights.py": "conflicts of rights and watched deals, read over all offices",
    "compliance/rights_api.py": "their faces",
    "compliance/rebuild.py": "the past told again from entries alone",
    "compliance/usage.py": "roles in force that nobody uses, read from grants and log",
    "confirmations/clusters.py": "cancellations and corrections that pile up, counted and told",
    "confirmations/documenting.py": "the papers of a deal looked for when both sides agree",
    "confirmations/inbound.py": "the acts on what reaches the bank about its deals",
    "confirmations/mailroom.py": "the back office's own post, between two acts of the gate",
    "confirmations/manual.py": "how much is agreed by hand, counted and told",
    "confirmations/message_pages.py": "the pages of what came from outside, of what is alleged and of alerts",
    "confirmations/papers_api.py": "the faces of the papers of a deal",
    "confirmations/receiving.py": "a file from outside read, judged and brought to its deal, for every way it comes",
    "confirmations/sending.py": "our messages on their way, and the acts that record it",
    "confirmations/signing.py": "the acts on the papers of a deal",
    "confirmations/standing.py": "what later acts demand of a deal before they follow it",
    "confirmations/verifying.py": "what happens when a counterparty stays silent",
    "conformity/standing.py": "whether a deal may be agreed and confirmed at its price",
    "control/holding.py": "the back office's lock on a deal, for its own later acts",
    "control/pairing.py": "the two legs of an internal deal held beside each other, for verification and payment",
    "dashboards/health.py": "how log, books, proof and backlog stand, read over all offices",
    "dashboards/escalations.py": "work that climbed and is not answered, of every office",
    "desks/reports.py": "deals off the premises beside the receipts for them",
    "documents/filing.py": "a paper filed by whatever act it belongs to, and its bytes read again",
    "explaining/timing.py": "whether an object stands so that an act can be done now",
    "limits/exposures.py": "what is open by counterparty and time, read beside the deals",
    "limits/held.py": "whether room of the limits is held for a deal, for the back office",
    "limits/reserving.py": "room of the limits taken and given back, for the acts on deals",
    "limits/tree.py": "limits under the sums of their kind and desk, with what is used of each",
    "market/checking.py": "deals held against their reference, as they are entered and when a better one comes",
    "market/importing.py": "one day of the ECB's archive brought to the gate, the same for every face",
    "supervision/issuing.py": "each desk's day told by the clock",
    "people/account_pages.py": "the page of a person's accounts",
    "people/authentication.py": "passwords and tokens",
    "people/directory.py": "who is behind a token, asked before any gate",
    "people/granting.py": "the three steps to a right, and its end",
    "people/sessions.py": "the acts that end sessions, one's own and those of a person",
    "people/staffing.py": "joiners, movers and leavers, and what ends with them",
    "people/withdrawing.py": "what ends with a move or a leave, and what is left behind",
    "people/signing_in.py": "the one act by somebody not yet known",
    "reports/asking.py": "a report asked for, the same for every face",
    "work/cards.py": "the cards and acts that slices bring to the queue below them",
    "trades/importing.py": "deals of a file brought to the gate, or looked at",
    "recovery/ceremony.py": "a custodian's part in bringing the log forward",
    "recovery/replay.py": "rows told again from the entries that the database lost",
    "rotation/ceremony.py": "an approved change of the log's key, made by whoever runs its signer",
    "settlement/applying.py": "one thing that a bank told, brought to its payment",
    "settlement/board.py": "what is still to be paid, and what being late costs, read for the board",
    "settlement/calling.py": "calls to counterparties about payment routes, made by one and checked by another",
    "settlement/dispatching.py": "the acts of a payment message on its way to our bank",
    "settlement/hold_api.py": "the faces of what stops a payment",
    "settlement/holds.py": "the acts that stop a payment and let it go on",
    "settlement/legs.py": "one leg locked and judged for an act, and handed on",
    "settlement/nets.py": "the net a leg is in: let go with its last leg, broken, ended",
    "settlement/netting.py": "the acts by which legs join a net, leave it and follow it",
    "settlement/offering.py": "which acts on a leg its page offers, and why others not yet",
    "settlement/outcomes.py": "what becomes of a leg once it was let go",
    "settlement/outgoing.py": "payment messages carried by the back office's post, held against their schema before",
    "settlement/paying.py": "the message that tells our bank to pay a leg, written and taken back",
    "settlement/payment_api.py": "the faces of payment messages",
    "settlement/payment_pages.py": "the pages of payment messages",
    "settlement/statuses.py": "the acts on what banks say of payments",
    "trades/entering.py": "entered terms looked up, judged and written, for capture and correction",
    "trades/impact.py": "what a change of a deal would set in motion, asked before it is decided",
    "trades/import_pages.py": "the pages of files of deals",
    "trades/internal.py": "the two acts of an internal deal, which write legs as capture does",
    "trades/internal_pages.py": "their pages",
    "trades/looking.py": "a deal looked at before it is entered: what it would take and how far off it is",
    "trades/ticket_pages.py": "the pages of the ticket: fill in, look at, enter, correct, amend",
    "trades/tickets.py": "what a trader fills in for each type of deal",
    "trades/transactions.py": "everything the front office entered, transfers included",
    "trades/versions.py": "versions of deals: terms as stored, and back",
    "work/escalating.py": "work that nobody answers, on its way up",
    "work/heads.py": "who leads each office today, for work that climbs to them",
    "work/worker.py": "an office's automatic acts",
}
IMPURE = {
    "sqlalchemy",
    "asyncpg",
    "httpx",
    "litestar",
    "service.gate",
    "service.attempt",
    "service.kernel.clock",
}

REGISTRY = re.compile(
    r"https?://(index|simple|registry|files?|packages?|deb)[a-z0-9.-]*\.(org|com|net|io)"
    r"|\b(p[y]pi|pythonh[o]sted|npm[j]s|y[a]rnpkg)\.(org|com|io)\b"
)


def files() -> Iterator[Path]:
    """Files of the project: those git knows or would take, or without git everything not made by a tool."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=CLONE, capture_output=True, text=True, check=False,
    )  # fmt: skip
    names = listed.stdout.split("\0") if listed.returncode == 0 else map(str, CLONE.rglob("*"))
    for name in names:
        path = CLONE / name
        if name and path.is_file() and not NOT_OURS.search(path.relative_to(CLONE).as_posix()):
            yield path


FILES = sorted(files())
PYTHON = [path for path in FILES if path.suffix == ".py"]


def name(path: Path) -> str:
    return path.relative_to(CLONE).as_posix()


def test_no_file_is_longer_than_two_names_would_make_it() -> None:
    lines = {name(path): len(path.read_text().splitlines()) for path in FILES if path.suffix in WRITTEN}

    assert {path: count for path, count in lines.items() if count > LINES_MAX} == {}


def test_every_function_fits_a_screen() -> None:
    long = {}
    for path in PYTHON:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                count = (node.end_lineno or node.lineno) - node.lineno + 1
                if count > FUNCTION_LINES_MAX:
                    long[f"{name(path)}:{node.name}"] = count

    assert long == {}


def test_files_of_a_slice_are_of_the_vocabulary_or_a_pure_noun() -> None:
    doing = {
        path.relative_to(CLONE / "service").as_posix()
        for office in SLICES
        for path in (CLONE / "service" / office).glob("**/*.py")
        if path.stem not in VOCABULARY and any(imported in IMPURE for imported in imports(path))
    }

    assert doing <= set(DOING)


def test_every_folder_of_the_service_is_a_slice_or_has_its_place() -> None:
    folders = {path.parent.name for path in CLONE.glob("service/*/__init__.py")}

    assert folders <= SLICES | {"kernel", "audit_trail", "ui", "migrations", "demo", "importing", "messages"}


def imports(path: Path) -> set[str]:
    """Modules the file imports: each with its first name too (``sqlalchemy.orm`` and ``sqlalchemy``)."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found | {module.split(".")[0] for module in found}


@pytest.mark.parametrize(("package", "allowed"), [("audit", {"cryptography"}), ("policies", {"casbin"})])
def test_what_an_auditor_must_trust_needs_little_besides_python(package: str, allowed: set[str]) -> None:
    outside = {
        first
        for path in PYTHON
        if name(path).startswith(f"{package}/")
        for first in imports(path)
        if "." not in first and first not in sys.stdlib_module_names
    }

    assert outside - {package, "__future__"} <= allowed


def test_no_file_names_a_registry_or_a_place_on_this_machine() -> None:
    places = {str(CLONE), str(CLONE.parent / "shared")}
    found = {
        f"{name(path)}:{number}"
        for path in FILES
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), start=1)
        if REGISTRY.search(line) or any(place in line for place in places)
    }

    assert found == set()


def test_the_rule_against_registries_bites() -> None:
    assert REGISTRY.search("--index-url https:" + "//index.some-mirror.org/simple")
    assert REGISTRY.search("see " + "py" + "pi.org")
    assert not REGISTRY.search("https://www.ecb.europa.eu/stats")


def test_templates_escape_everything() -> None:
    unescaped = re.compile(r"\|\s*safe\b|autoescape\s+false")
    found = [name(path) for path in FILES if path.suffix == ".html" and unescaped.search(path.read_text())]

    assert found == []


def test_every_script_can_be_started() -> None:
    for script in ("run", "test", "check", "bench", "lock"):
        assert (CLONE / "scripts" / script).stat().st_mode & 0o111, script
    assert (CLONE / ".ci" / "run").stat().st_mode & 0o111
