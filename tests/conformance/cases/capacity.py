"""Many peers, many games, many changes."""

import random

from metaserve.connection import Closed
from metaserve.messages import CLIENT, HEARTBEAT, RELAY, frame
from metaserve.roles import hello, subscribe, upsert

from suite.checks import Group, equal, eventually
from suite.peers import Follower, answers, closed, fingerprint, identity, listed, notice

OWN = identity("relay")
GROUP = Group("capacity", "--trust-relay", fingerprint(OWN), "--max-games", "20", "--max-clients", "4")


@GROUP.check
async def games(daemon):
    """Beyond the games that it may have, the daemon lists no others, and says so."""
    relay = await daemon.connect(RELAY, OWN)
    relay.send(*(upsert(key, f"game-{key}", "192.0.2.1:1", b"x") for key in range(20)))
    await eventually("twenty games", lambda: daemon.servers("game-19"))
    relay.send(upsert(600, "one-more", "192.0.2.1:1", b"x"))
    equal((await notice(relay))["kind"], 2)
    server = await daemon.connect(HEARTBEAT)
    server.send(hello("two-more"))
    await closed(server, 4)
    relay.close(0)
    await eventually("no games", lambda: gone(daemon, "game-19"))


async def gone(daemon, game):
    return not await daemon.servers(game)


@GROUP.check
async def clients(daemon):
    """A client beyond those that the daemon may have is closed with code 4."""
    clients = [await Follower.start(daemon, "full") for _ in range(4)]
    await closed(await daemon.connect(CLIENT), 4)
    for it in clients:
        it.leave()


@GROUP.check
async def many_upserts(daemon):
    """A relay that changes a server all the time is told of once a tick, and ends with the truth."""
    client = await eventually("a place", lambda: follower(daemon, "flood"))
    relay = await daemon.connect(RELAY, OWN)
    before = len(client.list.seen)
    for burst in range(100):
        relay.send(*(
            upsert(1, "flood", "192.0.2.1:1", b"%d" % (50 * burst + it)) for it in range(50)
        ))
        await relay.ping()
    relay.send(upsert(1, "flood", "192.0.2.1:1", b"last"))
    await client.until_heartbeats(b"last")
    told = len(client.list.seen) - before
    assert told <= 100, f"{told} messages for 5001 changes"
    relay.close(0)
    client.leave()


async def follower(daemon, game):
    try:
        return await Follower.start(daemon, game)
    except Closed:
        return None


@GROUP.check
async def coming_and_going(daemon):
    """Servers that come and go without end leave nothing behind."""
    client = await eventually("a place", lambda: follower(daemon, "churn"))
    for turn in range(100):
        server = await listed(daemon, "churn", b"%d" % turn)
        await answers(server, 1)
        server.close(0)
    server = await listed(daemon, "churn", b"stays")
    await client.until_heartbeats(b"stays")
    server.close(0)
    client.leave()


def damaged(dice, message):
    """The message with up to three bytes changed, put in or taken out."""
    content = bytearray(message)
    for _ in range(dice.randrange(4)):
        place = dice.randrange(len(content) + 1)
        byte = dice.choice([0, 1, 2, 250, 251, 252, 253, 254, 255, dice.randrange(256)])
        content[place : place + dice.randrange(2)] = [byte][: dice.randrange(2)]
    return bytes(content)


@GROUP.check
async def chance(daemon):
    """Thousands of messages with mistakes by chance end connections, and never the daemon."""
    dice = random.Random(7)
    good = {
        HEARTBEAT: [hello("chance", 1), hello("x" * 64)],
        CLIENT: [subscribe("a", {"epoch": 1, "revision": 2}), subscribe()],
        RELAY: [upsert(1, "a", "192.0.2.1:5", b"x"), upsert(1, "b", "[2001:db8::1]:5", b"x")],
    }
    for _ in range(600):
        alpn = dice.choice(list(good))
        peer = await daemon.connect(alpn, OWN if alpn == RELAY else None)
        for _ in range(dice.randrange(1, 4)):
            peer.send(frame(damaged(dice, dice.choice(good[alpn])[4:])))
        end = dice.choice([
            lambda: peer.reset(dice.choice([0, 9, (1 << 62) - 1])),
            lambda: peer.send(finish=True),
            lambda: None,
        ])
        end()
        try:
            if dice.randrange(2):
                await peer.ping()
            peer.close(dice.choice([0, 1, 8, 200]))
        except ConnectionError:
            pass
    server = await listed(daemon, "still-there")
    equal((await answers(server, 1))[0][0], "welcome")
    server.close(0)
