"""Whole conversations: docs/reference/vectors.md says what a step means.

Those of the daemon's side are held against a daemon with its default settings, which trusts the
relay whose identity is called "relay", and has names switched on. Those of the peer's side are held against a peer.
"""

from metaserve.messages import compress, encode, frame

from .messages import ONE, SOME, THOUSAND, V4, V6, delta, server, snapshot, updated
from .names_conversations import all_of_names

GOODBYE, UNAUTHORISED, RATE_LIMITED, REPLACED, TOO_SLOW = 0, 3, 5, 8, 9
TOO_FAST, REFUSED = 1, 2

WELCOME = {"message": "welcome", "fields": {"min_interval_ms": 1000, "max_heartbeat_bytes": 8192}}


def connect(role, on=None, **more):
    return step("connect", {"role": role, **{k: v for k, v in more.items() if v}}, on)


def step(what, value, on=None):
    return {what: value, **({"on": on} if on else {})}


def send(name, on=None, times=1, **fields):
    """A message whose bytes are always the same."""
    more = {"times": times} if times > 1 else {}
    return {**step("send", frame(encode(name, **fields)), on), **more}


def receive(message, on=None, words=None, **fields):
    more = {"words": words} if words else {}
    return step("receive", {"message": message, "fields": fields, **more}, on)


def listed(game="chess", address="127.0.0.1:7777", heartbeat=b"hi", second=None, **more):
    return {"game": game, "address": address, "second": second, "heartbeat": heartbeat, **more}


def shows(*servers, on=None):
    return step("list", list(servers), on)


def closed(code, reason="", on=None):
    return step("closed", {"code": code, "reason": reason}, on)


def hello(on=None, game="chess", port=7777, **more):
    return send("hello", on, game=game, port=port, **more)


def beat(content, on=None, **more):
    return send("heartbeat", on, heartbeat=content, **more)


def upsert(key=9, game="chess", address="192.0.2.1:5002", content=b"{}", on=None, **more):
    return send("upsert", on, key=key, game=game, address=address, heartbeat=content, **more)


def subscribe(on=None, game="chess", have=None, **more):
    """With `have`, whose values are not known before, the runner encodes the message."""
    if have is None:
        return send("subscribe", on, game=game, have=None, compression="none", **more)
    fields = {"game": game, "have": have, "compression": "none"}
    return step("send", {"message": "subscribe", "fields": fields}, on)


def client(on="client", game="chess"):
    """A client that is there, with the list as it is now."""
    return [connect("client", on), subscribe(on, game)]


CURSOR = {"epoch": "$epoch", "revision": "$revision"}


