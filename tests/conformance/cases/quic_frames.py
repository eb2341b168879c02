"""QUIC frames that no ordinary stack sends: none of them harms anybody else."""

import asyncio
import os

from aioquic.buffer import encode_uint_var as number
from metaserve.connection import Closed
from metaserve.messages import CLIENT, HEARTBEAT
from metaserve.roles import heartbeat, hello, subscribe

from suite import raw
from suite.checks import Group
from suite.peers import Follower, listed

GROUP = Group("QUIC frames")

STREAM_LIMIT, STREAM_STATE, FINAL_SIZE, FRAME_ENCODING, CONNECTION_ID_LIMIT = 4, 5, 6, 7, 9
PROTOCOL_VIOLATION, CRYPTO_BUFFER, FLOW_CONTROL = 10, 13, 3

# What is sent, and with which of these codes QUIC ends the connection. None: not at all.
REFUSED = {
    "a datagram": ([[b"\x31\x03abc"]], {PROTOCOL_VIOLATION, FRAME_ENCODING}),
    "data on a bidirectional stream": ([[raw.stream(0, 0, b"x")]], {STREAM_LIMIT}),
    "a second stream": ([[raw.stream(6, 0, b"x")]], {STREAM_LIMIT}),
    "a stream of a high number": ([[raw.stream(4002, 0, b"x")]], {STREAM_LIMIT}),
    "data on the daemon's stream": ([[raw.stream(3, 0, b"x")]], {STREAM_STATE}),
    "data far beyond what is allowed": ([[raw.stream(2, 1 << 60, b"x")]], {FLOW_CONTROL}),
    "an offset that overflows": (
        [[raw.stream(2, (1 << 62) - 1, b"xx")]], {FLOW_CONTROL, FRAME_ENCODING},
    ),
    "a final size below what was sent": ([[raw.reset(2, 0, 1)]], {FINAL_SIZE}),
    "a connection id that was never given": ([[raw.retire_connection_id(1000)]], {PROTOCOL_VIOLATION}),
    "more connection ids than allowed": (
        [[raw.new_connection_id(it, 0, os.urandom(8))] for it in range(8, 40)],
        {CONNECTION_ID_LIMIT},
    ),
    "handshake data far away": ([[raw.crypto(1 << 40, b"x")]], {CRYPTO_BUFFER, FRAME_ENCODING}),
    "an acknowledgement of what was not sent": (
        [[b"\x02" + number(1 << 30) + bytes(3)]], {PROTOCOL_VIOLATION},
    ),
    "an unknown frame": ([[number(0x4141) + b"x"]], {FRAME_ENCODING}),
    "the end of the handshake, from a client": ([[b"\x1e"]], {PROTOCOL_VIOLATION}),
    "a token from a client": ([[b"\x07\x04abcd"]], {PROTOCOL_VIOLATION}),
    "a limit of too many streams": ([[b"\x13" + number((1 << 60) + 1)]], {FRAME_ENCODING, STREAM_LIMIT}),
    "stop reading of a stream that is ours": ([[raw.stop(2, 7)]], {STREAM_STATE}),
}

# What may be sent without end, and may end the connection; only the others matter.
ENDURED = {
    "many connection ids that retire others": [
        [b"".join(raw.new_connection_id(it, it, os.urandom(8)) for it in range(first, first + 30))]
        for first in range(8, 3008, 30)
    ],
    "many challenges": [[b"".join(b"\x1a" + os.urandom(8) for _ in range(100))]] * 100,
    "an answer that nobody asked for": [[b"\x1b" + os.urandom(8)]],
    "handshake data in pieces": [[raw.crypto(2 * it + 1, b"x")] for it in range(1000)],
    "an empty packet": [[b""]],
    "only padding": [[bytes(1000)]] * 100,
    "reports of being blocked": [[b"\x14" + number(5) + b"\x15" + number(2) + number(9)]] * 500,
    "a stream in pieces of one byte": [
        [b"".join(raw.stream(2, 60 + 2 * it, b"z") for it in range(first, first + 100))]
        for first in range(0, 2000, 100)
    ],
    "contradicting data": [[raw.stream(2, 5, b"\xff" * 10)], [raw.stream(2, 0, bytes(20))]],
    "stop reading of all of the daemon's streams": [[raw.stop(3 + 4 * it, 7)] for it in range(50)],
    "a reason with escape sequences": [
        [raw.application_close(0, b"\x1b[2J\x1b[31mHACKED\r\nWARN listening\n\xff\xfe")]
    ],
    "an unknown close code": [[raw.application_close(99, b"what")]],
    "the highest close code": [[raw.application_close((1 << 62) - 1, b"x" * 1000)]],
    "the close code of a daemon": [[raw.application_close(8, b"replaced")]],
}


class Witness:
    """An honest server and client, which must not notice anything."""

    async def start(self, daemon, game):
        self.server = await listed(daemon, game, b"before")
        self.client = await Follower.start(daemon, game)
        await self.client.until_heartbeats(b"before")
        return self

    async def unharmed(self):
        self.server.send(heartbeat(b"after"))
        await self.client.until_heartbeats(b"after")
        self.server.close(0)
        self.client.leave()


async def attacker(daemon, alpn=HEARTBEAT):
    peer = await daemon.connect(alpn)
    if alpn == HEARTBEAT:
        peer.send(hello("attack", 1), heartbeat(b"x"))
    else:
        peer.send(subscribe("attack"))
    await peer.message()
    return peer


@GROUP.check
async def refused(daemon):
    """What QUIC forbids ends the connection with QUIC's own code, and nobody else notices."""
    witness = await Witness().start(daemon, "witness-1")
    wrong = []
    for what, (packets, codes) in REFUSED.items():
        peer = await attacker(daemon)
        for frames in packets:
            raw.inject(peer, *frames)
        try:
            end = await asyncio.wait_for(peer.end(), 20)
        except asyncio.TimeoutError:
            end = Closed(-1, "not at all", False)
            peer.close(0)
        if end.application or end.code not in codes:
            wrong.append(f"{what}: {end}, and right is one of {codes}")
    assert not wrong, "\n".join(wrong)
    await witness.unharmed()


@GROUP.check
async def endured(daemon):
    """The daemon endures costly frames, and no other peer notices."""
    witness = await Witness().start(daemon, "witness-2")
    before = daemon.memory_bytes()
    for packets in ENDURED.values():
        for alpn in (HEARTBEAT, CLIENT):
            peer = await attacker(daemon, alpn)
            for frames in packets:
                raw.inject(peer, *frames)
            await asyncio.sleep(0)
            if peer.closed is None:
                peer.close(0)
    await witness.unharmed()
    grown = daemon.memory_bytes() - before
    assert grown < 64 << 20, f"the daemon has grown by {grown} bytes"
    assert "\x1b" not in daemon.log(), "an escape sequence is in the log"


@GROUP.check
async def stopped(daemon):
    """A client that does not want the daemon's stream any more is told goodbye."""
    peer = await attacker(daemon, CLIENT)
    raw.inject(peer, raw.stop(3, 7))
    server = await listed(daemon, "attack", b"news")
    end = await peer.end()
    assert end.application and end.code == 0, end
    server.close(0)


@GROUP.check
async def reset(daemon):
    """A server whose stream is reset leaves the list at once, whatever the code."""
    client = await Follower.start(daemon, "reset")
    for code in (0, 1, 77, (1 << 62) - 1):
        server = await listed(daemon, "reset")
        await client.until_heartbeats(b"x")
        server.reset(code)
        end = await server.end()
        assert end.application and end.code == (2 if code else 0), end
        await client.until_heartbeats()
    client.leave()
