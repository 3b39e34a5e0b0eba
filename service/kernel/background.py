"""Work that goes on beside the answers as long as the service runs: begun once, ended once."""

import asyncio
import contextlib
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar


@dataclass(slots=True)
class Background(ABC):
    """A task of its own. What is under way at the end is cancelled, and found again by the next start."""

    called: ClassVar[str]
    task: asyncio.Task[None] | None = field(default=None, init=False)

    def start(self) -> None:
        """Begin."""
        self.task = asyncio.create_task(self._run(), name=self.called)

    async def stop(self) -> None:
        """End."""
        if self.task is not None:
            self.task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self.task
            self.task = None

    @abstractmethod
    async def _run(self) -> None:
        """Go on until cancelled."""
