"""Peers that are slow, or stop in the middle of something."""

import asyncio
import os
import time

from metaserve.connection import Closed, Reset
from metaserve.messages import CLIENT, HEARTBEAT, RELAY, encode, frame
from metaserve.roles import hello, subscribe, upsert

from suite import raw
from suite.checks import Group, equal
from suite.peers import Follower, answers, fingerprint, identity

OWN = identity("relay")
GROUP = Group("slow", "--trust-relay", fingerprint(OWN))
DAEMON_STREAM = 3


def granting(first):
    """A connection that grants so many bytes of the daemon's stream, and more only by hand."""
    def prepare(quic):
        quic._write_stream_limits = lambda **_: None

    return {"options": {"max_stream_data": first, "max_data": 1 << 24}, "prepare": prepare}


async def fill(daemon, game, count, size):
    relay = await daemon.connect(RELAY, OWN)
    relay.send(
        *(upsert(key, game, f"10.0.{key % 8}.1:{1000 + key}", os.urandom(size)) for key in range(count))
    )
    client = await Follower.start(daemon, game)
    await client.until(lambda rows: len(rows) == count)
    client.leave()
    return relay


async def reset_after(peer):
    """Waits for the daemon's stream to be reset, and says when and with which code."""
    begun = time.monotonic()
    while not isinstance(item := await peer.next(), Reset):
        assert not isinstance(item, Closed), item
    return time.monotonic() - begun, item.code


@GROUP.check
async def takes_nothing(daemon):
    """A client that takes nothing for 10 seconds has its stream reset with code 9, and is then sent
    a snapshot on the next; nothing is piled up for it."""
    relay = await fill(daemon, "stall", 100, 4000)
    peers, resets = [], []
    for _ in range(10):
        peer = await daemon.connect(CLIENT, **granting(5000))
        peer.send(subscribe("stall", compression="none"))
        peers.append(peer)
        resets.append(asyncio.ensure_future(reset_after(peer)))
    before = daemon.memory_bytes()
    for turn in range(20):
        relay.send(*(
            upsert(key, "stall", f"10.0.{key % 8}.1:{1000 + key}", os.urandom(4000)) for key in range(20)
        ))
        await relay.ping()
    for after, code in await asyncio.gather(*resets):
        equal(code, 9)
        assert after > 5, f"after {after} seconds"
    grown = daemon.memory_bytes() - before
    assert grown < 64 << 20, f"the daemon has grown by {grown} bytes"
    # The next stream is read as it comes.
    peer = peers[0]
    next_stream = DAEMON_STREAM + 4
    raw.inject(peer, raw.max_stream_data(next_stream, 1 << 24))
    if stream := peer._quic._streams.get(next_stream):
        stream.max_stream_data_local = 1 << 24
    else:
        peer._quic._local_max_stream_data_uni = 1 << 24
    follower = Follower(peer)
    await follower.step()
    equal(follower.list.seen[0], "snapshot")
    for it in peers:
        it.close(0)
    relay.close(0)


@GROUP.check
async def takes_too_little(daemon):
    """A client that takes less than 8 KiB a second of a long message has its stream reset with code
    9, after 10 seconds and the message's length at that rate."""
    relay = await fill(daemon, "drip", 20, 4000)
    peer = await daemon.connect(CLIENT, **granting(20_000))
    peer.send(subscribe("drip", compression="none"))
    ended = asyncio.ensure_future(reset_after(peer))
    granted = 20_000
    while not ended.done():
        await asyncio.wait({ended}, timeout=0.5)
        granted += 512
        if stream := peer._quic._streams.get(DAEMON_STREAM):
            stream.max_stream_data_local = granted
            raw.inject(peer, raw.max_stream_data(DAEMON_STREAM, granted))
    after, code = await ended
    equal(code, 9)
    # A client has some 20 seconds for 80 KB; one that took nothing has 10.
    assert after > 12, f"after {after} seconds"
    peer.close(0)
    relay.close(0)


@GROUP.check
async def heartbeats_in_parts(daemon):
    """Servers that stop within a heartbeat cost the daemon no more than what they have sent."""
    before = daemon.memory_bytes()
    servers = []
    for _ in range(25):
        server = await daemon.connect(HEARTBEAT)
        server.send(hello("parts"), frame(encode("heartbeat", heartbeat=bytes(8000)))[:-1000])
        equal((await answers(server, 1))[0][0], "welcome")
        await server.ping()
        servers.append(server)
    grown = daemon.memory_bytes() - before
    assert grown < 32 << 20, f"the daemon has grown by {grown} bytes"
    for it in servers:
        it.close(0)
