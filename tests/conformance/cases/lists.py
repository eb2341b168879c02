"""What a client is told when servers come, change and go."""

from metaserve.messages import HEARTBEAT, RELAY
from metaserve.roles import heartbeat, hello, upsert

from suite.checks import Group, equal
from suite.peers import Follower, answers, closed, fingerprint, identity

OWN = identity("relay")
GROUP = Group("lists", "--trust-relay", fingerprint(OWN))


@GROUP.check
async def one_server(daemon):
    """A server is listed from its first heartbeat, changes, and leaves with its stream."""
    client = await Follower.start(daemon, "first")
    server = await daemon.connect(HEARTBEAT)
    server.send(hello("first", 7777))
    equal((await answers(server, 1))[0][0], "welcome")
    equal(await daemon.servers("first"), [])
    server.send(heartbeat(b"hi"))
    [row] = await client.until_heartbeats(b"hi")
    equal((row["address"], row["second"], row["identity"]), ("127.0.0.1:7777", None, None))
    # The second of them changes nothing, so there is one delta for each change.
    before = len(client.list.seen)
    server.send(heartbeat(b"hi"), heartbeat(b"yo"))
    await client.until_heartbeats(b"yo")
    equal(client.list.seen[before:], ["delta"])
    server.send(finish=True)
    await closed(server, 0)
    await client.until_heartbeats()


@GROUP.check
async def resuming(daemon):
    """A client that comes back with its cursor is told the difference, and is never told another
    game's changes."""
    relay = await daemon.connect(RELAY, OWN)
    relay.send(upsert(1, "a", "192.0.2.1:1", b"x"), upsert(2, "b", "192.0.2.2:2", b"y"))
    client = await Follower.start(daemon, "a")
    await client.until_heartbeats(b"x")
    client.leave()
    relay.send(upsert(3, "b", "192.0.2.3:3", b"z"))
    truth = await Follower.start(daemon, "b")
    await truth.until_heartbeats(b"y", b"z")
    again = await Follower.start(daemon, "a", client.list.cursor, client.list)
    equal(again.list.seen[-1], "delta")
    await again.until_heartbeats(b"x")
    other = await Follower.start(daemon, "b", again.list.cursor, again.list)
    equal(other.list.seen[-1], "snapshot")
    equal(other.list.servers, truth.list.servers)
    everything = await Follower.start(daemon, None, truth.list.cursor, truth.list)
    equal(everything.list.seen[-1], "snapshot")
    await everything.until(lambda servers: {b"x", b"y", b"z"} <= {it["heartbeat"] for it in servers})
    relay.close(0)


@GROUP.check
async def many(daemon):
    """A long list comes compressed to those who can read that, and is the same for all."""
    relay = await daemon.connect(RELAY, OWN)
    rows = [upsert(key, "many", f"10.0.{key % 8}.1:{1000 + key}", b"%d" % key * 50) for key in range(300)]
    relay.send(*rows)
    clients = [await Follower.start(daemon, "many", compression=it) for it in ("none", "zstd")]
    for client in clients:
        await client.until(lambda servers: len(servers) == 300)
    equal(clients[0].list.servers, clients[1].list.servers)
    relay.close(0)
    for client in clients:
        await client.until_heartbeats()
