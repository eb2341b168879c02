"""Daemons in processes of their own, on ports that the system chooses."""

import asyncio
import json
import os
import re
import signal
import tempfile
import urllib.request
from pathlib import Path

from metaserve import connection

BIN = Path(os.environ.get("BIN", "target/debug")).absolute()


class Daemon:
    """A running daemon. `start` it, and `stop` it."""

    def __init__(self, *flags):
        self.flags = flags
        self.folder = tempfile.TemporaryDirectory(prefix="conformance-")
        self.log_file = Path(self.folder.name, "log")
        self.port = 0

    async def start(self):
        """Starts it; again on the same port and with the same state if it ran before."""
        state = Path(self.folder.name, "state")
        with self.log_file.open("a") as log:
            self.process = await asyncio.create_subprocess_exec(
                BIN / "metaserve-daemon",
                *("--listen", f"[::]:{self.port}", "--http", "127.0.0.1:0"),
                *("--state-dir", state, "--log", "debug", "--log-format", "text"),
                *self.flags,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env={},
            )
        said = ""
        while not (http := re.search(r"http://([^/\s]+)", said)):
            line = (await self.process.stdout.readline()).decode()
            if not line:
                raise RuntimeError("the daemon does not start:\n" + self.log_file.read_text())
            said += line
        self.http = http[1]
        self.port = int(re.search(r"listens on \S*:(\d+)", said)[1])
        self.fingerprint = re.search(r"\(SHA-256\): ([0-9a-f]{64})", said)[1]
        # What it prints later is of no interest, but has to be read.
        self._rest = asyncio.ensure_future(self.process.stdout.read())
        return self

    async def stop(self, number=signal.SIGTERM):
        if self.process.returncode is None:
            self.process.send_signal(number)
        await self.process.wait()

    async def restart(self, number=signal.SIGKILL):
        """Ends it, without a word by default, and starts another in its place."""
        await self.stop(number)
        await self.start()

    async def connect(self, alpn, identity=None, host="127.0.0.1", local=None, **more):
        """Connects as a peer. What aioquic can be told is in `options`."""
        options = more.pop("options", {})
        settings = connection.configuration(alpn, identity, **options)
        address = (host, self.port)
        return await connection.connect(address, self.fingerprint, settings, local, **more)

    async def get(self, path):
        def fetch():
            with urllib.request.urlopen(f"http://{self.http}{path}", timeout=60) as answer:
                return answer.read().decode()

        return await asyncio.to_thread(fetch)

    async def servers(self, game):
        """What HTTP lists of a game."""
        listed = json.loads(await self.get("/api/v1/servers?limit=1000"))["servers"]
        return [it for it in listed if it["game"] == game]

    async def metric(self, name):
        """A metric with this name and these labels, as the exposition writes them."""
        for line in (await self.get("/metrics")).splitlines():
            if line.startswith(name + " "):
                return float(line.rsplit(" ", 1)[1])
        return 0.0

    def log(self):
        return self.log_file.read_text()

    def memory_bytes(self):
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return 1024 * int(re.search(r"VmRSS:\s+(\d+)", status)[1])

    def trust(self):
        """The flags with which our own programs reach it."""
        return ["--daemon", f"127.0.0.1:{self.port}", "--fingerprint", self.fingerprint]


async def run(*words):
    """Runs a program to its end: its exit code and all that it prints."""
    process = await asyncio.create_subprocess_exec(
        *words, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return process.returncode, output
