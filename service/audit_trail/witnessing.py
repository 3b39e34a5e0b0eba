"""Checkpoints shown to witnesses on other machines, who remember them and cosign what continues what they saw.

A checkpoint is published as ``checkpoint`` once enough witnesses cosigned it. Until then the last such one stays, and
the newer stands beside it as ``checkpoint.pending`` with the lines there are. A witness that saw a larger log, or
another one of the same size, saw what this log has forgotten or rewritten: that stops everything.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from audit.checkpoint import Checkpoint
from audit.cosignature import with_lines
from audit.note import parse
from audit.policy import LogPolicy
from audit.tiles import TileReader, written_size
from audit.witness_http import WitnessRefused, WitnessUnreachable, add_checkpoint
from service.audit_trail.sequencer import LogContradiction, NotWitnessed
from service.settings import WitnessAt

LOGGER = logging.getLogger(__name__)
TIMEOUT_SECONDS = 5.0
PATIENCE_SECONDS = 5.0  # before a witness that did not cosign is asked again
TRIES_MAX = 3
CONFLICT, UNPROCESSABLE = 409, 422


class WitnessesDiffer(ValueError):
    """The settings name other witnesses than leaf 0 promises for ever."""


def must_be_promised(promises: LogPolicy, witnesses: Sequence[WitnessAt], quorum: int | None) -> None:
    """Raise WitnessesDiffer if a log that promised witnesses would be kept without them."""
    if not promises.witnesses:
        return
    promised, told = sorted(map(str, promises.witnesses)), sorted(str(one.key) for one in witnesses)
    if promised != told or quorum != promises.quorum:
        raise WitnessesDiffer(
            f"the log promised {promises.quorum} of the witnesses {', '.join(promised)} in its first entry; "
            f"the settings name {quorum or 0} of {', '.join(told) or 'none'}"
        )


@dataclass(slots=True)
class Witnessing:
    """Asks the witnesses, all at once, and knows how long a checkpoint has waited for enough of them."""

    directory: Path
    witnesses: Sequence[WitnessAt]
    quorum: int
    clock: Callable[[], float] = time.monotonic
    missing: dict[str, str] = field(default_factory=dict)  # by witness: why it did not cosign the newest
    known: dict[str, int] = field(default_factory=dict)  # by witness: the size it is known to have seen
    short_since: float | None = None
    _asked_at: float | None = None
    _short: bytes | None = None  # the newest note that had too few lines

    @property
    def short_seconds(self) -> float:
        """How long the newest checkpoint has lacked cosignatures; 0 if it does not."""
        return 0.0 if self.short_since is None else self.clock() - self.short_since

    async def __call__(self, note: bytes) -> bytes:
        """Return the note with the lines of the witnesses who cosigned it, enough of them.

        Raises NotWitnessed with what there is, LogContradiction if a witness saw another log.
        """
        if self._asked_at is not None and self.clock() - self._asked_at < PATIENCE_SECONDS:
            same = self._short is not None and parse(self._short)[0] == parse(note)[0]
            raise NotWitnessed(self._short if self._short is not None and same else note)
        asked = [asyncio.to_thread(self._ask, one, note) for one in self.witnesses]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        lines, self.missing = [], {}
        for one, answer in zip(self.witnesses, answers, strict=True):
            if isinstance(answer, str):
                lines.append(answer)
            elif isinstance(answer, WitnessRefused | WitnessUnreachable):
                self.missing[one.key.name] = str(answer)
            else:
                raise answer
        whole = with_lines(note, lines)
        if len(lines) >= self.quorum:
            if self.short_since is not None:
                LOGGER.warning("enough witnesses cosign again")
            self.short_since = self._asked_at = self._short = None
            return whole
        self._asked_at, self._short = self.clock(), whole
        if self.short_since is None:
            self.short_since = self._asked_at
            LOGGER.error(
                "%d of %d witnesses cosign, %d must: %s",
                len(lines),
                len(self.witnesses),
                self.quorum,
                self.missing,
            )
        raise NotWitnessed(whole)

    def _ask(self, one: WitnessAt, note: bytes) -> str:
        """Ask one witness, from the size it says it knows. Raises LogContradiction for a rollback or a fork."""
        signed = Checkpoint.parse(parse(note)[0])
        reader, size = TileReader(self.directory), written_size(self.directory)
        old = min(self.known.get(one.key.name, 0), signed.size)
        for _ in range(TRIES_MAX):
            proof = reader.consistency_proof(old, signed.size) if 0 < old < signed.size else []
            assert signed.size <= size, "what is signed is in the files"
            try:
                line = add_checkpoint(one.url, note, proof, old, key=one.key, timeout_seconds=TIMEOUT_SECONDS)
            except WitnessRefused as refused:
                if refused.status == CONFLICT and refused.known_size is not None:
                    if refused.known_size > signed.size:
                        sentence = (
                            f"the witness {one.key.name} saw {refused.known_size} entries of this log, which has "
                            f"{signed.size} now: it is an older copy"
                        )
                        raise LogContradiction(sentence) from refused
                    if refused.known_size != old:
                        old = refused.known_size
                        continue
                if refused.status in (CONFLICT, UNPROCESSABLE):
                    sentence = f"the witness {one.key.name} saw another log of {old} entries than this one: {refused}"
                    raise LogContradiction(sentence) from refused
                raise
            self.known[one.key.name] = signed.size
            return line
        raise WitnessUnreachable(f"{one.url} changes its mind about what it saw")
