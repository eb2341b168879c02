"""The package explains itself, and its example does what it says."""

import dataclasses
import inspect
import re
import subprocess
import sys
import threading
import unittest
from pathlib import Path
from typing import List

import metaserve

from .daemon import WithDaemon, until

BOT = Path(__file__).parents[4] / "examples/python/bot.py"


class Bots(WithDaemon):
    """One bot speaks, however many there are."""

    def start(self) -> "subprocess.Popen[str]":
        """A bot, which writes what it says."""
        trust = self.daemon.trust
        bot = subprocess.Popen(
            [sys.executable, BOT, trust["daemon"], trust["fingerprint"]],
            stdout=subprocess.PIPE,
            text=True,
        )

        def end() -> None:
            bot.kill()
            bot.wait()
            assert bot.stdout
            bot.stdout.close()

        self.addCleanup(end)
        return bot

    def spoken(self, bot: "subprocess.Popen[str]") -> int:
        """How many players the bot speaks of next. They change until it does."""
        lines: List[str] = []
        assert bot.stdout
        reader = threading.Thread(target=lambda out: lines.append(out.readline()), args=[bot.stdout])
        reader.start()

        def changed() -> bool:
            self.players += 1
            self.playing.heartbeat({"name": "Dusty's", "players": self.players})
            return bool(lines)

        until("the bot speaks", changed)
        reader.join()
        found = re.fullmatch(r"\"Dusty's\": (\d+) players\n", lines[0])
        assert found, lines
        return int(found[1])

    def test_another_bot_speaks_when_the_first_one_dies(self) -> None:
        """Until then it is silent."""
        self.players = 0
        self.playing = self.server()
        first = self.start()
        self.spoken(first)  # it has the name
        second = self.start()
        self.spoken(first)
        first.kill()
        first.wait()
        before = self.players
        self.assertGreater(self.spoken(second), before)


class Documentation(unittest.TestCase):
    """``help(metaserve)`` has a text for everything."""

    def test_everything_public_is_explained(self) -> None:
        """Classes with their methods and properties, too."""
        for name in metaserve.__all__:
            item = getattr(metaserve, name)
            if not (inspect.isclass(item) or inspect.isfunction(item)):
                continue  # a name for a type
            self.assertTrue(item.__doc__, name)
            if inspect.isclass(item):
                for inner, value in vars(item).items():
                    if inner.startswith("__") and dataclasses.is_dataclass(item):
                        continue  # Python's own
                    if inspect.isfunction(value) or isinstance(value, property):
                        self.assertTrue(value.__doc__, f"{name}.{inner}")
