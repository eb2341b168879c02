"""docs/reference/vectors.json: it is what we write, and a daemon does what it says."""

import asyncio
import json
from pathlib import Path

from metaserve.encoding import Malformed
from metaserve.messages import CLIENT, HEARTBEAT, MESSAGES, NAMES, RELAY, decode, encode, frame
from metaserve.roles import ServerList, SubscribeAgain

import vectors
from vectors.form import from_plain, page, plain

from .checks import PATIENCE, equal
from .daemon import Daemon
from .peers import closed, fingerprint, identity, notice
from .raw import inject

FILE = Path(__file__).parents[3] / "docs/reference/vectors.json"
ALPN = {"heartbeat": HEARTBEAT, "client": CLIENT, "relay": RELAY, "names": NAMES}
SENDER = {"heartbeat": "server", "client": "client", "relay": "relay", "names": "names"}
AT_ONCE = 8

# More peers come from one address than would in real life.
FROM_ONE_ADDRESS = ("--max-servers-per-prefix", "50000", "--max-clients-per-prefix", "50000")


def framed(name, messages):
    return frame(bytes.fromhex(messages[name]["hex"]))


async def run(report):
    written = page(vectors.sections())
    same = FILE.read_text() == written
    report("vectors: the file is what the peer writes", None if same else "write it again:\n"
           "python -m vectors > ../../docs/reference/vectors.json")
    data = json.loads(written)
    messages = {it["name"]: it for it in data["messages"]}
    report(f"vectors: {len(messages)} messages are decoded and encoded", None)
    read = [it for it in data["malformed"] if it["side"] == "peer"]
    for it in read:
        report(f"vectors, to a {it['role']}: {it['name']}", problem_of(refuses, it, messages))
    for it in data["conversations"]:
        if it["side"] == "peer":
            report(f"conversation, {it['name']}", problem_of(takes_part, it))
    await asyncio.gather(
        malformed([it for it in data["malformed"] if it["side"] == "daemon"], messages, report),
        conversations([it for it in data["conversations"] if it["side"] == "daemon"], report),
    )
    return {
        "messages": len(messages),
        "malformed": len(data["malformed"]),
        "conversations": len(data["conversations"]),
    }


def problem_of(check, *arguments):
    try:
        return check(*arguments)
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def refuses(it, messages):
    """Our own peer's answer to what a daemon may not say. What is done to a stream, or announced
    by a frame, is the business of the connection."""
    content = bytes.fromhex(it["hex"])
    if "then" in it or len(content) < 4 + int.from_bytes(content[:4], "little"):
        return None
    servers = ServerList()
    try:
        for message in [*(bytes.fromhex(messages[name]["hex"]) for name in it["after"]), content[4:]]:
            if it["role"] == "client":
                servers.apply(message)
            else:
                decode(("daemon", SENDER[it["role"]]), message)
    except Malformed:
        return None if "close" in it else "closed instead of subscribed again"
    except SubscribeAgain:
        return None if "subscribes_again" in it else "subscribed again instead of closed"
    return "accepted"


async def malformed(entries, messages, report):
    relay = identity("relay")
    flags = ("--names", "on", "--trust-relay", fingerprint(relay), *FROM_ONE_ADDRESS)
    daemon = await Daemon(*flags).start()
    places = asyncio.Semaphore(AT_ONCE)

    async def one(it):
        async with places:
            try:
                await asyncio.wait_for(refused(daemon, it, messages, relay), PATIENCE)
                problem = None
            except Exception as error:
                problem = f"{type(error).__name__}: {error}"
            report(f"vectors, {it['role']}: {it['name']}", problem)

    try:
        await asyncio.gather(*map(one, entries))
    finally:
        await daemon.stop()


async def refused(daemon, it, messages, relay):
    """The daemon's answer to what nobody may say."""
    known = relay if it["role"] == "relay" else None
    connection = await daemon.connect(ALPN[it["role"]], known)
    then = it.get("then", {})
    said = [framed(name, messages) for name in it["after"]] + [bytes.fromhex(it["hex"])]
    # Bytes that are unsent at a reset are never sent.
    if "reset" in then:
        connection.send(*said)
        await connection.ping()
        connection.reset(then["reset"])
    elif any(said):
        connection.send(*said, finish="finish" in then)
    if "quic" in it:
        if it["role"] == "client":
            await connection.message()
        inject(connection, bytes.fromhex(it["quic"]))
    if "notice" in it:
        fields = await notice(connection)
        equal(fields["kind"], it["notice"])
        assert it["reason"] in fields["sentence"], f"{it['reason']!r} is not in {fields!r}"
        connection.close(0)
    elif "transport" in it:
        await closed(connection, it["transport"], application=False)
    else:
        await closed(connection, it["close"], it["reason"])


