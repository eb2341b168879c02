"""Every message of every role: the sections "Game server", "Client", "Relay" and "Names" of the page."""

import zstandard

from .bounds import Key, Prefix, Ticket, Value
from .encoding import (
    U16, U32, U64, Address, Bytes, Choice, Extensions, Fixed, List, Malformed, Option, Reader,
    Sized, Struct, Text,
)

HEARTBEAT, CLIENT, RELAY = "metaserve-heartbeat/1", "metaserve-client/1", "metaserve-relay/1"
NAMES = "metaserve-names/1"

SERVER = Struct(
    number=U64,
    game=Text(),
    address=Address(),
    second=Option(Address()),
    identity=Option(Fixed(32)),
    heartbeat=Bytes(),
    extensions=Sized(Extensions()),
)
UPDATED = Struct(number=U64, heartbeat=Bytes(), extensions=Sized(Extensions()))

MESSAGES = {
    "hello": Struct(game=Text(), port=Option(U16), extensions=Extensions()),
    "heartbeat": Struct(heartbeat=Bytes(), extensions=Extensions()),
    "welcome": Struct(min_interval_ms=U32, max_heartbeat_bytes=U32, extensions=Extensions()),
    "notice": Struct(kind=U32, sentence=Text(), extensions=Extensions()),
    "subscribe": Struct(
        game=Option(Text()),
        have=Option(Struct(epoch=U64, revision=U64)),
        compression=Choice("none", "zstd"),
        extensions=Extensions(),
    ),
    "snapshot": Struct(epoch=U64, revision=U64, servers=List(SERVER), extensions=Extensions()),
    "delta": Struct(
        epoch=U64,
        **{"from": U64},
        to=U64,
        removed=List(U64),
        placed=List(SERVER),
        updated=List(UPDATED),
        extensions=Extensions(),
    ),
    "upsert": Struct(
        key=U64, game=Text(), address=Address(), heartbeat=Bytes(), extensions=Extensions()
    ),
    "removal": Struct(key=U64, extensions=Extensions()),
    # Of names, from the peer.
    "claim": Struct(
        id=U64,
        key=Key(),
        value=Value(),
        ticket=Option(Ticket()),
        held=Option(Struct(epoch=U64, proof=Fixed(32))),
        extensions=Extensions(),
    ),
    "update": Struct(id=U64, value=Value(), extensions=Extensions()),
    "release": Struct(id=U64, extensions=Extensions()),
    "resolve": Struct(
        id=U64,
        key=Key(),
        start=Option(Struct(payload=Value(), within_ms=U32, ticket=Option(Ticket()))),
        extensions=Extensions(),
    ),
    "watch": Struct(id=U64, prefix=Prefix(), extensions=Extensions()),
    "unwatch": Struct(id=U64, extensions=Extensions()),
    "offer": Struct(
        id=U64, prefix=Prefix(), slots=U32, ticket=Option(Ticket()), extensions=Extensions()
    ),
    "refuse": Struct(order=U64, why=Text(), extensions=Extensions()),
    "drain": Struct(id=U64, extensions=Extensions()),
    # Of names, from the daemon.
    "granted": Struct(id=U64, epoch=U64, proof=Fixed(32), extensions=Extensions()),
    "held": Struct(id=U64, epoch=U64, value=Value(), extensions=Extensions()),
    "lost": Struct(id=U64, extensions=Extensions()),
    "found": Struct(id=U64, epoch=U64, value=Value(), address=Address(), extensions=Extensions()),
    "absent": Struct(id=U64, extensions=Extensions()),
    "unavailable": Struct(id=U64, why=Text(), extensions=Extensions()),
    "up": Struct(id=U64, key=Key(), epoch=U64, value=Value(), extensions=Extensions()),
    "current": Struct(id=U64, extensions=Extensions()),
    "down": Struct(id=U64, key=Key(), extensions=Extensions()),
    "reset": Struct(id=U64, extensions=Extensions()),
    "order": Struct(
        id=U64, order=U64, key=Key(), payload=Value(), within_ms=U32, extensions=Extensions()
    ),
    "refused": Struct(
        id=U64, refusal=U32, again_ms=Option(U32), why=Text(), extensions=Extensions()
    ),
}

# The messages of each role, in the order of the variants. A client has one, without a variant.
WAYS = {
    ("server", "daemon"): ["hello", "heartbeat"],
    ("relay", "daemon"): ["upsert", "removal"],
    ("client", "daemon"): ["subscribe"],
    ("daemon", "server"): ["welcome", "notice"],
    ("daemon", "relay"): ["welcome", "notice"],
    ("daemon", "client"): ["snapshot", "delta", "compressed"],
    ("names", "daemon"): [
        "claim", "update", "release", "resolve", "watch", "unwatch", "offer", "refuse", "drain",
    ],
    ("daemon", "names"): [
        "granted", "held", "lost", "found", "absent", "unavailable", "up", "current", "down",
        "reset", "order", "refused",
    ],
}

# The most that a compressed message may unpack to.
MAX_UNPACKED = 64 << 20


def way_of(name):
    """The first way that a message goes."""
    return next(way for way, names in WAYS.items() if name in names)


def encode(name, **fields):
    """A message, without its frame. Extensions may be left out."""
    way = way_of(name)
    variant = b"" if name == "subscribe" else U32.write(WAYS[way].index(name))
    return variant + MESSAGES[name].write({"extensions": [], **fields})


def compress(message, level=3):
    """A snapshot or delta as a compressed message."""
    return compressed(len(message), zstandard.ZstdCompressor(level=level).compress(message))


def compressed(size, packed):
    """A compressed message of any bytes."""
    return U32.write(2) + U32.write(size) + packed


def frame(message):
    """A message as it is on the stream."""
    return len(message).to_bytes(4, "little") + message


def decode(way, message):
    """What a message says, as its name and its fields.

    An unknown variant that the daemon says is `("unknown", {"variant": n})`; what to do with it is
    the role's business. Anything else that cannot be read is `Malformed`.
    """
    reader = Reader(message)
    if way == ("client", "daemon"):
        return "subscribe", _fields("subscribe", reader)
    variant = U32.read(reader)
    if variant >= len(WAYS[way]):
        if way[0] == "daemon":
            return "unknown", {"variant": variant}
        raise Malformed(f"unknown variant {variant}")
    name = WAYS[way][variant]
    if name == "compressed":
        return name, _unpacked(reader)
    return name, _fields(name, reader)


def _fields(name, reader):
    try:
        return MESSAGES[name].read(reader)
    except Malformed as error:
        article = "an" if name[0] in "aeiou" else "a"
        raise Malformed(f"{error} in {article} {name}") from error


def _unpacked(reader):
    size = U32.read(reader)
    if size > MAX_UNPACKED:
        raise Malformed(f"a message that unpacks to {size} bytes is too long")
    packed = reader.take(reader.rest)
    try:
        # One byte more than announced is enough to know better: a bomb is not unpacked.
        message = zstandard.ZstdDecompressor().stream_reader(packed).read(size + 1)
    except zstandard.ZstdError as error:
        raise Malformed(f"not a zstd frame: {error}") from error
    if len(message) != size:
        raise Malformed(f"a message that does not unpack to the {size} bytes that it announces")
    name, fields = decode(("daemon", "client"), message)
    if name == "compressed":
        raise Malformed("a compressed message in a compressed message")
    return {"size": size, "message": name, "fields": fields}
