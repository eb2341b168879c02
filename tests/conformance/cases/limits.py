"""The limits up to which peers are accepted, and the peers that are refused."""

import asyncio
import tempfile

from metaserve.connection import Closed, Frame
from metaserve.messages import CLIENT, HEARTBEAT, RELAY
from metaserve.roles import heartbeat, hello, subscribe, upsert

from suite.checks import Group, equal
from suite.peers import Follower, answers, closed, fingerprint, identity, listed, notice

OWN = identity("relay")
BANS = tempfile.NamedTemporaryFile("w", prefix="conformance-bans-")
BANS.write("127.0.0.66\n")
BANS.flush()
GROUP = Group(
    "limits", "--trust-relay", fingerprint(OWN), "--ban-file", BANS.name,
    "--max-clients-per-prefix", "5", "--max-servers-per-relay", "5",
)
NO_APPLICATION_PROTOCOL = 0x100 + 120


def padded(make, length):
    """The frame that `make` gives for an extension, of so many bytes without its head."""
    size = length - len(make(bytes(300))) + 4 + 300
    return make(bytes(size))


@GROUP.check
async def protocols(daemon):
    """A protocol that the daemon does not speak fails the handshake with TLS alert 120."""
    for alpn in ("metaserve-heartbeat/2", "h3", "metaserve-client/1\0", None):
        try:
            await daemon.connect(alpn)
            raise AssertionError(f"{alpn} was let in")
        except Closed as end:
            equal((end.application, end.code), (False, NO_APPLICATION_PROTOCOL))


@GROUP.check
async def longest_first_message(daemon):
    """A first message of 16,384 bytes is accepted."""
    def longest_hello(content):
        return hello("longest", 7777, extensions=[(2, content)])

    def longest_subscribe(content):
        return subscribe("longest", extensions=[(2, content)])

    client = await daemon.connect(CLIENT)
    client.send(padded(longest_subscribe, 16_384))
    follower = Follower(client)
    server = await daemon.connect(HEARTBEAT)
    first = padded(longest_hello, 16_384)
    equal(len(first), 4 + 16_384)
    server.send(first, heartbeat(b"x"))
    await follower.until_heartbeats(b"x")
    follower.leave()
    server.close(0)


@GROUP.check
async def longest_heartbeat(daemon):
    """A heartbeat of 8,192 bytes with 1,024 bytes of extensions is accepted, from a server and
    from a relay."""
    client = await Follower.start(daemon, "long")
    server = await daemon.connect(HEARTBEAT)
    longest = b"s" * 8192
    server.send(
        hello("long", 7777),
        padded(lambda it: heartbeat(longest, extensions=[(2, it)]), 8192 + 1024 + 4),
    )
    await client.until_heartbeats(longest)
    relay = await daemon.connect(RELAY, OWN)
    def row(content):
        return upsert(1, "long", "192.0.2.1:1", b"r" * 8192, extensions=[(2, content)])

    relay.send(padded(row, 16_384))
    await client.until_heartbeats(longest, b"r" * 8192)
    server.close(0)
    relay.close(0)
    client.leave()


@GROUP.check
async def silent(daemon):
    """A peer that says nothing within 10 seconds is closed with code 9; a relay may be silent."""
    relay = await daemon.connect(RELAY, OWN)
    half = await daemon.connect(HEARTBEAT)
    half.send(hello("silent", 1)[:-1])
    peers = [await daemon.connect(alpn) for alpn in (HEARTBEAT, CLIENT)]
    await asyncio.gather(*(closed(it, 9) for it in [*peers, half]))
    assert relay.closed is None
    relay.close(0)


@GROUP.check
async def goodbyes(daemon):
    """A stream that ends between two frames is a goodbye, at whatever time."""
    for alpn, said in ((HEARTBEAT, b""), (HEARTBEAT, hello("bye")), (CLIENT, b"")):
        peer = await daemon.connect(alpn)
        peer.send(said, finish=True)
        await closed(peer, 0)
    relay = await daemon.connect(RELAY, OWN)
    relay.send(finish=True)
    await closed(relay, 0)


@GROUP.check
async def relays(daemon):
    """Only a relay that the operator trusts is let in; it has as many servers as it may have."""
    for known in (None, identity("stranger")):
        await closed(await daemon.connect(RELAY, known), 3)
    relay = await daemon.connect(RELAY, OWN)
    client = await Follower.start(daemon, "relayed")
    relay.send(*(upsert(key, "relayed", f"192.0.2.1:{key + 1}", b"%d" % key) for key in range(6)))
    equal((await notice(relay))["kind"], 2)
    await client.until_heartbeats(*(b"%d" % key for key in range(5)))
    relay.send(upsert(5, "relayed", "127.0.0.66:1", b"banned"))
    assert "5" in (await notice(relay))["sentence"]
    relay.close(0)
    client.leave()


@GROUP.check
async def bans(daemon):
    """A banned address is not let in, in any role."""
    for alpn in (HEARTBEAT, CLIENT):
        await closed(await daemon.connect(alpn, local="127.0.0.66"), 6)


@GROUP.check
async def places(daemon):
    """An address has as many clients as it may have; when one leaves, another is let in."""
    def client():
        return daemon.connect(CLIENT, local="127.0.0.9")

    clients = [await client() for _ in range(5)]
    for it in clients:
        it.send(subscribe("places"))
        await it.message()
    await closed(await client(), 4)
    server = await listed(daemon, "places", local="127.0.0.9")
    equal((await answers(server, 1))[0][0], "welcome")
    clients[0].close(0)
    while True:
        late = await client()
        late.send(subscribe("places"))
        item = await late.next()
        if isinstance(item, Frame):
            break
        equal(item.code, 4)
    for it in [*clients, late, server]:
        it.close(0)
