"""Servers and lists, as games and bots use them."""

import asyncio
import gc
import os
import threading
import unittest
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Set

import metaserve

from .daemon import GAME, Trust, WithDaemon, until

NOWHERE = Trust(daemon="127.0.0.1:9", fingerprint="0" * 64)


class Lists(WithDaemon):
    """A list shows what servers do."""

    def test_a_server_appears_changes_and_goes(self) -> None:
        """With ``with`` it says goodbye, and what was removed is told as it was."""
        servers = self.servers()
        with self.server() as server:
            server.heartbeat({"name": "Dusty's \N{SNOWMAN}", "players": 1})
            (added,) = self.next_changes(servers)
            self.assertEqual(added.kind, "added")
            self.assertEqual(added.entry.info, {"name": "Dusty's \N{SNOWMAN}", "players": 1})
            self.assertEqual(added.entry.address, "127.0.0.1:7777")
            self.assertEqual(added.entry.game, GAME)
            self.assertIsNone(added.entry.second_address)
            self.assertIsNone(added.entry.identity)
            self.assertEqual(server.heartbeat({"name": "Dusty's", "players": 2}), "live")
            (updated,) = self.next_changes(servers)
            self.assertEqual((updated.kind, updated.entry.id), ("updated", added.entry.id))
            self.assertEqual(updated.entry.info["players"], 2)
            self.assertEqual(list(servers), [updated.entry])
            self.assertEqual(len(servers), 1)
            self.assertEqual(servers.changes(), [], "each change is told once")
            self.assertEqual(server.state, ("live", ""))
        (removed,) = self.next_changes(servers)
        self.assertEqual(removed, ("removed", updated.entry))
        self.assertEqual((len(servers), bool(servers)), (0, True))

    def test_bytes_are_listed_as_they_are(self) -> None:
        """A daemon passes on what is no JSON."""
        servers = self.servers()
        server = self.server()
        sents: List[Any] = [b"\0\xff", b"[1]", bytearray(b"[2]"), memoryview(b"[3]")]
        for sent in sents:
            server.heartbeat(sent)
            (change,) = self.next_changes(servers)
            self.assertEqual(change.entry.heartbeat, sent)
            self.assertEqual(change.entry.info, {})

    def test_of_several_pollers_each_change_reaches_one(self) -> None:
        """Another thread's poll comes between no poll and its changes."""
        servers = self.servers()
        seen: List[str] = []
        over = threading.Event()

        def poll() -> None:
            while not over.is_set():
                seen.extend(change.entry.address for change in servers.poll_changes())

        threads = [threading.Thread(target=poll) for _ in range(3)]
        for thread in threads:
            thread.start()
        for port in range(1, 31):
            self.server(port).heartbeat({"name": "Dusty's"})
        try:
            until("all are listed", lambda: len(servers) == 30)
        finally:
            over.set()
            for thread in threads:
                thread.join()
        seen += [change.entry.address for change in servers.poll_changes()]
        self.assertEqual(sorted(seen), sorted(f"127.0.0.1:{port}" for port in range(1, 31)))

    def test_an_identity_stays_through_a_restart_of_the_server(self) -> None:
        """A server that starts again takes its old place."""
        servers = self.servers()
        identity = Path(self.daemon._state.name, "a server")
        seen: Set[Optional[str]] = set()
        for _ in range(2):
            with self.server(identity_dir=identity) as server:
                server.heartbeat({"name": "Dusty's"})
                (added,) = self.next_changes(servers)
                seen.add(added.entry.identity)
            self.next_changes(servers)
        self.assertEqual(len(seen), 1)
        self.assertEqual(len(seen.pop() or ""), 64)

    def test_a_loop_over_the_list_sees_one_list(self) -> None:
        """A poll within the loop does not change what it goes over."""
        servers = self.servers()
        for port in range(1, 4):
            self.server(port).heartbeat({"name": "Dusty's"})
        self.until_ports(servers, 1, 2, 3)
        seen: List[str] = []
        for entry in servers:
            self.server(10 + len(seen)).heartbeat({"name": "another"})
            self.next_changes(servers)
            seen.append(entry.address.split(":")[1])
        self.assertEqual(sorted(seen), ["1", "2", "3"])

    def test_a_restart_of_the_daemon_is_seen_and_survived(self) -> None:
        """The states say so, the list stays meanwhile, and then everything is back."""
        servers, server = self.servers(), self.server()
        server.heartbeat({"name": "Dusty's"})
        self.until_ports(servers, 7777)
        self.daemon.stop()
        for each in [servers, server]:
            state = until("it waits", lambda: each.state if each.state.name == "waiting" else None)
            self.assertNotEqual(state.text, "", "it says what it waits for")
        self.until_ports(servers, 7777)
        self.daemon.restart()
        for each in [servers, server]:
            until("it is live again", lambda: each.state == ("live", ""))
        server.heartbeat({"name": "Dusty's, again"})

        def goes_on() -> bool:
            servers.poll()
            return [entry.info["name"] for entry in servers] == ["Dusty's, again"]

        until("the list goes on", goes_on)

    def test_asyncio_gets_each_newer_list(self) -> None:
        """The loop ends when the list is closed, and other tasks run meanwhile."""
        servers = self.servers()

        async def follow() -> List[str]:
            kinds: List[str] = []
            async for changes in servers:
                kinds += [change.kind for change in changes]
                if kinds[-1:] == ["removed"]:
                    servers.close()
            return kinds

        async def play() -> List[str]:
            following = asyncio.create_task(follow())
            with self.server() as server:
                while server.heartbeat({"name": "Dusty's"}) != "live":
                    await asyncio.sleep(0.01)
                # Known to the list before it goes.
                while not len(servers):
                    await asyncio.sleep(0.01)
            return await following

        self.assertEqual(asyncio.run(asyncio.wait_for(play(), 120)), ["added", "removed"])

    def test_an_ended_list_ends_the_loop(self) -> None:
        """What cannot heal is a state, with its reason."""
        trust = Trust(daemon=self.daemon.trust["daemon"], fingerprint="0" * 64)
        with metaserve.List(**trust) as servers:

            async def follow() -> None:
                async for _ in servers:
                    self.fail("there is no list")

            asyncio.run(asyncio.wait_for(follow(), 120))
            self.assertEqual(servers.state.name, "ended")
            self.assertIn("fingerprint", servers.state.text)


