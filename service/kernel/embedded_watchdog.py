"""Starts the embedded PostgreSQL and stops it when the service is gone, however the service went.

Runs as a program of its own (standard library only, no site packages): the service holds the other end of
its standard input, which the kernel closes even for a service killed with SIGKILL. Several services may share
one server; each holds a shared lock on ``users.lock``, and only the last to leave stops the server.

``server.lock`` is inherited by every PostgreSQL process, so it is free exactly when none of them is alive;
unlike a process number it cannot be taken over by a stranger.
"""

import fcntl
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

FAST_SHUTDOWN_SECONDS = 60
POLL_SECONDS = 0.02


def free(lock: int) -> bool:
    """Whether nobody holds ``lock`` (an open file); taken and given back at once."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    fcntl.flock(lock, fcntl.LOCK_UN)
    return True


def leave(users: int, server: int, postmaster: int) -> None:
    """Give up one use of the server and stop it if that was the last.

    ``users`` is this service's own lock; it stays exclusive afterwards, so that the next service waits for
    the end of this shutdown before it looks whether a server is running.
    """
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    for how, seconds in ((signal.SIGINT, FAST_SHUTDOWN_SECONDS), (signal.SIGQUIT, 5), (signal.SIGKILL, 5)):
        if free(server):
            return
        with suppress(ProcessLookupError):  # its children may outlive a killed postmaster for a moment
            os.kill(postmaster, how)
        deadline = time.monotonic() + seconds
        while not free(server) and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)


def launch(server: int, uid: int, gid: int, command: list[str]) -> int:
    """Start ``command`` as ``uid`` and return its process number; ``server`` stays locked while it lives."""
    fcntl.flock(server, fcntl.LOCK_EX | fcntl.LOCK_NB)
    if child := os.fork():
        os.close(server)
        return child
    try:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.dup2(2, 1)
        os.set_inheritable(server, True)
        become(uid, gid)
        os.execve(command[0], command, {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"})
    except OSError as error:
        os.write(2, f"{command[0]}: {error}\n".encode())
    os._exit(127)


def become(uid: int, gid: int) -> None:
    """Give up root's rights for good; nothing to do for an ordinary user."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)


def main(arguments: list[str]) -> None:
    """Arguments: open users lock, home directory, uid, gid, then ``adopt PID`` or the command to launch."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(
            number, signal.SIG_IGN
        )  # a service manager signals everyone; our order is the pipe's end
    users, uid, gid = int(arguments[0]), int(arguments[2]), int(arguments[3])
    home, command = Path(arguments[1]), arguments[4:]
    os.set_inheritable(users, False)
    server = os.open(home / "server.lock", os.O_RDWR)
    if command[0] == "adopt":
        postmaster = int(command[1])
    else:
        postmaster = launch(os.open(home / "server.lock", os.O_RDWR), uid, gid, command)
    become(uid, gid)
    os.write(1, b"%d\n" % postmaster)
    os.read(0, 1)
    leave(users, server, postmaster)


if __name__ == "__main__":
    main(sys.argv[1:])
