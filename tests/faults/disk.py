"""A small disk of its own for the tables of a database, which can be full: a file system in memory."""

import asyncio
import contextlib
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from service.bank import DATABASE

PAGE_BYTES = 4096


class NoDisk(RuntimeError):
    """This user may not mount a file system, so that fault is left out."""


@dataclass
class Disk:
    """A mounted file system of so many bytes."""

    place: Path
    size: int

    @contextlib.contextmanager
    def mounted(self) -> Iterator["Disk"]:
        """Give the disk; what is on it is gone afterwards. Raises NoDisk."""
        self.place.mkdir()
        made = self._mount(f"size={self.size}", "-t", "tmpfs", "tmpfs")
        if made.returncode != 0:
            self.place.rmdir()
            raise NoDisk((made.stderr or "mount failed").strip())
        try:
            yield self
        finally:
            subprocess.run(["umount", "-l", str(self.place)], check=True)  # whoever still ends there may
            self.place.rmdir()

    def fill(self) -> bool:
        """Leave room for a page more than is used; False if more was used meanwhile."""
        facts = os.statvfs(self.place)
        used = (facts.f_blocks - facts.f_bfree) * facts.f_frsize
        return self._mount(f"remount,size={used + PAGE_BYTES}").returncode == 0

    def clear(self) -> None:
        """Give the room back."""
        assert self._mount(f"remount,size={self.size}").returncode == 0

    def hold(self, server_url: str, owner: Path) -> None:
        """Move the bank's tables here; ``owner`` is a directory of the user PostgreSQL runs as."""
        tables = self.place / "tables"
        tables.mkdir(mode=0o700)
        self.place.chmod(0o755)
        os.chown(tables, owner.stat().st_uid, owner.stat().st_gid)
        asyncio.run(self._take_in(server_url, tables))

    async def _take_in(self, server_url: str, tables: Path) -> None:
        engine = create_async_engine(server_url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
        async with engine.connect() as connection:
            await connection.exec_driver_sql(f"CREATE TABLESPACE small LOCATION '{tables}'")
            await connection.exec_driver_sql(f"ALTER DATABASE {DATABASE} SET TABLESPACE small")
        await engine.dispose()

    def _mount(self, options: str, *more: str) -> "subprocess.CompletedProcess[str]":
        command = ["mount", "-o", options, *more, str(self.place)]
        try:
            return subprocess.run(command, check=False, capture_output=True, text=True)
        except FileNotFoundError as missing:
            return subprocess.CompletedProcess(command, 127, "", str(missing))
