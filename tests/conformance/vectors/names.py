"""Messages about names."""

from metaserve.encoding import U32
from metaserve.messages import encode

U32_MOST, U64_MOST = (1 << 32) - 1, (1 << 64) - 1
KEY, VALUE, PREFIX = "zone/meadow", b"192.0.2.1:7777", "zone/"
LONGEST_KEY, LONGEST_VALUE, LONGEST_TICKET = "k" * 255, bytes(range(256)) * 32, b"t" * 4096
LONG_VALUE = bytes(range(256))
PROOF = bytes(range(32))
HOLDER = "192.0.2.1:50000"

# The fields of each message as it is on the protocol page.
FIELDS = {
    "claim": {"id": 1, "key": KEY, "value": VALUE, "ticket": None, "held": None},
    "update": {"id": 1, "value": b"full"},
    "release": {"id": 1},
    "resolve": {"id": 2, "key": KEY, "start": None},
    "watch": {"id": 4, "prefix": PREFIX},
    "unwatch": {"id": 4},
    "offer": {"id": 5, "prefix": PREFIX, "slots": 8, "ticket": None},
    "refuse": {"order": 9, "why": "no memory"},
    "drain": {"id": 5},
    "granted": {"id": 1, "epoch": 300, "proof": PROOF},
    "held": {"id": 1, "epoch": 300, "value": VALUE},
    "lost": {"id": 1},
    "found": {"id": 2, "epoch": 300, "value": VALUE, "address": HOLDER},
    "absent": {"id": 2},
    "unavailable": {"id": 3, "why": "no host offers to start it"},
    "up": {"id": 4, "key": KEY, "epoch": 300, "value": VALUE},
    "current": {"id": 4},
    "down": {"id": 4, "key": KEY},
    "reset": {"id": 4},
    "order": {"id": 5, "order": 9, "key": KEY, "payload": b"night", "within_ms": 5_000},
    "refused": {
        "id": 1, "refusal": 0, "again_ms": 15_000, "why": "the daemon has just started",
    },
}

HELD = {"epoch": 300, "proof": PROOF}
START = {"payload": b"night", "within_ms": 10_000, "ticket": None}
LEAST = {
    "claim": {"id": 0, "key": "k", "value": b""},
    "update": {"id": 0, "value": b""},
    "release": {"id": 0},
    "resolve": {
        "id": 0, "key": "k", "start": {"payload": b"", "within_ms": 0, "ticket": None},
    },
    "watch": {"id": 0, "prefix": ""},
    "offer": {"id": 0, "prefix": "", "slots": 0},
    "refuse": {"order": 0, "why": ""},
    "granted": {"id": 0, "epoch": 0, "proof": bytes(32)},
    "found": {"id": 0, "epoch": 0, "value": b""},
    "unavailable": {"id": 0, "why": ""},
    "up": {"id": 0, "key": "k", "epoch": 0, "value": b""},
    "order": {"id": 0, "order": 0, "key": "k", "payload": b"", "within_ms": 0},
    "refused": {"id": 0, "refusal": 1, "again_ms": None, "why": ""},
}
MOST = {
    "claim": {
        "id": U64_MOST, "key": LONGEST_KEY, "value": LONGEST_VALUE, "ticket": LONGEST_TICKET,
        "held": {"epoch": U64_MOST, "proof": b"\xff" * 32},
    },
    "update": {"id": U64_MOST, "value": LONG_VALUE},
    "release": {"id": U64_MOST},
    "resolve": {
        "id": U64_MOST, "key": LONGEST_KEY,
        "start": {"payload": LONG_VALUE, "within_ms": U32_MOST, "ticket": b"ticket"},
    },
    "watch": {"id": U64_MOST, "prefix": LONGEST_KEY},
    "offer": {
        "id": U64_MOST, "prefix": LONGEST_KEY, "slots": U32_MOST, "ticket": b"ticket",
    },
    "refuse": {"order": U64_MOST, "why": "w" * 512},
    "granted": {"id": U64_MOST, "epoch": U64_MOST, "proof": b"\xff" * 32},
    "held": {"id": U64_MOST, "epoch": U64_MOST, "value": LONG_VALUE},
    "found": {
        "id": U64_MOST, "epoch": U64_MOST, "value": LONG_VALUE, "address": "[2001:db8::1]:65535",
    },
    "up": {"id": U64_MOST, "key": LONGEST_KEY, "epoch": U64_MOST, "value": LONG_VALUE},
    "down": {"id": U64_MOST, "key": LONGEST_KEY},
    "order": {
        "id": U64_MOST, "order": U64_MOST, "key": LONGEST_KEY, "payload": LONGEST_VALUE,
        "within_ms": U32_MOST,
    },
    "refused": {"id": U64_MOST, "refusal": U32_MOST, "again_ms": U32_MOST, "why": "later"},
}


def message(name, **fields):
    """The message on the page, with other fields."""
    return encode(name, **{**FIELDS[name], **fields})