def servers():
    yield "server: listed from its first heartbeat until it says goodbye", [
        *client(),
        receive("snapshot", "client", servers=[]),
        connect("heartbeat", "server"),
        hello("server"),
        step("receive", WELCOME, "server"),
        beat(b"hi", "server"),
        shows(listed(), on="client"),
        beat(b"yo", "server"),
        shows(listed(heartbeat=b"yo"), on="client"),
        step("finish", True, "server"),
        closed(GOODBYE, on="server"),
        shows(on="client"),
    ]
    for what, leaves in {
        "resets its stream with code 0": [step("reset", 0, "server"), closed(0, on="server")],
        "closes the connection": [step("close", 0, "server")],
    }.items():
        yield f"server: one that {what} leaves the list", [
            *client(),
            connect("heartbeat", "server"),
            hello("server"),
            beat(b"hi", "server"),
            shows(listed(), on="client"),
            *leaves,
            shows(on="client"),
        ]
    yield "server: one without a heartbeat may leave, and was never listed", [
        connect("heartbeat"),
        hello(),
        step("receive", WELCOME),
        step("finish", True),
        closed(GOODBYE),
    ]
    yield "server: without a port, the one that its packets come from is listed", [
        *client(),
        connect("heartbeat", "server", address="$own"),
        hello("server", port=None),
        beat(b"hi", "server"),
        shows(listed(address="$own"), on="client"),
    ]
    yield "server: an empty heartbeat is one", [
        *client(),
        connect("heartbeat", "server"),
        hello("server"),
        beat(b"", "server"),
        shows(listed(heartbeat=b""), on="client"),
    ]
    yield "server: warned when it is too fast, then ended", [
        connect("heartbeat"),
        hello(),
        step("receive", WELCOME),
        # 320 are allowed at once; from half of it on the server is warned.
        send("heartbeat", heartbeat=b"hi", times=250),
        receive("notice", kind=TOO_FAST),
        send("heartbeat", heartbeat=b"hi", times=5000),
        closed(RATE_LIMITED),
    ]
    yield "server: a newer connection of its identity replaces it", [
        *client(),
        connect("heartbeat", "old", identity="one"),
        hello("old"),
        beat(b"old", "old"),
        shows(listed(heartbeat=b"old", identity="$one"), on="client"),
        connect("heartbeat", "new", identity="one"),
        hello("new", port=7778),
        beat(b"new", "new"),
        closed(REPLACED, on="old"),
        shows(
            listed(address="127.0.0.1:7778", heartbeat=b"new", identity="$one"), on="client"
        ),
    ]
    yield "server: its identity is one entry over both address families", [
        *client(),
        connect("heartbeat", "v4", identity="one"),
        hello("v4"),
        beat(b"hi", "v4"),
        shows(listed(), on="client"),
        connect("heartbeat", "v6", identity="one", family="ipv6"),
        hello("v6", port=7778),
        beat(b"hi", "v6"),
        shows(listed(second="[::1]:7778"), on="client"),
        step("finish", True, "v4"),
        closed(GOODBYE, on="v4"),
        shows(listed(address="[::1]:7778"), on="client"),
    ]
    yield "server: in another game its identity ends the entry in the first", [
        *client("chess"),
        *client("go", "go"),
        connect("heartbeat", "first", identity="one"),
        hello("first"),
        beat(b"hi", "first"),
        shows(listed(), on="chess"),
        connect("heartbeat", "second", identity="one"),
        hello("second", game="go"),
        beat(b"hi", "second"),
        shows(listed(game="go"), on="go"),
        shows(on="chess"),
        closed(REPLACED, on="first"),
    ]
    yield "server: extensions of even tags are skipped, a thousand as well", [
        *client(),
        connect("heartbeat", "server"),
        hello("server", extensions=THOUSAND),
        beat(b"hi", "server", extensions=SOME),
        shows(listed(), on="client"),
        beat(b"yo", "server", extensions=THOUSAND),
        shows(listed(heartbeat=b"yo"), on="client"),
    ]


def clients():
    relay = [connect("relay", "relay", identity="relay")]
    yield "client: snapshot, then deltas", [
        *client(),
        receive("snapshot", "client", epoch="$epoch", revision="$0", servers=[]),
        *relay,
        upsert(8, on="relay"),
        receive("delta", "client", epoch="$epoch", **{"from": "$0", "to": "$1"}, removed=[],
                updated=[]),
        upsert(9, on="relay"),
        receive("delta", "client", epoch="$epoch", **{"from": "$1", "to": "$2"}, removed=[],
                updated=[]),
        upsert(9, content=b"[]", on="relay"),
        receive("delta", "client", epoch="$epoch", **{"from": "$2", "to": "$3"}, removed=[],
                placed=[]),
        send("removal", "relay", key=9),
        receive("delta", "client", epoch="$epoch", **{"from": "$3", "to": "$4"}, placed=[],
                updated=[]),
        shows(listed(address="192.0.2.1:5002", heartbeat=b"{}"), on="client"),
    ]
    yield "client: it may finish its stream, and is told the list all the same", [
        *client(),
        step("finish", True, "client"),
        receive("snapshot", "client", servers=[]),
        *relay,
        upsert(on="relay"),
        shows(listed(address="192.0.2.1:5002", heartbeat=b"{}"), on="client"),
    ]
    yield "client: one game's list has no servers of others, and all games' has them", [
        *client("chess"),
        connect("client", "all"),
        subscribe("all", None),
        *relay,
        upsert(1, "go", on="relay"),
        upsert(2, "chess", on="relay"),
        shows(listed(address="192.0.2.1:5002", heartbeat=b"{}"), on="chess"),
        shows(
            listed(address="192.0.2.1:5002", heartbeat=b"{}"),
            listed("go", "192.0.2.1:5002", b"{}"),
            on="all",
        ),
    ]
    begun = [
        *relay,
        upsert(1, on="relay"),
        upsert(2, "go", on="relay"),
        *client("old"),
        shows(listed(address="192.0.2.1:5002", heartbeat=b"{}"), on="old"),
        step("cursor", CURSOR, "old"),
        step("close", 0, "old"),
        connect("client", "new"),
    ]
    yield "client: with its cursor it is told only what has changed", [
        *begun,
        subscribe("new", have=CURSOR),
        receive("delta", "new", epoch="$epoch", **{"from": "$revision", "to": "$revision"},
                removed=[], placed=[], updated=[]),
        upsert(1, content=b"[]", on="relay"),
        receive("delta", "new", epoch="$epoch", removed=[], placed=[]),
    ]
    for what, game in {"another game": "go", "all games": None}.items():
        yield f"client: the cursor of one game is unknown with {what}", [
            *begun,
            subscribe("new", game, have=CURSOR),
            receive("snapshot", "new"),
        ]
    yield "client: a cursor that was never given earns a snapshot", [
        connect("client"),
        subscribe(have={"epoch": 1, "revision": 1}),
        receive("snapshot", servers=[]),
    ]
    yield "client: a cursor of the daemon's former run earns a snapshot", [
        *begun[:-1],
        step("restart", True),
        connect("client", "new"),
        subscribe("new", have=CURSOR),
        receive("snapshot", "new", servers=[]),
    ]
    yield "client: extensions of even tags are skipped, a thousand as well", [
        connect("client"),
        subscribe(extensions=THOUSAND),
        receive("snapshot", servers=[]),
    ]


