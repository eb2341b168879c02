"""QUIC as the page asks for it: versions, names, keys, resets and pieces."""

import asyncio
import os
import socket

from aioquic.quic.connection import QuicConnection
from metaserve.connection import Connection, configuration, open_socket
from metaserve.messages import CLIENT, HEARTBEAT
from metaserve.roles import heartbeat, hello, subscribe

from suite.checks import Group, equal
from suite.daemon import Daemon
from suite.peers import Follower, answers, listed

GROUP = Group("transport")


@GROUP.check
async def pieces(daemon):
    """A stream that comes byte by byte is read as if it came at once."""
    client = await Follower.start(daemon, "pieces")
    server = await daemon.connect(HEARTBEAT)
    for byte in hello("pieces", 77) + heartbeat(b"slow"):
        server.send(bytes([byte]))
        await server.ping()
    await client.until_heartbeats(b"slow")
    server.close(0)


@GROUP.check
async def key_updates(daemon):
    """Keys may be updated again and again."""
    client = await Follower.start(daemon, "keys")
    server = await listed(daemon, "keys")
    for _ in range(5):
        server.request_key_update()
        await server.ping()
        await asyncio.sleep(1)
    server.send(heartbeat(b"after"))
    await client.until_heartbeats(b"after")
    server.close(0)


@GROUP.check
async def versions(daemon):
    """Another version of QUIC is answered with version 1, which then works."""
    for offered in ([1, 0x6B3343CF], [0x6B3343CF, 1]):
        options = {"supported_versions": offered}
        peer = await daemon.connect(CLIENT, options=options)
        equal(peer._quic._version, 1)
        peer.close(0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as strange:
        strange.setblocking(False)
        loop = asyncio.get_running_loop()
        source, target = os.urandom(8), os.urandom(8)
        packet = b"\xc0\x1a\x2a\x3a\x4a\x08" + target + b"\x08" + source
        await loop.sock_sendto(strange, packet.ljust(1200, b"\0"), ("127.0.0.1", daemon.port))
        answer = await asyncio.wait_for(loop.sock_recv(strange, 2000), 60)
        equal(answer[1:5], bytes(4))
        equal(answer[6:14], source)
        assert (1).to_bytes(4, "big") in [answer[it : it + 4] for it in range(23, len(answer), 4)]


@GROUP.check
async def names(daemon):
    """The daemon shows its certificate for any requested name."""
    for name in ("localhost", "127.0.0.1", None, "no_such.example", "x" * 60 + ".example"):
        peer = await daemon.connect(CLIENT, options={"name": name})
        peer.close(0)


@GROUP.check
async def early_data(daemon):
    """No early data is accepted; a session may be resumed, and works."""
    tickets = []
    settings = configuration(HEARTBEAT)
    own, target = await open_socket(("127.0.0.1", daemon.port))
    loop = asyncio.get_running_loop()

    async def connect(own):
        quic = QuicConnection(configuration=settings, session_ticket_handler=tickets.append)
        _, peer = await loop.create_datagram_endpoint(lambda: Connection(quic), sock=own)
        peer.connect(target)
        await peer.ready
        return peer

    peer = await connect(own)
    peer.send(hello("early"))
    await answers(peer, 1)
    peer.close(0)
    for ticket in tickets:
        assert not ticket.max_early_data_size, "early data is offered"
    if tickets:
        settings.session_ticket = tickets[0]
        own, _ = await open_socket(("127.0.0.1", daemon.port))
        peer = await connect(own)
        assert not peer._quic.tls.early_data_accepted
        peer.send(hello("early"))
        equal((await answers(peer, 1))[0][0], "welcome")
        peer.close(0)


@GROUP.check
async def stateless_reset(daemon):
    """A daemon that was killed and restarted answers old connections with a stateless reset."""
    other = await Daemon().start()
    try:
        peer = await listed(other, "reset")
        await answers(peer, 1)
        quic = peer._quic
        tokens = {it.stateless_reset_token for it in [quic._peer_cid, *quic._peer_cid_available]}
        await other.restart()
        seen, receive = asyncio.get_running_loop().create_future(), peer.datagram_received

        def received(data, address):
            if data[-16:] in tokens and not seen.done():
                seen.set_result(len(data))
            receive(data, address)

        peer.datagram_received = received
        while not seen.done():
            peer.ping_once()
            await asyncio.wait({seen}, timeout=0.3)
        peer.rest()
    finally:
        await other.stop()


@GROUP.check
async def retry(daemon):
    """A daemon that wants addresses validated first lets in those that do."""
    flags = ("--retry-above-handshakes", "0", "--retry-above-per-second", "0")
    other = await Daemon(*flags).start()
    try:
        server = await listed(other, "retry")
        equal((await answers(server, 1))[0][0], "welcome")
        server.close(0)
    finally:
        await other.stop()


@GROUP.check
async def without_a_stream(daemon):
    """A peer that lets the daemon open no stream is closed with code 2."""
    def grant_none(quic):
        quic._local_max_streams_uni.value = quic._local_max_streams_uni.sent = 0

    for alpn, said in ((HEARTBEAT, hello("none") + heartbeat(b"x")), (CLIENT, subscribe("none"))):
        peer = await daemon.connect(alpn, prepare=grant_none)
        peer.send(said)
        end = await peer.end()
        equal((end.application, end.code), (True, 2))
    equal(await daemon.servers("none"), [])
