"""What is refused, by whom, and with which close code."""

import zstandard

from metaserve.encoding import U16, U32, Bytes, Extensions, Malformed, Text
from metaserve.messages import WAYS, compress, compressed, decode, encode, frame

from . import names
from .messages import (
    CARRIERS, EPOCH, IDENTITY, ONE, U32_MOST, V6, delta, server, snapshot, updated,
)

OVERSIZE, VIOLATION = 1, 2
STREAM_LIMIT, PROTOCOL_VIOLATION = 0x04, 0x0A

# Longest frames and heartbeats, for a daemon with the default limits.
FIRST_FRAME = RELAY_FRAME = ANSWER_FRAME = 16_384
HEARTBEAT = 8_192
HEARTBEAT_FRAME = HEARTBEAT + 1_024 + 10

# The sender of each message, and the message that comes before it.
ROLE = {
    "hello": ("heartbeat", "daemon", []),
    "heartbeat": ("heartbeat", "daemon", ["hello"]),
    "subscribe": ("client", "daemon", []),
    "upsert": ("relay", "daemon", []),
    "removal": ("relay", "daemon", []),
    "welcome": ("heartbeat", "peer", []),
    "notice": ("heartbeat", "peer", ["welcome"]),
    "snapshot": ("client", "peer", []),
    "delta": ("client", "peer", ["snapshot"]),
    **{name: ("names", "daemon", []) for name in WAYS["names", "daemon"]},
    **{name: ("names", "peer", []) for name in WAYS["daemon", "names"]},
}
SENDER = {"heartbeat": "server", "client": "client", "relay": "relay", "names": "names"}


def entry(name, message, content, reason, **more):
    """An entry for bytes that are sent where `message` is expected."""
    role, side, after = ROLE[message]
    outcome = more.pop("outcome", {"close": VIOLATION})
    return {
        "name": name,
        "role": more.pop("role", role),
        "side": side,
        "after": more.pop("after", after),
        "hex": content,
        **more,
        **outcome,
        "reason": reason,
    }


def framed(name, message, content, reason, **more):
    """The same for a message that is framed as it should be, and that nobody can read."""
    role, side, _ = ROLE[message]
    peer = SENDER[more.get("role", role)]
    way = (peer, "daemon") if side == "daemon" else ("daemon", peer)
    try:
        decode(way, content)
    except Malformed:
        return entry(name, message, frame(content), reason, **more)
    raise AssertionError(f"{name} can be read")


def cut_short():
    whole = {
        **{name: encode(name, **fields) for name, fields in CARRIERS.items()},
        "subscribe": encode(
            "subscribe", game="chess", have={"epoch": EPOCH, "revision": 300}, compression="zstd"
        ),
        "snapshot": snapshot(server(300, second=V6, identity=IDENTITY, extensions=ONE)),
        "delta": delta([300], [server(5, address=V6)], [updated(1, extensions=ONE)]),
        "claim": names.message("claim", ticket=b"t", held=names.HELD),
        "resolve": names.message("resolve", start={**names.START, "ticket": b"t"}),
        "offer": names.message("offer", ticket=b"t"),
    }
    for name, message in whole.items():
        for length in range(len(message)):
            what = f"the first {length} bytes" if length else "no bytes"
            yield framed(f"{name}: {what} of {len(message)}", name, message[:length], "cut short")


