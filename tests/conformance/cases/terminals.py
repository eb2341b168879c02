"""What strangers say, in the output of our own programs."""

import json

from metaserve.messages import HEARTBEAT
from metaserve.roles import hello

from suite.checks import Group
from suite.daemon import BIN, run
from suite.peers import Follower, closed, listed

GROUP = Group("terminals")
HOSTILE = json.dumps({
    "name": "\x1b[2J\x1b[31mevil\r\n+ a line of its own", "map": "\u202egnp\u2028", "mode": "x\x07",
    "players": 1, "max_players": 2,
}).encode()
TAGS = ['q"} 1 # x', "back\\slash", "<script>alert(1)</script>", "%n%s", "${x}", "../../etc", "all",
        "null", "other", "\u0301", "\u00e9" * 32, "\U0001f47e" * 16]
NEVER_SHOWN = ["\x1b", "\x07", "\r", "\u202e", "\u2028", "\n+ a line"]


@GROUP.check
async def tags_and_heartbeats(daemon):
    """No control character and no direction mark of a stranger reaches a terminal."""
    servers = [await listed(daemon, tag, HOSTILE, 1000 + it) for it, tag in enumerate(TAGS)]
    client = await Follower.start(daemon)
    await client.until(lambda rows: len(rows) == len(TAGS))
    for words in (
        [BIN / "metaserve-daemon", "list", *daemon.trust()],
        [BIN / "examples/game_client", "--once", *daemon.trust()],
    ):
        code, output = await run(*words)
        text = output.decode()
        assert code == 0, text
        assert "evil" in text, text
        for mark in NEVER_SHOWN:
            assert mark not in text, f"{mark!r} is in {text!r}"
    metrics = await daemon.get("/metrics")
    assert "evil" not in metrics
    for line in metrics.splitlines():
        assert line.startswith("#") or line.rsplit(" ", 1)[1].replace(".", "").isdigit(), line
    for it in servers:
        it.close(0)


@GROUP.check
async def refused_tags(daemon):
    """A tag that is refused is quoted without the characters that it is refused for."""
    for tag in ("a\u202eb", "\u2028", "\ufeff", "\u200b", "\ue000", "\U000e0001", "a\x1b[2Jb"):
        peer = await daemon.connect(HEARTBEAT)
        peer.send(hello(tag))
        end = await closed(peer, 2)
        assert end.reason.isascii() and end.reason.isprintable(), repr(end.reason)
    assert not any(mark in daemon.log() for mark in ("\u202e", "\u200b", "\x1b"))
