"""Game servers, clients and relays for checks, and what they are told."""

import asyncio
import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
import hashlib

from metaserve.connection import Closed, Frame, Reset
from metaserve.messages import CLIENT, HEARTBEAT, decode
from metaserve.roles import ServerList, heartbeat, hello, subscribe

from .checks import PATIENCE, equal


def identity(name="peer", key=None, hash=hashes.SHA256(), days=(-1, 3650), extensions=()):
    """A certificate signed by its own key, and the key."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    names = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)] if name else [])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(names)
        .issuer_name(names)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + datetime.timedelta(days=days[0]))
        .not_valid_after(now + datetime.timedelta(days=days[1]))
    )
    for extension in extensions:
        certificate = certificate.add_extension(extension, critical=True)
    return certificate.sign(key, hash), key


def fingerprint(identity):
    return hashlib.sha256(identity[0].public_bytes(serialization.Encoding.DER)).hexdigest()


async def listed(daemon, game, content=b"x", port=7777, **more):
    """A game server that has said hello and a heartbeat."""
    server = await daemon.connect(HEARTBEAT, **more)
    server.send(hello(game, port), heartbeat(content))
    return server


async def answers(connection, count):
    """So many messages to a game server or relay."""
    return [decode(("daemon", "server"), await connection.message()) for _ in range(count)]


async def notice(connection):
    """The next notice."""
    while True:
        name, fields = decode(("daemon", "server"), await connection.message())
        if name == "notice":
            return fields


async def closed(connection, code, words="", application=True):
    """Waits for the end of the connection, which has to be like this."""
    end = await connection.end()
    equal((end.application, end.code), (application, code))
    assert words in end.reason, f"{words!r} is not in {end.reason!r}"
    return end


class Follower:
    """A game client over one connection."""

    def __init__(self, connection, servers=None):
        self.connection, self.list, self.resets = connection, servers or ServerList(), 0

    @classmethod
    async def start(cls, daemon, game=None, have=None, servers=None, compression="zstd", **more):
        follower = cls(await daemon.connect(CLIENT, **more), servers)
        follower.connection.send(subscribe(game, have, compression), finish=True)
        await follower.step()
        return follower

    async def step(self):
        """Takes in the next message."""
        while True:
            match await self.connection.next():
                case Frame(message=message):
                    return self.list.apply(message)
                case Reset():
                    self.resets += 1
                case Closed() as end:
                    raise end

    async def until(self, holds):
        """Reads on until this holds for the servers of the list."""
        while not holds(servers := list(self.list.servers.values())):
            try:
                await asyncio.wait_for(self.step(), PATIENCE / 2)
            except asyncio.TimeoutError:
                raise AssertionError(f"waited in vain, with {servers!r:.2000}") from None
        return servers

    async def until_heartbeats(self, *right):
        """Reads on until the heartbeats of the list are these."""
        def heartbeats(servers):
            return sorted(it["heartbeat"] for it in servers)

        return await self.until(lambda servers: heartbeats(servers) == sorted(right))

    def leave(self):
        self.connection.close(0)
