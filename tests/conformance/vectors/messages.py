"""Messages that every implementation reads, and those that it writes."""

import zstandard

from metaserve.encoding import U32
from metaserve.messages import compress, compressed, decode, encode, way_of

from . import names

U32_MOST, U64_MOST = (1 << 32) - 1, (1 << 64) - 1
EPOCH = 0x0123456789ABCDEF
IDENTITY = bytes(range(32))
V4, V6 = "192.0.2.1:7777", "[2001:db8::1]:7777"
LONGEST_TAG = "g" * 64
LONGEST_HEARTBEAT = bytes(range(256)) * 32

# Extensions that nobody knows: even ones, in ascending order.
ONE = [(2, b"\xaa")]
SOME = [
    (0, b""),
    (6, b"six"),
    (250, bytes(250)),
    (252, bytes(251)),
    (65534, b"last"),
]
THOUSAND = [(2 * n, b"") for n in range(1000)]
EXTENSIONS = {"one-extension": ONE, "some-extensions": SOME, "a-thousand-extensions": THOUSAND}


def server(number=1, **fields):
    """A server as it is listed."""
    return {
        "number": number,
        "game": "chess",
        "address": V4,
        "second": None,
        "identity": None,
        "heartbeat": b"hi",
        "extensions": [],
        **fields,
    }


def updated(number=1, heartbeat=b"yo", extensions=()):
    return {"number": number, "heartbeat": heartbeat, "extensions": list(extensions)}


def snapshot(*servers, epoch=EPOCH, revision=2, **fields):
    return encode("snapshot", epoch=epoch, revision=revision, servers=list(servers), **fields)


def delta(removed=(), placed=(), updated=(), epoch=EPOCH, to=4, **fields):
    start = fields.pop("from_", 2)
    return encode(
        "delta", epoch=epoch, **{"from": start}, to=to, removed=list(removed),
        placed=list(placed), updated=list(updated), **fields,
    )


EVERYTHING = [
    server(1),
    server(300, second=V6, identity=IDENTITY),
    server(65_536, game=LONGEST_TAG, address=V6, heartbeat=b""),
    server(U64_MOST, game="\u5c06\u68cb", second=V6, heartbeat=bytes(range(256))),
]
TWO_FAMILIES = server(7, address=V4, second=V6, identity=IDENTITY)