TAG = U16.write
BROKEN_LISTS = {
    "unknown odd extension": (Extensions().write([(7, b"x")]), "unknown extension 7"),
    "the first odd extension": (Extensions().write([(1, b"")]), "unknown extension 1"),
    "the last odd extension": (Extensions().write([(65535, b"")]), "unknown extension 65535"),
    "odd extension between even ones": (
        Extensions().write([(2, b""), (9, b"x"), (10, b"")]), "unknown extension 9",
    ),
    "unordered extensions": (Extensions().write([(4, b""), (2, b"")]), "ascend"),
    "repeated extension": (Extensions().write([(2, b""), (2, b"")]), "repeated"),
    "unordered and odd extensions": (Extensions().write([(7, b""), (2, b"")]), "ascend"),
    "extension cut short in its tag": (b"\xfb\x00", "cut short"),
    "extension without a length": (TAG(2), "cut short"),
    "extension cut short in its length": (TAG(2) + b"\xfb\x01", "cut short"),
    "extension cut short in its bytes": (TAG(2) + b"\x05abcd", "extension 2"),
    "odd extension, then one cut short": (TAG(7) + b"\0" + TAG(8) + b"\x05abcd", "extension 8"),
    "extension longer than any message": (TAG(2) + b"\xfd" + b"\xff" * 8, "extension 2"),
    "extension whose tag has 17 bits": (b"\xfc\0\0\1\0\0", "number"),
}


def extensions():
    for name, fields in CARRIERS.items():
        for what, (content, reason) in BROKEN_LISTS.items():
            if reason.startswith("unknown") and name not in names.FIELDS:
                article = "an" if name == "upsert" else "a"
                reason = f"{reason} in {article} {name}"
            yield framed(f"{name}: {what}", name, encode(name, **fields) + content, reason)
    # Those of a server: the list has a length of its own, here the last byte of each message.
    places = {
        "server of a snapshot": ("snapshot", snapshot(server())),
        "server of a delta": ("delta", delta(placed=[server(5)])[:-1]),
        "updated server of a delta": ("delta", delta(updated=[updated()])),
    }
    for place, (name, message) in places.items():
        after = b"\0" if place == "server of a delta" else b""
        assert message[-1] == 0
        for what, (content, reason) in BROKEN_LISTS.items():
            content = message[:-1] + Bytes().write(content) + after
            yield framed(f"{place}: {what}", name, content, reason)
        longer = message[:-1] + b"\x7f" + Extensions().write(ONE) + after
        yield framed(f"{place}: extensions longer than the message", name, longer, "cut short")


def values():
    """Fields that hold no value of their type."""
    game = Text().write("chess")
    bad_text = {"no UTF-8": b"\xff\xfe", "a surrogate": b"\xed\xa0\x80", "overlong": b"\xc0\x80"}
    for what, text in bad_text.items():
        bad = Bytes().write(text)
        yield framed(f"hello: {what} in the tag", "hello", b"\0" + bad + b"\0", "UTF-8")
        yield framed(
            f"subscribe: {what} in the tag", "subscribe", b"\1" + bad + b"\0\0", "UTF-8"
        )
        yield framed(
            f"upsert: {what} in the tag", "upsert",
            b"\0\x09" + bad + bytes([0, 192, 0, 2, 1, 1, 0]), "UTF-8",
        )
        yield framed(f"notice: {what} in the sentence", "notice", b"\1\1" + bad, "UTF-8")
        yield framed(
            f"snapshot: {what} in a tag", "snapshot",
            b"\0\1\1\1\1" + bad + bytes([0, 192, 0, 2, 1, 1, 0, 0, 0, 0]), "UTF-8",
        )
    for tag in (2, 255):
        option = bytes([tag])
        yield framed(f"hello: {tag} begins the port", "hello", b"\0" + game + option, "")
        yield framed(f"subscribe: {tag} begins the game", "subscribe", option + b"\0\0", "")
        yield framed(f"subscribe: {tag} begins the cursor", "subscribe", b"\0" + option + b"\0", "")
        server_start = b"\0\1\1\1\1" + game + bytes([0, 192, 0, 2, 1, 1])
        yield framed(
            f"snapshot: {tag} begins a second address", "snapshot",
            server_start + option + b"\0\0\0", "",
        )
        yield framed(
            f"snapshot: {tag} begins an identity", "snapshot",
            server_start + b"\0" + option + b"\0\0", "",
        )
    yield framed("subscribe: unknown compression", "subscribe", b"\0\0\2", "variant")
    for family in (2, 250):
        yield framed(
            f"upsert: address family {family}", "upsert",
            b"\0\x09" + game + bytes([family]) + bytes(16) + b"\1\0", "variant",
        )
        yield framed(
            f"snapshot: address family {family}", "snapshot",
            b"\0\1\1\1\1" + game + bytes([family]) + bytes(16) + b"\1\0\0\0\0", "variant",
        )
    yield framed("hello: a port of 17 bits", "hello", b"\0" + game + b"\1\xfc\0\0\1\0", "")
    yield framed("removal: a key of more than 64 bits", "removal", b"\1\xfe" + bytes(16), "")
    yield framed("welcome: an interval of 33 bits", "welcome", b"\0\xfd\0\0\0\0\1\0\0\0\0", "")
    huge = b"\xfd" + b"\xff" * 8
    yield framed("hello: a tag longer than any message", "hello", b"\0" + huge, "")
    yield framed("heartbeat: one longer than any message", "heartbeat", b"\1" + huge + b"x", "")
    yield framed("upsert: a tag longer than any message", "upsert", b"\0\x09" + huge, "")
    yield framed("notice: a sentence longer than any message", "notice", b"\1\1" + huge, "")
    yield framed("snapshot: more servers than bytes", "snapshot", b"\0\1\1" + huge, "")
    yield framed("delta: more gone than bytes", "delta", b"\1\1\1\1" + huge, "")
    yield framed("delta: more placed than bytes", "delta", b"\1\1\1\1\0" + huge, "")
    yield framed("delta: more updated than bytes", "delta", b"\1\1\1\1\0\0" + huge, "")
    for first in (2, 3, 250):
        variant = U32.write(first)
        yield framed(f"hello: variant {first} instead", "hello", variant, "variant")
        yield framed(f"heartbeat: variant {first} instead", "heartbeat", variant, "variant")
        yield framed(f"upsert: variant {first} instead", "upsert", variant, "variant")
    for first in (254, 255):
        bad = bytes([first]) + bytes(16)
        for name in ("hello", "heartbeat", "upsert", "welcome", "snapshot"):
            yield framed(f"{name}: a variant that begins with {first}", name, bad, "")


