"""What each role does: the sections "Heartbeat", "Client", "Relay" and "Close codes" of the page."""

import asyncio
import random

from .connection import Closed
from .encoding import Malformed
from .messages import decode, encode, frame
from .tags import is_tag

REPLACED = 8
# Codes after which coming back soon does not help.
LATER = range(1, 7)
FIRST_DELAY, LONGEST_DELAY = 0.5, 30


class SubscribeAgain(Exception):
    """The list cannot be carried on: ask for it without a cursor."""


def hello(game, port=None, **more):
    return frame(encode("hello", game=game, port=port, **more))


def heartbeat(content, **more):
    return frame(encode("heartbeat", heartbeat=content, **more))


def subscribe(game=None, have=None, compression="zstd", **more):
    return frame(encode("subscribe", game=game, have=have, compression=compression, **more))


def upsert(key, game, address, content, **more):
    return frame(
        encode("upsert", key=key, game=game, address=address, heartbeat=content, **more)
    )


def removal(key, **more):
    return frame(encode("removal", key=key, **more))


class ServerList:
    """The list as far as the daemon has told it."""

    def __init__(self):
        self.epoch = self.revision = None
        # All servers by their number, also those that are left out.
        self.all = {}
        # The names of all messages, for tests.
        self.seen = []

    @property
    def cursor(self):
        if self.epoch is None:
            return None
        return {"epoch": self.epoch, "revision": self.revision}

    @property
    def servers(self):
        """The servers by their number, without those whose tag a client refuses."""
        return {number: it for number, it in self.all.items() if is_tag(it["game"])}

    def forget(self):
        self.epoch = self.revision = None

    def apply(self, message):
        """Takes a message in; the list stays as it was when that cannot be."""
        name, fields = decode(("daemon", "client"), message)
        if name == "unknown":
            if fields["variant"] % 2:
                raise SubscribeAgain(f"unknown variant {fields['variant']}")
            return
        if name == "compressed":
            name, fields = fields["message"], fields["fields"]
        if name == "snapshot":
            servers, revision = {}, fields["revision"]
        else:
            if self.cursor != {"epoch": fields["epoch"], "revision": fields["from"]}:
                raise SubscribeAgain("a delta for another list")
            servers, revision = dict(self.all), fields["to"]
        for number in fields.get("removed", []):
            servers.pop(number, None)
        for it in fields["servers" if name == "snapshot" else "placed"]:
            servers[it["number"]] = it
        for it in fields.get("updated", []):
            if it["number"] not in servers:
                raise Malformed(f"a heartbeat of server {it['number']}, which is unknown")
            servers[it["number"]] = {**servers[it["number"]], **it}
        self.all, self.epoch, self.revision = servers, fields["epoch"], revision
        self.seen.append(name)


async def back_off(attempt, ended):
    """Waits before the next connection."""
    soon = min(LONGEST_DELAY, FIRST_DELAY * 2**attempt)
    later = isinstance(ended, Malformed) or (
        isinstance(ended, Closed) and ended.application and ended.code in LATER
    )
    await asyncio.sleep((LONGEST_DELAY if later else soon) * random.uniform(0.5, 1))


async def publish(connect, game, heartbeats, port=None, log=print, pause=back_off):
    """A game server: publishes what `heartbeats()` yields, over one connection after the other."""
    attempt = 0
    while True:
        try:
            connection = await connect()
            connection.send(hello(game, port))
            speaking = asyncio.ensure_future(_speak(connection, heartbeats))
            try:
                while True:
                    name, fields = decode(("daemon", "server"), await connection.message())
                    attempt = 0
                    if name == "notice":
                        log(fields["sentence"])
            finally:
                speaking.cancel()
        except Malformed as error:
            connection.close(2, str(error))
            ended = error
        except (Closed, OSError) as error:
            if isinstance(error, Closed) and error.application and error.code == REPLACED:
                return
            ended = error
        log(str(ended))
        await pause(attempt, ended)
        attempt += 1


async def _speak(connection, heartbeats):
    last = None
    async for content in heartbeats():
        if content != last:
            connection.send(heartbeat(content))
            last = content


async def follow(connect, servers, changed, game=None, log=print, pause=back_off):
    """A game client: keeps `servers`, a ServerList, over one connection after the other."""
    attempt = 0
    while True:
        try:
            connection = await connect()
            connection.send(subscribe(game, servers.cursor), finish=True)
            while True:
                # After a reset with code 9 the daemon's next stream begins with a snapshot.
                servers.apply(await connection.message())
                attempt = 0
                changed()
        except (Malformed, SubscribeAgain) as error:
            connection.close(2 if isinstance(error, Malformed) else 0, str(error))
            servers.forget()
            ended = error
        except (Closed, OSError) as error:
            ended = error
        log(str(ended))
        await pause(attempt, ended)
        attempt += 1