def relays():
    relay = connect("relay", "relay", identity="relay")
    row = listed(address="192.0.2.1:5002", heartbeat=b"{}")
    yield "relay: lists, changes and removes servers", [
        *client(),
        relay,
        step("receive", WELCOME, "relay"),
        upsert(1, on="relay"),
        upsert(2, address=V6, on="relay"),
        shows(row, listed(address=V6, heartbeat=b"{}"), on="client"),
        upsert(1, address="192.0.2.1:5003", content=b"[]", on="relay"),
        send("removal", "relay", key=2),
        shows(listed(address="192.0.2.1:5003", heartbeat=b"[]"), on="client"),
    ]
    yield "relay: a refused upsert leaves what is listed, and the connection", [
        *client(),
        relay,
        upsert(on="relay"),
        shows(row, on="client"),
        upsert(address="192.0.2.1:0", on="relay"),
        step("receive", WELCOME, "relay"),
        receive("notice", "relay", words="9", kind=REFUSED),
        upsert(10, on="relay"),
        shows(row, row, on="client"),
    ]
    yield "relay: a removal of an unknown key is ignored", [
        *client(),
        relay,
        send("removal", "relay", key=77),
        upsert(on="relay"),
        shows(row, on="client"),
    ]
    yield "relay: two connections with one certificate are two relays", [
        *client(),
        relay,
        connect("relay", "other", identity="relay"),
        upsert(on="relay"),
        upsert(content=b"other", on="other"),
        shows(row, {**row, "heartbeat": b"other"}, on="client"),
        step("finish", True, "other"),
        closed(GOODBYE, on="other"),
        shows(row, on="client"),
    ]
    yield "relay: what it has listed ends with its connection", [
        *client(),
        relay,
        upsert(1, on="relay"),
        upsert(2, on="relay"),
        shows(row, row, on="client"),
        step("finish", True, "relay"),
        closed(GOODBYE, on="relay"),
        shows(on="client"),
    ]
    yield "relay: an upsert can move a server to another game", [
        *client("chess"),
        *client("go", "go"),
        relay,
        upsert(on="relay"),
        shows(row, on="chess"),
        upsert(game="go", on="relay"),
        shows({**row, "game": "go"}, on="go"),
        shows(on="chess"),
    ]
    for what, identity in {"without a certificate": None, "nobody trusts": "stranger"}.items():
        yield f"relay: one {what} is not let in", [
            connect("relay", identity=identity),
            closed(UNAUTHORISED),
        ]
    yield "relay: extensions of even tags are skipped, a thousand as well", [
        *client(),
        relay,
        upsert(1, extensions=SOME, on="relay"),
        upsert(2, extensions=THOUSAND, on="relay"),
        shows(row, row, on="client"),
        send("removal", "relay", key=1, extensions=THOUSAND),
        shows(row, on="client"),
    ]


