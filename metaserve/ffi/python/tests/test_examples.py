"""The package explains itself, and its example does what it says."""

import ast
import dataclasses
import inspect
import re
import subprocess
import sys
import threading
import time
import unittest
from pathlib import Path
from typing import Any, Dict, List

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
        reader.join(60)
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


ROOT = Path(__file__).parents[4]


def programs(page: str) -> List[str]:
    """The blocks of Python on a page."""
    return re.findall(r"^```python\n(.*?)^```$", (ROOT / page).read_text(), re.M | re.S)


class Pages(WithDaemon):
    """What pages show is right."""

    def test_the_first_programs_of_the_guide_are_the_examples(self) -> None:
        """They are run as the shortest programs in Python."""
        examples = [(ROOT / f"examples/python/{name}.py").read_text() for name in ["server", "client"]]
        self.assertEqual(programs("docs/guide/python.md")[:2], examples)

    def test_all_programs_are_python(self) -> None:
        """Those of the package's own page, too."""
        blocks = programs("docs/guide/python.md") + programs("metaserve/ffi/python/README.md")
        self.assertEqual(len(blocks), 6)
        for block in blocks:
            compile(block, "a page", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)

    def test_the_guides_claim_is_answered(self) -> None:
        """With the daemon of the test."""
        (block,) = [block for block in programs("docs/guide/python.md") if "claim" in block]
        block = block.replace("localhost:4433", self.daemon.trust["daemon"])
        block = block.replace("the 64 digits that the daemon prints", self.daemon.trust["fingerprint"])
        seen: Dict[str, Any] = {"metaserve": metaserve, "time": time}
        exec(block, seen)
        self.assertEqual((seen["state"], seen["holder"].value), ("live", b"203.0.113.7:7777"))


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