class Ends(WithDaemon):
    """Whatever is opened is closed."""

    def test_a_forgotten_server_leaves_the_list(self) -> None:
        """The garbage collector closes it: here one in a cycle."""
        servers = self.servers()
        server = metaserve.Server(**self.daemon.trust, game=GAME, port=1)
        kept = self.server(2)
        for each in [server, kept]:
            each.heartbeat({"name": "Dusty's"})
        self.until_ports(servers, 1, 2)
        cycle: List[object] = [server]
        cycle.append(cycle)
        del server, each, cycle
        gc.collect()
        self.until_ports(servers, 2)

    def test_a_thousand_servers_and_lists_leave_nothing(self) -> None:
        """No descriptor and no thread is left."""

        def held() -> List[int]:
            return [len(os.listdir(f"/proc/self/{what}")) for what in ["fd", "task"]]

        before = held()
        for _ in range(1000):
            server = metaserve.Server(**self.daemon.trust, game=GAME, port=7777)
            server.heartbeat({"name": "Dusty's"})
            servers = metaserve.List(**self.daemon.trust, game=GAME)
            servers.poll()
            servers.close()
            server.close(0)
        until("everything is closed", lambda: held() == before)

    def test_what_is_closed_says_so(self) -> None:
        """Closing twice is fine, using it is an error."""
        server, servers = self.server(), self.servers()
        for each in [server, servers]:
            each.close()
            each.close()
            self.assertEqual(each.state, ("ended", "closed"))
        calls: List[Callable[[], object]] = [
            lambda: server.heartbeat({}),
            servers.poll,
            servers.changes,
            lambda: list(servers),
            lambda: len(servers),
        ]
        for call in calls:
            with self.assertRaisesRegex(metaserve.Error, "closed") as raised:
                call()
            self.assertEqual(raised.exception.code, metaserve.Error.ARGUMENT)