def to_client(*messages):
    return [step("send", frame(it)) for it in messages]


def peers():
    """What peers are told, by a daemon that the runner plays."""
    begin = [receive("subscribe", game="chess", have=None)]
    row = listed(address=V4)
    yield "client", "client: snapshot, then deltas", [
        *begin,
        *to_client(snapshot(server(1), server(2, heartbeat=b"two"))),
        shows(row, {**row, "heartbeat": b"two"}),
        *to_client(delta([2], [server(3, second=V6)], [updated(1)])),
        shows({**row, "heartbeat": b"yo"}, listed(address=V4, second=V6)),
        *to_client(snapshot(revision=9)),
        shows(),
    ]
    yield "client", "client: unknown numbers among those that are gone are ignored", [
        *begin,
        *to_client(snapshot(server(1)), delta([1, 99])),
        shows(),
    ]
    yield "client", "client: even variants that it does not know are ignored", [
        *begin,
        *to_client(snapshot(server(1)), b"\x04", b"\xfa any bytes"),
        *to_client(delta(updated=[updated(1)])),
        shows({**row, "heartbeat": b"yo"}),
    ]
    yield "client", "client: compressed snapshot and delta", [
        *begin,
        *to_client(compress(snapshot(server(1)))),
        shows(row),
        *to_client(compress(delta(updated=[updated(1)]))),
        shows({**row, "heartbeat": b"yo"}),
    ]
    refused = server(2, game="a\u202eb")
    yield "client", "client: a server whose tag is refused is left out, and costs nothing else", [
        *begin,
        *to_client(snapshot(server(1), refused)),
        shows(row),
        *to_client(delta([], [], [updated(1), updated(2)])),
        shows({**row, "heartbeat": b"yo"}),
        *to_client(delta([2], [], [], from_=4, to=5), delta([1], [], [], from_=5, to=6)),
        shows(),
    ]
    yield "client", "client: a server's extensions are shown, and replaced as a whole", [
        *begin,
        *to_client(snapshot(server(1, extensions=SOME), server(2), extensions=THOUSAND)),
        shows({**row, "extensions": SOME}, {**row, "extensions": []}),
        *to_client(delta([], [], [updated(1, b"hi", ONE), updated(2, b"hi", SOME)])),
        shows({**row, "extensions": ONE}, {**row, "extensions": SOME}),
        *to_client(delta([], [], [updated(1, b"hi")], from_=4, to=5)),
        shows({**row, "extensions": []}, {**row, "extensions": SOME}),
    ]
    yield "client", "client: after a reset with code 9 the next stream begins with a snapshot", [
        *begin,
        *to_client(snapshot(server(1))),
        step("send", frame(delta(updated=[updated(1)]))[:-1]),
        step("reset", TOO_SLOW),
        *to_client(snapshot(server(1, heartbeat=b"new"), revision=7)),
        shows({**row, "heartbeat": b"new"}),
    ]
    for role, says in {"heartbeat": "hello", "relay": "upsert"}.items():
        yield role, f"{role}: notices are heard whatever their kind, unknown variants ignored", [
            receive(says),
            send("welcome", min_interval_ms=1000, max_heartbeat_bytes=8192, extensions=THOUSAND),
            *to_client(b"\x02", b"\xfb\x01\x01 any bytes", b"\xfa"),
            send("notice", kind=TOO_FAST, sentence="slow down", extensions=SOME),
            step("notice", {"kind": TOO_FAST, "sentence": "slow down"}),
            send("notice", kind=77, sentence="a kind of later"),
            step("notice", {"kind": 77, "sentence": "a kind of later"}),
        ]


def all_conversations():
    daemons = [*servers(), *clients(), *relays(), *all_of_names()]
    return [
        *({"name": name, "side": "daemon", "steps": steps} for name, steps in daemons),
        *({"name": f"to a {name}", "side": "peer", "role": role, "steps": steps}
          for role, name, steps in peers()),
    ]
