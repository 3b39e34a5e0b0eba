"""Witnesses for tests: each with its key and memory, answering on a port of its own until it is stopped."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from audit import keys
from audit.cosignature import CosigningKey
from audit.note import VerifierKey
from audit.witness import Witness
from audit.witness_http import WitnessServer
from service.settings import WitnessAt


@dataclass
class Watcher:
    """A witness on this machine; stopped and started again it has the same address and memory."""

    key: CosigningKey
    state: Path
    log: VerifierKey | None = None
    port: int = 0
    _server: WitnessServer | None = field(default=None, repr=False)

    def start(self) -> None:
        """Answer from now on."""
        logs = [] if self.log is None else [self.log]
        witness = Witness(self.key, self.state, logs, lambda: int(time.time()))  # noqa: TID251 - its own clock
        self._server = WitnessServer(("127.0.0.1", self.port), witness)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        """Answer nobody."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    @property
    def at(self) -> WitnessAt:
        """How the bank's settings name it."""
        return WitnessAt(f"http://127.0.0.1:{self.port}", self.key.cosigner)


@contextmanager
def watchers(folder: Path, count: int) -> Iterator[list[Watcher]]:
    """Give so many witnesses that answer; which log they watch is told before they are asked."""
    found = []
    for number in range(count):
        name = f"witness.test/{number}"
        one = Watcher(CosigningKey(name, keys.generate()), folder / f"witness-{number}.json")
        Witness(one.key, one.state, (), lambda: 0).begin()
        one.start()
        found.append(one)
    yield found
    for one in found:
        one.stop()


def watching(watcher: Watcher, log: VerifierKey) -> None:
    """Have a witness trust this log's key from now on."""
    watcher.stop()
    watcher.log = log
    watcher.start()
