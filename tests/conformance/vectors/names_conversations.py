"""Conversations about names, with a daemon that has never granted a key."""

from metaserve.messages import encode, frame

from .names import FIELDS, KEY, PREFIX, START, VALUE

GOODBYE = 0


def connect(on, **more):
    return {"connect": {"role": "names", **more}, "on": on}


def say(on, name, **fields):
    return {"send": frame(encode(name, **{**FIELDS[name], **fields})), "on": on}


def again(on, epoch="$epoch", proof="$proof", **fields):
    """A claim with an earlier grant, whose values are not known before."""
    held = {"epoch": epoch, "proof": proof}
    fields = {**FIELDS["claim"], **fields, "held": held}
    return {"send": {"message": "claim", "fields": fields}, "on": on}


def told(on, message, words=None, **fields):
    more = {"words": words} if words else {}
    return {"receive": {"message": message, "fields": fields, **more}, "on": on}


def granted(on, id=1, epoch="$epoch", proof="$proof"):
    return told(on, "granted", id=id, epoch=epoch, proof=proof)


def watches(on, *keys, id=4):
    """A watch from its beginning, at which these keys are held."""
    ups = [told(on, "up", id=id, key=key) for key in keys]
    return [say(on, "watch", id=id), *ups, told(on, "current", id=id)]


def holder(on="holder", **more):
    return [connect(on, **more), say(on, "claim"), granted(on)]


def claims():
    yield "names: a key has one holder, and then the next one", [
        *holder(),
        connect("other"),
        *watches("other", KEY),
        say("other", "claim"),
        told("other", "held", id=1, epoch="$epoch", value=VALUE),
        say("holder", "release"),
        told("other", "down", id=4, key=KEY),
        say("other", "claim", id=6),
        granted("other", 6, "$next", "$other"),
        told("other", "up", id=4, key=KEY, epoch="$next", value=VALUE),
        say("holder", "claim"),
        told("holder", "held", id=1, epoch="$next"),
    ]
    for what, leaves in {
        "finishes its stream": [
            {"finish": True, "on": "holder"},
            {"closed": {"code": GOODBYE, "reason": ""}, "on": "holder"},
        ],
        "closes the connection": [{"close": GOODBYE, "on": "holder"}],
    }.items():
        yield f"names: one that {what} holds nothing", [
            *holder(),
            connect("other"),
            *watches("other", KEY),
            *leaves,
            told("other", "down", id=4, key=KEY),
            say("other", "resolve"),
            told("other", "absent", id=2),
        ]
    yield "names: a holder that comes again displaces its former connection", [
        *holder("former"),
        connect("holder"),
        again("holder", id=7),
        granted("holder", 7),
        told("former", "lost", id=1),
        say("former", "update", value=b"late"),
        say("former", "claim"),
        told("former", "held", id=1, epoch="$epoch", value=VALUE),
    ]
    yield "names: an epoch without its proof displaces nobody", [
        *holder(),
        connect("other"),
        again("other", proof="00" * 32),
        told("other", "held", id=1, epoch="$epoch"),
        say("other", "claim", id=2, key="zone/hill"),
        granted("other", 2, "$hill", "$of-hill"),
        again("other", id=3, epoch="$hill", proof="$of-hill"),
        told("other", "held", id=3, epoch="$epoch"),
    ]
    yield "names: a holder keeps its key through a restart, and strangers wait", [
        *holder(),
        {"restart": True},
        connect("stranger"),
        say("stranger", "claim"),
        told("stranger", "refused", id=1, refusal=0),
        again("stranger", proof="11" * 32),
        told("stranger", "refused", id=1, refusal=0),
        say("stranger", "resolve"),
        told("stranger", "refused", id=2, refusal=0),
        connect("again"),
        again("again"),
        granted("again"),
        say("stranger", "claim"),
        told("stranger", "held", id=1, epoch="$epoch", value=VALUE),
    ]
    yield "names: after a restart the last holder displaces a former one", [
        *holder("former"),
        connect("last"),
        *watches("last", KEY),
        say("former", "release"),
        told("last", "down", id=4, key=KEY),
        say("last", "claim"),
        granted("last", 1, "$later", "$of-later"),
        {"restart": True},
        connect("former again"),
        again("former again"),
        granted("former again"),
        connect("last again"),
        again("last again", epoch="$later", proof="$of-later"),
        granted("last again", 1, "$later", "$of-later"),
        told("former again", "lost", id=1),
    ]
    yield "names: what is about no request is ignored", [
        connect("peer"),
        say("peer", "update", id=99),
        say("peer", "release", id=99),
        say("peer", "unwatch", id=99),
        say("peer", "refuse", order=99),
        say("peer", "drain", id=99),
        say("peer", "resolve"),
        told("peer", "absent", id=2),
    ]
    yield "names: extensions that nobody knows change nothing", [
        connect("peer"),
        say("peer", "claim", extensions=[(2, b"\xaa"), (6, b"six")]),
        granted("peer"),
    ]


