"""A daemon for each test, and how to wait for what a list shows."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import time
import unittest
from pathlib import Path
from typing import Any, Callable, List, Optional, TypedDict

import metaserve

GAME = "my-game"


class Trust(TypedDict):
    """The arguments that name a daemon."""

    daemon: str
    fingerprint: str


def until(what: str, condition: Callable[[], Any]) -> Any:
    """What the condition gives once it is true. A test fails after two minutes without it."""
    end = time.monotonic() + 120
    while not (given := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"never: {what}")
        time.sleep(0.01)
    return given


class Daemon:
    """A daemon on a free port, which can be restarted there."""

    def __init__(self, *settings: str) -> None:
        """Starts it."""
        self._state = tempfile.TemporaryDirectory()
        self._settings = settings
        self._listen = "127.0.0.1:0"
        self._start()

    def _start(self) -> None:
        words = [os.environ["DAEMON"], "--listen", self._listen, "--http", "127.0.0.1:0"]
        words += ["--state-dir", self._state.name, "--log", "debug", *self._settings]
        # Programs in Python may need this variable where a daemon is started as well.
        environment = {"METASERVE_LIBRARY": metaserve.library_path()}
        with open(Path(self._state.name, "log"), "a") as log:
            self._process = subprocess.Popen(
                words, stdout=subprocess.PIPE, stderr=log, text=True, env=environment
            )
        assert self._process.stdout
        said = ""
        while "http://" not in said:
            line = self._process.stdout.readline()
            assert line, f"the daemon has ended: {said}{self.log()}"
            said += line
        self._listen = _found(r"listens on (\S+) \(UDP\)", said)
        self.trust = Trust(daemon=self._listen, fingerprint=_found(r"SHA-256\): (\w+)", said))

    def log(self) -> str:
        """What it has logged."""
        return Path(self._state.name, "log").read_text()

    def stop(self) -> None:
        """Ends it, without a word to its peers."""
        self._process.kill()
        self._process.wait()
        assert self._process.stdout
        self._process.stdout.close()

    def restart(self) -> None:
        """Starts it again at its old address."""
        self._start()

    def end(self) -> None:
        """Ends it, and removes its files."""
        self.stop()
        self._state.cleanup()


def _found(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    assert found, text
    return found[1]


class WithDaemon(unittest.TestCase):
    """A test with a daemon of its own."""

    def setUp(self) -> None:
        """Starts it."""
        self.daemon = Daemon("--names", "on")
        self.addCleanup(self.daemon.end)

    def server(self, port: int = 7777, **more: Any) -> metaserve.Server:
        """A server on the list."""
        server = metaserve.Server(**self.daemon.trust, game=GAME, port=port, **more)
        self.addCleanup(server.close, 0)
        return server

    def servers(self) -> metaserve.List:
        """The list."""
        servers = metaserve.List(**self.daemon.trust, game=GAME)
        self.addCleanup(servers.close)
        return servers

    def next_changes(self, servers: metaserve.List) -> List[metaserve.Change]:
        """The changes of the next newer list that has some."""

        def changed() -> Optional[List[metaserve.Change]]:
            return servers.changes() if servers.poll() else None

        changes: List[metaserve.Change] = until("a change of the list", changed)
        return changes

    def until_left(self, game: str, how: str) -> None:
        """Waits until the server of this game has left: ``closed`` with a goodbye, or ``gone``."""
        end = re.compile(rf'role=heartbeat game="{game}"\}}: (closed: goodbye|gone)')
        said = until(f"{game} has left", lambda: end.search(self.daemon.log()))
        self.assertEqual(said[1].split(":")[0], how, game)

    def until_ports(self, servers: metaserve.List, *ports: int) -> None:
        """Waits until the list has servers at these ports, and no others."""

        def as_wanted() -> bool:
            servers.poll()
            return sorted(int(entry.address.split(":")[-1]) for entry in servers) == sorted(ports)

        until(f"the list has {ports}", as_wanted)