# Those that carry extensions below are written once without.
PLAIN = {
    "hello": encode("hello", game="chess", port=7777),
    "hello-without-port": encode("hello", game="chess", port=None),
    "hello-port-1": encode("hello", game="chess", port=1),
    "hello-port-250": encode("hello", game="chess", port=250),
    "hello-port-251": encode("hello", game="chess", port=251),
    "hello-port-65535": encode("hello", game="chess", port=65535),
    "hello-shortest-tag": encode("hello", game="x", port=None),
    "hello-longest-tag": encode("hello", game=LONGEST_TAG, port=7777),
    "hello-tag-of-64-bytes-in-16-characters": encode("hello", game="\U0001f47e" * 16, port=None),
    "hello-tag-with-a-space": encode("hello", game="capture the flag", port=None),
    "hello-tag-in-japanese": encode("hello", game="\u5c06\u68cb", port=None),
    "hello-tag-with-an-unassigned-character": encode("hello", game="a\u0378", port=None),
    "heartbeat": encode("heartbeat", heartbeat=b"hi"),
    "heartbeat-empty": encode("heartbeat", heartbeat=b""),
    "heartbeat-of-250-bytes": encode("heartbeat", heartbeat=bytes(250)),
    "heartbeat-of-251-bytes": encode("heartbeat", heartbeat=bytes(251)),
    "heartbeat-longest": encode("heartbeat", heartbeat=LONGEST_HEARTBEAT),
    "welcome": encode("welcome", min_interval_ms=1000, max_heartbeat_bytes=8192),
    "welcome-least": encode("welcome", min_interval_ms=0, max_heartbeat_bytes=0),
    "welcome-most": encode("welcome", min_interval_ms=U32_MOST, max_heartbeat_bytes=U32_MOST),
    "notice": encode("notice", kind=1, sentence="slow down"),
    "notice-not-listed": encode("notice", kind=0, sentence="no heartbeat has come yet"),
    "notice-refused": encode("notice", kind=2, sentence="key 9: no such tag"),
    "notice-of-an-unknown-kind": encode("notice", kind=3, sentence="a kind of later"),
    "notice-of-the-last-kind": encode("notice", kind=U32_MOST, sentence="the last kind"),
    "notice-without-words": encode("notice", kind=1, sentence=""),
    "notice-in-japanese": encode("notice", kind=1, sentence="\u9045\u304f"),
    "subscribe": encode("subscribe", game="chess", have=None, compression="zstd"),
    "subscribe-to-all": encode("subscribe", game=None, have=None, compression="none"),
    "subscribe-longest-tag": encode("subscribe", game=LONGEST_TAG, have=None, compression="none"),
    "subscribe-again": encode(
        "subscribe", game=None, have={"epoch": EPOCH, "revision": 4}, compression="zstd"
    ),
    "subscribe-again-least": encode(
        "subscribe", game="chess", have={"epoch": 0, "revision": 0}, compression="none"
    ),
    "subscribe-again-most": encode(
        "subscribe", game="chess", have={"epoch": U64_MOST, "revision": U64_MOST},
        compression="zstd",
    ),
    "snapshot": snapshot(server(1), server(300, second=V6, identity=IDENTITY)),
    "snapshot-of-nothing": snapshot(),
    "snapshot-least": snapshot(server(0), epoch=0, revision=0),
    "snapshot-most": snapshot(server(U64_MOST), epoch=U64_MOST, revision=U64_MOST),
    "snapshot-both-families": snapshot(TWO_FAMILIES),
    "snapshot-of-everything": snapshot(*EVERYTHING),
    "snapshot-of-100": snapshot(*[server(n, heartbeat=b"%d" % n) for n in range(100)]),
    "delta": delta([300], [], [updated()]),
    "delta-of-nothing": delta(to=2),
    "delta-removed": delta([0, 250, 251, 65_536, U64_MOST]),
    "delta-placed": delta(placed=EVERYTHING),
    "delta-updated": delta(updated=[updated(1, b""), updated(300, bytes(300))]),
    "delta-most": delta(epoch=U64_MOST, from_=U64_MOST - 1, to=U64_MOST),
    "delta-of-everything": delta([1, 300], EVERYTHING, [updated(2), updated(3)]),
    "upsert": encode("upsert", key=9, game="vcmi", address="192.0.2.1:5002", heartbeat=b"{}"),
    "upsert-ipv6": encode("upsert", key=10, game="vcmi", address=V6, heartbeat=b"{}"),
    "upsert-least": encode("upsert", key=0, game="x", address="192.0.2.1:1", heartbeat=b""),
    "upsert-most": encode(
        "upsert", key=U64_MOST, game=LONGEST_TAG,
        address="[2001:db8:ffff:ffff:ffff:ffff:ffff:ffff]:65535", heartbeat=LONGEST_HEARTBEAT,
    ),
    "removal": encode("removal", key=9),
    "removal-least": encode("removal", key=0),
    "removal-most": encode("removal", key=U64_MOST),
    **names.PLAIN,
}

CARRIERS = {
    "hello": {"game": "chess", "port": 7777},
    "heartbeat": {"heartbeat": b"hi"},
    "welcome": {"min_interval_ms": 1000, "max_heartbeat_bytes": 8192},
    "notice": {"kind": 1, "sentence": "slow down"},
    "subscribe": {"game": "chess", "have": None, "compression": "zstd"},
    "snapshot": {"epoch": EPOCH, "revision": 2, "servers": [server()]},
    "delta": {
        "epoch": EPOCH, "from": 2, "to": 4, "removed": [300], "placed": [],
        "updated": [updated()],
    },
    "upsert": {"key": 9, "game": "vcmi", "address": "192.0.2.1:5002", "heartbeat": b"{}"},
    "removal": {"key": 9},
    **names.FIELDS,
}

