"""Which client certificates become an identity."""

import asyncio

from aioquic import tls
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from metaserve.connection import Closed
from metaserve.messages import HEARTBEAT

from suite.checks import Group
from suite.peers import Follower, fingerprint, identity, listed

GROUP = Group("identities")


def unknown_extension(content):
    oid = x509.ObjectIdentifier("1.2.3.4.5")
    return x509.UnrecognizedExtension(oid, content)


P256 = ec.generate_private_key(ec.SECP256R1())
ACCEPTED = {
    "P-256": identity(key=P256),
    "P-384": identity(key=ec.generate_private_key(ec.SECP384R1()), hash=hashes.SHA384()),
    "Ed25519": identity(key=ed25519.Ed25519PrivateKey.generate(), hash=None),
    "RSA-2048": identity(key=rsa.generate_private_key(65537, 2048)),
    "expired": identity(key=P256, days=(-10, -5)),
    "not yet valid": identity(key=P256, days=(5, 10)),
    "a certificate authority's": identity(key=P256, extensions=[x509.BasicConstraints(True, None)]),
    "without a name": identity(name=None, key=P256),
    "with a long name": identity(name="x" * 60, key=P256),
}
# With which TLS alert the handshake fails; None: the connection works, as one without a certificate.
DECRYPT_ERROR, CERTIFICATE_UNKNOWN = 51, 46
OTHERS = {
    "P-521": (
        identity(key=ec.generate_private_key(ec.SECP521R1()), hash=hashes.SHA512()), None,
    ),
    "Ed448": (identity(key=ed448.Ed448PrivateKey.generate(), hash=None), None),
    "RSA-1024": (identity(key=rsa.generate_private_key(65537, 1024)), DECRYPT_ERROR),
    "unknown critical extension": (
        identity(key=P256, extensions=[unknown_extension(b"\4\2hi")]), CERTIFICATE_UNKNOWN,
    ),
}


async def seen_as(daemon, client, known):
    """The identity with which a server is listed; None for none; or how it is refused."""
    try:
        server = await listed(daemon, "certificates", identity=known)
        row = asyncio.ensure_future(client.until(lambda servers: servers))
        end = asyncio.ensure_future(server.end())
        await asyncio.wait({row, end}, return_when=asyncio.FIRST_COMPLETED)
        end.cancel()
        if not row.done():
            row.cancel()
            return server.closed
        [it] = row.result()
        server.close(0)
        await client.until_heartbeats()
        return it["identity"] and it["identity"].hex()
    except Closed as end:
        return end


@GROUP.check
async def accepted(daemon):
    """A certificate of an ordinary kind is an identity, whatever it says and whenever it is valid."""
    client = await Follower.start(daemon, "certificates")
    wrong = []
    for what, known in ACCEPTED.items():
        seen = await seen_as(daemon, client, known)
        if seen != fingerprint(known):
            wrong.append(f"{what}: {seen}")
    assert not wrong, "\n".join(wrong)


@GROUP.check
async def others(daemon):
    """A certificate of another kind is no identity, or fails the handshake with a TLS alert."""
    client = await Follower.start(daemon, "certificates")
    wrong = []
    for what, (known, alert) in OTHERS.items():
        seen = await seen_as(daemon, client, known)
        if isinstance(seen, Closed):
            right = (seen.application, seen.code) == (False, alert and 0x100 + alert)
        else:
            right = (seen, alert) == (None, None)
        if not right:
            wrong.append(f"{what}: {seen}")
    assert not wrong, "\n".join(wrong)


@GROUP.check
async def stolen(daemon):
    """Somebody else's certificate cannot be used without its key."""
    owner, thief = identity("owner"), identity("thief")
    client = await Follower.start(daemon, "certificates")
    seen = await seen_as(daemon, client, (owner[0], thief[1]))
    assert isinstance(seen, Closed) and not seen.application, seen


@GROUP.check
async def signature_algorithms(daemon):
    """The daemon accepts signatures by ECDSA on P-256 and P-384, Ed25519 and RSA-PSS."""
    offered, pull = [], tls.pull_certificate_request

    def noted(buffer):
        offered.append(pull(buffer))
        return offered[-1]

    tls.pull_certificate_request = noted
    try:
        peer = await daemon.connect(HEARTBEAT)
    finally:
        tls.pull_certificate_request = pull
    peer.close(0)
    ecdsa_p256, ecdsa_p384, ed25519_, pss = 0x0403, 0x0503, 0x0807, 0x0804
    assert {ecdsa_p256, ecdsa_p384, ed25519_, pss} <= set(offered[-1].signature_algorithms)