def order():
    """Messages that are good by themselves, and not here."""
    beat, hello = (encode(name, **CARRIERS[name]) for name in ("heartbeat", "hello"))
    subscribe = encode("subscribe", **CARRIERS["subscribe"])
    yield entry("heartbeat before the hello", "hello", frame(beat), "hello")
    yield entry("hello twice", "heartbeat", frame(hello), "hello")
    yield entry("subscribe twice", "subscribe", frame(subscribe), "", after=["subscribe"])
    yield entry("a byte after the subscribe", "subscribe", b"\0", "", after=["subscribe"])
    zero = encode("hello", game="chess", port=0)
    yield entry("hello: port 0", "hello", frame(zero), "port 0")


REFUSED_TAGS = {
    "empty": "",
    "of 65 bytes": "g" * 65,
    "of 66 bytes in 33 characters": "\u00e9" * 33,
    "with NUL": "a\0b",
    "with a line feed": "a\nb",
    "with the last of the first control characters": "a\x1fb",
    "with DEL": "a\x7fb",
    "with a control character above it": "a\x85b",
    "with a soft hyphen": "a\u00adb",
    "with a combining grapheme joiner": "a\u034fb",
    "with a Hangul filler": "a\u3164b",
    "with a zero width space": "a\u200bb",
    "with a right-to-left override": "a\u202eb",
    "with a line separator": "a\u2028b",
    "with a paragraph separator": "a\u2029b",
    "with a word joiner": "a\u2060b",
    "with an unassigned character that is not seen": "a\u2065b",
    "with a variation selector": "a\ufe0fb",
    "with a byte order mark": "\ufeffa",
    "with an interlinear annotation": "a\ufff9b",
    "with a musical format character": "a\U0001d173b",
    "with a tag character": "a\U000e0041b",
    "with a no-break space": "a\u00a0b",
    "with an Ogham space": "a\u1680b",
    "with an em space": "a\u2003b",
    "with a narrow no-break space": "a\u202fb",
    "with a mathematical space": "a\u205fb",
    "with an ideographic space": "a\u3000b",
    "with an empty Braille pattern": "a\u2800b",
    "with a private use character": "a\ue000b",
    "with a private use character of the last plane": "a\U0010fffdb",
    "with a noncharacter": "a\ufdd0b",
    "with the last of the first plane": "a\uffffb",
    "with the last but one of the second plane": "a\U0001fffeb",
    "that is a space": " ",
    "with a space at its beginning": " a",
    "with a space at its end": "a ",
    "with two spaces": "a  b",
}