class Names:
    """What names that begin with $ stand for."""

    def __init__(self, **known):
        self.known = {f"${name}": it for name, it in known.items()}

    def same(self, seen, right):
        """Whether a value is right; a name stands for the first value it is held against."""
        if isinstance(right, str) and right.startswith("$"):
            return self.known.setdefault(right, seen) == seen
        if isinstance(right, dict):
            return isinstance(seen, dict) and all(
                name in seen and self.same(seen[name], it) for name, it in right.items()
            )
        return seen == right

    def filled(self, value):
        """The value with what its names stand for."""
        if isinstance(value, dict):
            return {name: self.filled(it) for name, it in value.items()}
        if isinstance(value, str) and value.startswith("$"):
            return self.known[value]
        return value

    def shows(self, servers, right):
        """Whether a list has exactly these servers, in any order."""
        seen = [plain(it) for it in servers.servers.values()]
        if servers.revision is None or len(seen) != len(right):
            return False
        for it in right:
            found = next((one for one in seen if self.same(one, it)), None)
            if found is None:
                return False
            seen.remove(found)
        return True


def takes_part(it):
    """Our own peer's part in a conversation, without a connection."""
    servers, heard, stream = ServerList(), [], b""
    for step in it["steps"]:
        match step:
            case {"receive": _}:
                continue
            case {"reset": _}:
                stream = b""
            case {"send": content}:
                stream += bytes.fromhex(content)
                while len(stream) >= (end := 4 + int.from_bytes(stream[:4], "little")):
                    message, stream = stream[4:end], stream[end:]
                    if it["role"] == "client":
                        servers.apply(message)
                    else:
                        name, fields = decode(("daemon", SENDER[it["role"]]), message)
                        if name == "notice":
                            heard.append({name: fields[name] for name in ("kind", "sentence")})
            case {"list": right}:
                if not Names().shows(servers, right):
                    return f"the list is {plain(servers.servers)!r}, and right is {right!r}"
            case {"notice": right}:
                equal(heard.pop(0), right)
            case _:
                raise ValueError("no such step")


class Party:
    """One connection of a conversation."""

    def __init__(self, role, connection):
        self.role, self.connection, self.list = role, connection, ServerList()

    async def message(self):
        message = await self.connection.message()
        if self.role == "client":
            self.list.apply(message)
        return decode(("daemon", SENDER[self.role]), message)


class Conversation:
    """Plays the steps of a conversation with a daemon."""

    def __init__(self, daemon, identities):
        self.daemon, self.identities, self.parties = daemon, identities, {}
        self.names = Names(**{name: fingerprint(it) for name, it in identities.items()})
        # That of the last cursor, with which another connection may go on.
        self.list = ServerList()

    async def play(self, steps):
        for number, step in enumerate(steps, 1):
            try:
                await asyncio.wait_for(self.step(step), PATIENCE)
            except Exception as error:
                what = json.dumps(step)[:300]
                raise AssertionError(
                    f"step {number}, {what}: {type(error).__name__}: {error}"
                ) from error

    async def step(self, step):
        party = self.parties.get(step.get("on"))
        connection = party and party.connection
        match step:
            case {"connect": how}:
                host = "::1" if how.get("family") == "ipv6" else "127.0.0.1"
                known = self.identities.get(how.get("identity"))
                connection = await self.daemon.connect(ALPN[how["role"]], known, host)
                self.parties[step.get("on")] = Party(how["role"], connection)
                if "address" in how:
                    host, port, *_ = connection._transport.get_extra_info("sockname")
                    self.names.same(f"{host}:{port}", how["address"])
            case {"send": {"message": name, "fields": fields}}:
                fields = from_plain(MESSAGES[name], self.names.filled(fields))
                connection.send(frame(encode(name, **fields)))
                party.list = self.list
            case {"send": content}:
                connection.send(bytes.fromhex(content) * step.get("times", 1))
            case {"receive": right}:
                name, fields = await party.message()
                equal(name, right["message"])
                seen = plain(fields)
                assert self.names.same(seen, right["fields"]), f"{seen!r:.500} with {self.names.known}"
                words = fields.get("sentence", fields.get("why", ""))
                assert right.get("words", "") in words, words
            case {"list": right}:
                while not self.names.shows(party.list, right):
                    await party.message()
            case {"cursor": names}:
                assert self.names.same(plain(party.list.cursor), names)
                self.list = party.list
            case {"finish": True}:
                connection.send(finish=True)
            case {"reset": code}:
                connection.reset(code)
            case {"close": code}:
                connection.close(code)
            case {"closed": right}:
                await closed(connection, right["code"], right["reason"])
            case {"restart": True}:
                await self.daemon.restart()
            case _:
                raise ValueError("no such step")


async def conversations(entries, report):
    identities = {name: identity(name) for name in ("relay", "stranger", "one")}
    flags = ("--names", "on", "--trust-relay", fingerprint(identities["relay"]))
    places = asyncio.Semaphore(AT_ONCE)

    async def one(it):
        async with places:
            daemon = await Daemon(*flags).start()
            try:
                await Conversation(daemon, identities).play(it["steps"])
                problem = None
            except Exception as error:
                problem = f"{error}\n{daemon.log()[-2000:]}"
            finally:
                await daemon.stop()
            report(f"conversation, {it['name']}", problem)

    await asyncio.gather(*map(one, entries))