PLAIN = {
    **{name: message(name) for name in FIELDS},
    **{f"{name}-least": message(name, **fields) for name, fields in LEAST.items()},
    **{f"{name}-most": message(name, **fields) for name, fields in MOST.items()},
    "claim-again": message("claim", ticket=b"v4.public.", held=HELD),
    "claim-with-a-ticket": message("claim", ticket=b"v4.public."),
    "claim-with-an-empty-ticket": message("claim", ticket=b""),
    "claim-in-japanese": message("claim", key="\u9b54\u6cd5/\u5c06\u68cb"),
    "claim-of-spaces": message("claim", key=" / "),
    "claim-with-a-format-character": message("claim", key="a\u202eb"),
    "resolve-or-start": message("resolve", id=3, start=START),
    "resolve-or-start-with-a-ticket": message(
        "resolve", id=3, start={**START, "ticket": b"v4.public."}
    ),
    **{
        f"refused-for-{what}": message("refused", refusal=number, again_ms=None, why=what)
        for number, what in enumerate(["settling", "a ticket", "many claims", "no epochs"])
    },
}

# Messages of later versions, and numbers that are longer than necessary.
LONG_NUMBERS = {
    "release-in-long-numbers": ("names", b"\xfb\2\0\xfd\1\0\0\0\0\0\0\0"),
    "watch-in-long-numbers": ("names", b"\xfc\4\0\0\0\xfb\4\0\xfb\1\0z"),
}
UNKNOWN_VARIANTS = [(12, b""), (13, b"any bytes"), (250, b""), (U32_MOST, b"")]

# Keys that nobody may claim, watch or be told of; an empty prefix is one.
REFUSED_KEYS = {
    "of 256 bytes": "k" * 256,
    "of 256 bytes in 128 characters": "\u00e9" * 128,
    "with NUL": "a\0b",
    "with a line feed": "a\nb",
    "with an escape": "a\x1bb",
    "with DEL": "a\x7fb",
    "with a control character above it": "a\x85b",
    "with the last control character": "a\x9fb",
}


def malformed(framed, entry, frame):
    """What is refused of messages about names, besides broken extensions and what is cut short."""
    keys = {
        "claim": "key", "resolve": "key", "watch": "prefix", "offer": "prefix",
        "up": "key", "down": "key", "order": "key",
    }
    for name, field in keys.items():
        wrong = {**REFUSED_KEYS, **({"that is empty": ""} if field == "key" else {})}
        for what, key in wrong.items():
            content = message(name, **{field: key})
            yield framed(f"{name}: a {field} {what}", name, content, "a key has")
    longer = LONGEST_VALUE + b"x"
    for name, field in {"claim": "value", "up": "value", "order": "payload"}.items():
        content = message(name, **{field: longer})
        yield framed(f"{name}: a {field} of 8193 bytes", name, content, "8193")
    content = message("resolve", start={**START, "payload": longer})
    yield framed("resolve: a payload of 8193 bytes", "resolve", content, "8193")
    long_ticket = LONGEST_TICKET + b"x"
    for name in ("claim", "offer"):
        content = message(name, ticket=long_ticket)
        yield framed(f"{name}: a ticket of 4097 bytes", name, content, "4097")
    content = message("resolve", start={**START, "ticket": long_ticket})
    yield framed("resolve: a ticket of 4097 bytes", "resolve", content, "4097")
    for what, text in {"no UTF-8": b"\xff\xfe", "a surrogate": b"\xed\xa0\x80"}.items():
        bad = bytes([len(text)]) + text
        yield framed(f"claim: {what} in the key", "claim", b"\0\1" + bad + b"\0\0\0", "UTF-8")
        yield framed(f"refuse: {what} in the reason", "refuse", b"\7\1" + bad, "UTF-8")
        yield framed(f"up: {what} in the key", "up", b"\6\1" + bad + b"\1\0", "UTF-8")
        yield framed(f"refused: {what} in the reason", "refused", b"\x0b\1\0\0" + bad, "UTF-8")
    for tag in (2, 255):
        option = bytes([tag])
        yield framed(f"claim: {tag} begins the ticket", "claim", b"\0\1\1k\0" + option, "")
        yield framed(f"claim: {tag} begins the grant", "claim", b"\0\1\1k\0\0" + option, "")
        yield framed(f"resolve: {tag} begins the start", "resolve", b"\3\1\1k" + option, "")
        yield framed(f"offer: {tag} begins the ticket", "offer", b"\6\1\0\1" + option, "")
        yield framed(f"refused: {tag} begins the time", "refused", b"\x0b\1\0" + option, "")
    yield framed("found: address family 2", "found", b"\3\1\1\0\2" + bytes(19), "variant")
    yield framed("claim: an id of more than 64 bits", "claim", b"\0\xfe" + bytes(16), "")
    yield framed("offer: slots of 33 bits", "offer", b"\6\1\0\xfd\0\0\0\0\1\0\0\0\0", "")
    huge = b"\xfd" + b"\xff" * 8
    yield framed("claim: a key longer than any message", "claim", b"\0\1" + huge, "")
    yield framed("update: a value longer than any message", "update", b"\1\1" + huge, "")
    yield framed("up: a key longer than any message", "up", b"\6\1" + huge, "")
    for variant in (9, 10, 250):
        yield framed(f"claim: variant {variant} instead", "claim", U32.write(variant), "variant")
    for first in (254, 255):
        for name in ("claim", "granted"):
            content = bytes([first]) + bytes(16)
            yield framed(f"{name}: a variant that begins with {first}", name, content, "")
    for name in ("claim", "resolve", "watch", "offer"):
        content = frame(message(name, id=4))
        yield entry(f"{name}: an id in use", name, content, "4", after=["watch"])