def tags():
    for what, tag in REFUSED_TAGS.items():
        hello = frame(encode("hello", game=tag, port=None))
        yield entry(f"hello: a tag {what}", "hello", hello, "game tag")
        subscribe = frame(encode("subscribe", game=tag, have=None, compression="none"))
        yield entry(f"subscribe: a tag {what}", "subscribe", subscribe, "game tag")
        upsert = frame(encode("upsert", **{**CARRIERS["upsert"], "game": tag}))
        yield entry(f"upsert: a tag {what}", "upsert", upsert, "game tag", outcome={"notice": 2})


NOWHERE = (
    "192.0.2.1:0 [2001:db8::1]:0 0.0.0.0:5 0.255.255.255:5 169.254.0.1:5 192.0.0.1:5 224.0.0.1:5 "
    "239.255.255.250:5 240.0.0.1:5 255.255.255.255:5 [::]:5 [::2]:5 [::192.0.2.1]:5 [100::1]:5 "
    "[100:0:0:1::1]:5 [fe80::1]:5 [febf::1]:5 [ff02::1]:5 [ff0e::1]:5 [::ffff:0.0.0.0]:5 "
    "[::ffff:224.0.0.1]:5 [64:ff9b::e000:1]:5 [2002:e000:1::]:5"
).split()


def upserts():
    """Upserts that can be read and not accepted: a notice, and the connection stays."""
    for address in NOWHERE:
        upsert = frame(encode("upsert", **{**CARRIERS["upsert"], "address": address}))
        yield entry(f"upsert: {address}", "upsert", upsert, " 9", outcome={"notice": 2})
    longer = encode("upsert", **{**CARRIERS["upsert"], "heartbeat": bytes(HEARTBEAT + 1)})
    yield entry(
        "upsert: a heartbeat that is one byte too long", "upsert", frame(longer), " 9",
        outcome={"notice": 2},
    )


def lengths():
    """Frames of which the length alone is too much: nothing of them has to be sent."""
    def announced(length):
        return length.to_bytes(4, "little")

    oversize = {"close": OVERSIZE}
    for length in (FIRST_FRAME + 1, U32_MOST):
        what = f"a frame of {length} bytes"
        yield entry(f"hello: {what}", "hello", announced(length), "")
        yield entry(f"subscribe: {what}", "subscribe", announced(length), "")
        yield entry(f"upsert: {what}", "upsert", announced(length), "")
        yield entry(f"claim: {what}", "claim", announced(length), "")
        yield entry(f"granted: {what}", "granted", announced(length), "")
        yield entry(f"welcome: {what}", "welcome", announced(length), "")
    yield entry(f"snapshot: {what}", "snapshot", announced(U32_MOST), "")
    for length in (HEARTBEAT_FRAME + 1, U32_MOST):
        yield entry(
            f"heartbeat: a frame of {length} bytes", "heartbeat", announced(length), "8192",
            outcome=oversize,
        )
    for name, after in (("the first", ["hello"]), ("a later", ["hello", "heartbeat"])):
        longer = frame(encode("heartbeat", heartbeat=bytes(HEARTBEAT + 1)))
        yield entry(
            f"heartbeat: {name} one is one byte too long", "heartbeat", longer, "8192",
            after=after, outcome=oversize,
        )