# Messages that this version reads but does not write.
READ_ONLY = {
    **{
        f"{name}-with-{which}": encode(name, **fields, extensions=extensions)
        for name, fields in CARRIERS.items()
        for which, extensions in EXTENSIONS.items()
        if which != "a-thousand-extensions" or name not in names.FIELDS
    },
    **{
        f"snapshot-server-with-{which}": snapshot(server(extensions=extensions), server(2))
        for which, extensions in EXTENSIONS.items()
    },
    **{
        f"delta-with-{which}-at-all-levels": delta(
            placed=[server(5, extensions=extensions)],
            updated=[updated(1, extensions=extensions), updated(2)],
            extensions=extensions,
        )
        for which, extensions in EXTENSIONS.items()
    },
    "compressed-snapshot": compress(PLAIN["snapshot-of-100"]),
    "compressed-snapshot-of-nothing": compress(PLAIN["snapshot-of-nothing"]),
    "compressed-delta": compress(PLAIN["delta-of-everything"]),
    "compressed-with-extensions": compress(snapshot(server(extensions=ONE), extensions=SOME)),
    "compressed-without-a-content-size": compressed(
        len(PLAIN["snapshot"]),
        zstandard.ZstdCompressor(write_content_size=False).compress(PLAIN["snapshot"]),
    ),
    "compressed-with-a-checksum": compressed(
        len(PLAIN["snapshot"]),
        zstandard.ZstdCompressor(write_checksum=True).compress(PLAIN["snapshot"]),
    ),
}

# Numbers that are not written as briefly as they can be are read all the same.
LONG_NUMBERS = {
    "hello-in-long-numbers": ("server", b"\xfb\0\0\xfb\5\0chess\1\xfb\7\0"),
    "heartbeat-in-long-numbers": ("server", b"\xfc\1\0\0\0\xfd\2\0\0\0\0\0\0\0hi"),
    "removal-in-long-numbers": ("relay", b"\xfb\1\0\xfc\x09\0\0\0"),
    **names.LONG_NUMBERS,
}

# What a later daemon may say: ignored, but for odd variants to a client, which then subscribes
# again without a cursor.
UNKNOWN = {
    f"unknown-variant-{variant}-to-{'' if to == 'names' else 'a-'}{to}": (to, variant, content)
    for to, variants in {
        "server": [(2, b""), (3, b"\xff"), (250, b"any bytes"), (U32_MOST, b"")],
        "client": [(3, b""), (4, b"any bytes"), (250, b""), (U32_MOST, b"")],
        "names": names.UNKNOWN_VARIANTS,
    }.items()
    for variant, content in variants
}


def entry(name, way, message, canonical):
    said, fields = decode(way, message)
    if canonical:
        assert encode(said, **fields) == message, f"{name} is not what is written"
    return {
        "name": name,
        "from": way[0],
        "to": way[1],
        "message": said,
        "hex": message,
        "fields": fields,
        "canonical": canonical,
    }


def all_messages():
    """Every message: decoded, and where somebody writes it so, encoded again and compared."""
    entries = []
    for name, message in PLAIN.items():
        entries.append(entry(name, way_of(name.split("-")[0]), message, True))
    for name, message in READ_ONLY.items():
        entries.append(entry(name, way_of(name.split("-")[0]), message, False))
    for name, (who, message) in LONG_NUMBERS.items():
        entries.append(entry(name, (who, "daemon"), message, False))
    for name, (to, variant, content) in UNKNOWN.items():
        entries.append(entry(name, ("daemon", to), U32.write(variant) + content, False))
    names = [it["name"] for it in entries]
    assert len(names) == len(set(names)), "a name is given twice"
    return entries
