"""Servers whose packets come from another address than before."""

import asyncio
import socket
import tempfile

from metaserve.roles import heartbeat

from suite.checks import Group, equal, eventually
from suite.peers import Follower, closed, identity, listed

BANS = tempfile.NamedTemporaryFile("w", prefix="conformance-bans-")
BANS.write("127.0.0.66\n")
BANS.flush()
GROUP = Group("migration", "--ban-file", BANS.name, "--max-servers-per-prefix", "10")


async def move(peer, local, target=None):
    """Goes on from another address, as after a change of network."""
    family = socket.AF_INET6 if ":" in local else socket.AF_INET
    own = socket.socket(family, socket.SOCK_DGRAM)
    own.setblocking(False)
    own.bind((local, 0))

    def from_here():
        if target:
            peer._quic._network_paths[0].addr = target
        return peer

    await asyncio.get_running_loop().create_datagram_endpoint(from_here, sock=own)
    peer.change_connection_id()
    peer.ping_once()


async def until(peer, client, holds):
    """Keeps the server alive until this holds for the client's list."""
    reading = asyncio.ensure_future(client.until(holds))
    while not reading.done():
        if peer.closed is None:
            peer.ping_once()
        await asyncio.wait({reading}, timeout=0.5)
    return await reading


def at(host):
    """Whether the list's only server is at this address."""
    return lambda servers: [it["address"].rsplit(":", 1)[0] for it in servers] == [host]


@GROUP.check
async def follows(daemon):
    """A server that moves is listed where its packets come from."""
    client = await Follower.start(daemon, "moves")
    server = await listed(daemon, "moves", local="127.0.0.5")
    await client.until(at("127.0.0.5"))
    await move(server, "127.0.0.6")
    await until(server, client, at("127.0.0.6"))
    server.close(0)


@GROUP.check
async def restless(daemon):
    """A server that moves without end is listed once, and told of a few times."""
    client = await Follower.start(daemon, "restless")
    server = await listed(daemon, "restless", local="127.0.0.5")
    await client.until(at("127.0.0.5"))
    before = len(client.list.seen)
    for turn in range(40):
        await move(server, f"127.0.0.{5 + turn % 2}")
        await asyncio.sleep(0.1)
    await move(server, "127.0.0.7")
    await until(server, client, at("127.0.0.7"))
    told = len(client.list.seen) - before
    assert told <= 8, f"{told} messages"
    server.close(0)


@GROUP.check
async def into_a_ban(daemon):
    """A server that moves to a banned address is closed with code 6."""
    client = await Follower.start(daemon, "evades")
    server = await listed(daemon, "evades", local="127.0.0.5")
    await client.until(at("127.0.0.5"))
    await move(server, "127.0.0.66")
    await until(server, client, lambda servers: not servers)
    await closed(server, 6)


@GROUP.check
async def into_a_full_prefix(daemon):
    """Servers that all move to one address have no more places than servers that connect from it."""
    servers = [await listed(daemon, "full", port=1000 + it, local=f"127.0.1.{it + 1}")
               for it in range(14)]
    client = await Follower.start(daemon, "full")
    await client.until(lambda rows: len(rows) == 14)
    for it in servers:
        await move(it, "127.0.2.9")

    async def settled():
        for it in servers:
            if it.closed is None:
                it.ping_once()
        left = [it for it in servers if it.closed is None]
        rows = await daemon.servers("full")
        return len(left) <= 10 and len(rows) == len(left) and rows

    rows = await eventually("the servers beyond the limit to be closed", settled)
    for it in servers:
        if it.closed is None:
            it.close(0)
        else:
            equal((it.closed.application, it.closed.code), (True, 4))
    assert all(it["address"].startswith("127.0.2.9:") for it in rows), rows


@GROUP.check
async def into_the_other_family(daemon):
    """A server that moves from IPv6 to IPv4 is listed there, in the place of nobody else."""
    client = await Follower.start(daemon, "family")
    for known in (None, identity("moves")):
        server = await listed(daemon, "family", identity=known, host="::1")
        await client.until(at("[::1]"))
        await move(server, "127.0.0.88", ("127.0.0.1", daemon.port))
        await until(server, client, at("127.0.0.88"))
        server.send(heartbeat(b"moved"))
        await until(server, client, lambda rows: [it["heartbeat"] for it in rows] == [b"moved"])
        server.close(0)
        await client.until_heartbeats()


@GROUP.check
async def onto_the_own_other_connection(daemon):
    """Of two connections of one identity, the one that moves into the other's family takes its
    place."""
    known = identity("both")
    client = await Follower.start(daemon, "both")
    v4 = await listed(daemon, "both", b"v4", port=1, identity=known)
    await client.until_heartbeats(b"v4")
    v6 = await listed(daemon, "both", b"v6", port=2, identity=known, host="::1")
    [row] = await client.until(lambda rows: rows and rows[0]["second"])
    equal((row["address"], row["second"]), ("127.0.0.1:1", "[::1]:2"))
    await move(v6, "127.0.0.88", ("127.0.0.1", daemon.port))
    [row] = await until(v6, client, at("127.0.0.88"))
    equal(row["second"], None)
    await closed(v4, 8)
    v6.close(0)


@GROUP.check
async def mapped(daemon):
    """An IPv4-mapped address is listed as IPv4."""
    client = await Follower.start(daemon, "mapped")
    server = await listed(
        daemon, "mapped", host="::ffff:127.0.0.1", local="::ffff:127.0.0.1", port=5
    )
    [row] = await client.until(lambda rows: rows)
    equal(row["address"], "127.0.0.1:5")
    server.close(0)