def streams():
    """What is done to the stream, rather than said on it."""
    for name in (
        "hello", "heartbeat", "subscribe", "upsert", "claim", "welcome", "snapshot", "granted",
    ):
        message = frame(encode(name, **CARRIERS[name]))
        for what, content in {
            "the length of a frame": message[:2],
            "a frame": message[:-1],
            "the next frame": message + message[:-1],
        }.items():
            if what == "the next frame" and name in ("hello", "subscribe"):
                continue
            yield entry(
                f"{name}: the stream is finished within {what}", name, content, "frame",
                then={"finish": True},
            )
        if name in ("hello", "heartbeat", "subscribe", "upsert", "claim"):
            yield entry(
                f"{name}: the stream is reset", name, message[:-1], "77", then={"reset": 77}
            )


def quic():
    """Raw QUIC frames in a packet of their own, which ordinary QUIC stacks do not let one send.

    A unidirectional stream of a peer has the number 2, its next one 6; a bidirectional one 0.
    """
    after = {
        "heartbeat": ["hello", "heartbeat"], "client": ["subscribe"], "relay": ["upsert"],
        "names": ["claim"],
    }
    for role, before in after.items():
        message = before[-1]
        for what, content, code in (
            ("a bidirectional stream", b"\x0f\x00\x00\x01x", STREAM_LIMIT),
            ("a second stream", b"\x0f\x06\x00\x01x", STREAM_LIMIT),
            ("a datagram", b"\x31\x03abc", PROTOCOL_VIOLATION),
        ):
            yield entry(
                f"{role}: {what}", message, b"", "", after=before, quic=content,
                outcome={"transport": code},
            )


def lists():
    """Lists that are broken as a whole."""
    plain = snapshot(server(1), server(2))
    packed = zstandard.ZstdCompressor().compress(plain)
    bomb = zstandard.ZstdCompressor().compress(bytes(100 << 20))
    for what, message in {
        "no zstd frame": compressed(100, b"not zstd at all"),
        "no bytes": compressed(100, b""),
        "unpacks to more than it announces": compressed(len(plain) - 1, packed),
        "unpacks to less than it announces": compressed(len(plain) + 1, packed),
        "cut short": compressed(len(plain), packed[:-1]),
        "announces the most": compressed(U32_MOST, packed),
        "a bomb": compressed(1_000, bomb),
        "a bomb that announces itself": compressed(100 << 20, bomb),
        "compressed twice": compress(compress(plain)),
        "unpacks to nothing": compressed(0, zstandard.ZstdCompressor().compress(b"")),
        "a broken list": compress(plain[:-1]),
        "a list with an odd extension": compress(snapshot(server(extensions=[(7, b"")]))),
    }.items():
        yield framed(f"compressed: {what}", "snapshot", message, "")
    yield entry(
        "delta: a heartbeat of a server that the client does not know", "delta",
        frame(delta(updated=[updated(99)])), "99",
    )
    again = {"subscribes_again": True}
    for what, message in {
        "from a later revision": delta(from_=3),
        "from an earlier revision": delta(from_=1),
        "of another epoch": delta(epoch=EPOCH + 1),
    }.items():
        yield entry(f"delta: {what}", "delta", frame(message), "", outcome=again)
    yield entry("delta: before any list", "snapshot", frame(delta()), "", outcome=again)
    for variant in (3, 251, U32_MOST):
        message = frame(U32.write(variant) + b"of later")
        yield entry(f"odd variant {variant} to a client", "delta", message, "", outcome=again)


def of_names():
    yield from names.malformed(framed, entry, frame)


def all_malformed():
    kinds = (
        cut_short, extensions, values, order, tags, upserts, lengths, streams, quic, lists,
        of_names,
    )
    entries = [it for kind in kinds for it in kind()]
    # The daemon's messages to servers and to relays are the same.
    for it in list(entries):
        if it["role"] == "heartbeat" and it["side"] == "peer":
            entries.append({**it, "role": "relay", "name": f"relay: {it['name']}"})
    names = [it["name"] for it in entries]
    assert len(names) == len(set(names)), {it for it in names if names.count(it) > 1}
    return entries