class Strangers(unittest.TestCase):
    """Whatever a stranger sends is no surprise in ``info``."""

    def info(self, heartbeat: bytes) -> Dict[str, Any]:
        """The fields of a heartbeat."""
        return metaserve.Entry(1, "192.0.2.1:1", None, GAME, None, heartbeat).info

    def test_what_no_program_can_use_is_no_info(self) -> None:
        """Texts can be written, numbers be converted, and other readers of JSON see the same."""
        deep, large = b"[" * 8000, b'{"a": 1' + b"0" * 5000 + b"}"
        bad = [b"", b"\0\xff", b"[1]", deep, large, b'{"a": NaN}', b'{"a": 1e999}', b'{"a": [-1e999]}']
        bad += [rb'{"name": "\ud800"}', rb'{"\udfff": 1}', rb'{"a": [{"b": "\ud800"}]}']
        bad += ['{"a": 1}'.encode(code) for code in ["utf-16", "utf-32-le", "utf-8-sig"]]
        for heartbeat in bad:
            self.assertEqual(self.info(heartbeat), {}, heartbeat[:40])

    def test_what_is_good_is_kept(self) -> None:
        """Pairs of surrogates are a character."""
        said = rb'{"name": "\ud83d\ude00", "players": 1e3, "more": {"a": [null, true]}}'
        self.assertEqual(
            self.info(said),
            {"name": "\N{GRINNING FACE}", "players": 1000.0, "more": {"a": [None, True]}},
        )


class Closed(unittest.TestCase):
    """Another thread may close what is used."""

    def test_it_ends_a_loop_and_a_state_without_an_error(self) -> None:
        """Whenever that comes."""

        async def follow(servers: metaserve.List) -> None:
            async for _ in servers:
                self.fail("there is no list")

        class Closing(metaserve.List):
            """Is closed just before its C call number ``after``."""

            after = 0

            def __init__(self, after: int) -> None:
                super().__init__(**NOWHERE)
                self.after = after
                use = self._guard.use

                def later(work: Callable[..., Any]) -> Any:
                    self.after -= 1
                    if self.after == 0:
                        closer = threading.Thread(target=self.close)
                        closer.start()
                        closer.join()
                    return use(work)

                self._guard.use = later  # type: ignore[method-assign]

        for after in range(1, 5):
            servers = Closing(after)
            asyncio.run(asyncio.wait_for(follow(servers), 120))
            self.assertEqual(servers.state, ("ended", "closed"))
        self.assertEqual(Closing(1).state, ("ended", "closed"))


class Arguments(unittest.TestCase):
    """What cannot be used is named."""

    def test_arguments_that_cannot_be_used_are_errors(self) -> None:
        """Each has its code and a sentence; C would cut some of them short."""
        for port in [0, -1, 65536]:
            with self.assertRaisesRegex(metaserve.Error, f"port is {port}") as raised:
                metaserve.Server(**NOWHERE, game=GAME, port=port)
            self.assertEqual(raised.exception.code, metaserve.Error.ARGUMENT)
        for game in ["", "a\0b", "\ud800", "x" * 65]:
            with self.assertRaises(metaserve.Error) as raised:
                metaserve.Server(**NOWHERE, game=game, port=1)
            self.assertEqual(raised.exception.code, metaserve.Error.ARGUMENT, game)
            self.assertNotEqual(str(raised.exception), "")
        for daemon in ["", "no port", "a\0:1"]:
            with self.assertRaises(metaserve.Error):
                metaserve.List(daemon)
        with self.assertRaises(metaserve.Error) as raised:
            metaserve.List("localhost:1", fingerprint="123")
        self.assertEqual(raised.exception.code, metaserve.Error.TRUST)
        with self.assertRaisesRegex(metaserve.Error, "nowhere") as raised:
            metaserve.List("localhost:1", ca_file=Path("/nowhere/ca.pem"))
        self.assertEqual(raised.exception.code, metaserve.Error.TRUST)

    def test_heartbeats_that_json_cannot_say_are_errors(self) -> None:
        """Nothing is sent instead of them."""
        with metaserve.Server(**NOWHERE, game=GAME, port=1) as server:
            wrongs: List[Dict[str, Any]] = [{"players": float("nan")}, {"name": "\ud800"}]
            for wrong in wrongs:
                with self.assertRaises(ValueError):
                    server.heartbeat(wrong)
            with self.assertRaises(TypeError):
                server.heartbeat({"name": b"bytes"})
            with self.assertRaises(metaserve.Error):
                server.heartbeat(bytes(2**20 + 1))

    def test_threads_that_share_an_object_wait_for_each_other(self) -> None:
        """Without the lock, the library refuses a call while another thread's is going on."""
        with metaserve.Server(**NOWHERE, game=GAME, port=1) as server, metaserve.List(**NOWHERE) as servers:
            errors: List[BaseException] = []

            def play(number: int) -> None:
                try:
                    for step in range(2000):
                        server.heartbeat(bytes(1000) + b"%d %d" % (number, step))
                        servers.poll()
                        servers.state
                except BaseException as error:
                    errors.append(error)

            threads = [threading.Thread(target=play, args=[number]) for number in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(errors, [])
