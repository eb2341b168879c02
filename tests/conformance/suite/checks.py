"""Checks: functions that raise when what they see is wrong."""

import asyncio
import inspect
import time
import traceback

from .daemon import Daemon

# After which a wait is given up, and the check fails: only a hang takes so long.
PATIENCE = 120


class Group:
    """Checks against one daemon, one after the other."""

    def __init__(self, name, *flags):
        self.name, self.flags, self.checks = name, flags, []

    def check(self, function):
        """Adds a check: an async function of the daemon. Its first line of documentation says
        what has to hold."""
        self.checks.append(function)
        return function

    async def run(self, report):
        daemon = await Daemon(*self.flags).start()
        try:
            for function in self.checks:
                words = inspect.getdoc(function).partition("\n\n")[0].replace("\n", " ")
                begun = time.monotonic()
                try:
                    await asyncio.wait_for(function(daemon), PATIENCE)
                    problem = None
                except Exception:
                    problem = traceback.format_exc()
                report(f"{self.name}: {words.rstrip('.')}", problem, time.monotonic() - begun)
            if daemon.process.returncode is not None:
                report(f"{self.name}: the daemon still runs", daemon.log()[-3000:], 0)
        finally:
            await daemon.stop()


async def eventually(what, look):
    """Looks again and again until what is seen is true, and gives it."""
    end = time.monotonic() + PATIENCE / 2
    while not (seen := await look()):
        assert time.monotonic() < end, f"waited in vain for {what}"
        await asyncio.sleep(0.05)
    return seen


def equal(seen, right):
    assert seen == right, f"saw {seen!r}, and right is {right!r}"