def questions():
    yield "names: who holds a key is found, with its address", [
        connect("other"),
        say("other", "resolve"),
        told("other", "absent", id=2),
        *holder(address="$own"),
        say("other", "resolve"),
        told("other", "found", id=2, epoch="$epoch", value=VALUE, address="$own"),
    ]
    yield "names: a watcher is told of its prefix, and of nothing else", [
        connect("watcher"),
        *watches("watcher"),
        connect("holder"),
        say("holder", "claim", key="room/hall", id=2),
        granted("holder", 2, "$room", "$of-room"),
        say("holder", "claim"),
        granted("holder"),
        told("watcher", "up", id=4, key=KEY, epoch="$epoch", value=VALUE),
        say("holder", "update"),
        told("watcher", "up", id=4, key=KEY, epoch="$epoch", value=b"full"),
        say("holder", "release", id=2),
        say("holder", "release"),
        told("watcher", "down", id=4, key=KEY),
        say("watcher", "unwatch"),
        say("watcher", "claim"),
        granted("watcher", 1, "$later", "$of-later"),
    ]
    yield "names: a watch of everything begins with all keys in order", [
        connect("peer"),
        say("peer", "claim", id=1, key="b"),
        granted("peer", 1, "$b", "$of-b"),
        say("peer", "claim", id=2, key="a"),
        granted("peer", 2, "$a", "$of-a"),
        say("peer", "watch", prefix=""),
        told("peer", "up", id=4, key="a", epoch="$a"),
        told("peer", "up", id=4, key="b", epoch="$b"),
        told("peer", "current", id=4),
    ]


def starts():
    host = [connect("host"), say("host", "offer")]
    # The daemon has heard the offer when it answers what comes after it.
    host += [say("host", "resolve"), told("host", "absent", id=2)]
    ask = say("asker", "resolve", id=3, start={**START, "within_ms": 60_000})
    order = told("host", "order", id=5, order="$order", key=KEY, payload=b"night")
    yield "names: an absent key is started once for all who ask", [
        *host,
        connect("asker"),
        ask,
        order,
        say("asker", "resolve", id=4, start={**START, "payload": b"day", "within_ms": 60_000}),
        say("asker", "resolve"),
        told("asker", "absent", id=2),
        say("host", "claim"),
        granted("host"),
        told("asker", "found", id=3, epoch="$epoch", value=VALUE),
        told("asker", "found", id=4, epoch="$epoch", value=VALUE),
    ]
    yield "names: when the host refuses, those who wait are told why", [
        *host,
        connect("asker"),
        ask,
        order,
        {"send": {"message": "refuse", "fields": {"order": "$order", "why": "no memory"}},
         "on": "host"},
        told("asker", "unavailable", "no memory", id=3),
        {"send": {"message": "refuse", "fields": {"order": "$order", "why": "no memory"}},
         "on": "host"},
        ask,
        told("host", "order", id=5, order="$another", key=KEY),
    ]
    yield "names: when the host leaves, the next one has the order", [
        *host,
        connect("asker"),
        ask,
        order,
        connect("next"),
        say("next", "offer", id=1),
        say("next", "resolve"),
        told("next", "absent", id=2),
        {"close": GOODBYE, "on": "host"},
        told("next", "order", id=1, order="$another", key=KEY, payload=b"night"),
        say("next", "claim", id=2),
        granted("next", 2),
        told("asker", "found", id=3, epoch="$epoch"),
    ]
    yield "names: without a host there is no hope", [
        connect("asker"),
        ask,
        told("asker", "unavailable", "no host", id=3),
        *host,
        say("host", "drain"),
        say("host", "resolve"),
        told("host", "absent", id=2),
        ask,
        told("asker", "unavailable", "slot", id=3),
        say("host", "offer", id=6, prefix="room/"),
        say("host", "resolve"),
        told("host", "absent", id=2),
        ask,
        told("asker", "unavailable", "slot", id=3),
    ]
    yield "names: a start of a key that is held needs no host", [
        *holder(),
        connect("asker"),
        ask,
        told("asker", "found", id=3, epoch="$epoch", value=VALUE),
    ]


def all_of_names():
    return [*claims(), *questions(), *starts()]


assert KEY.startswith(PREFIX)
