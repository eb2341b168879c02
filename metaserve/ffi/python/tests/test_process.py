"""What happens to a process: signals, forks, its end; and how the C library is found."""

import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import unittest
import warnings
from pathlib import Path
from typing import Callable, Dict, List

import metaserve

from metaserve._handle import _close_all
from metaserve._library import lib

from .daemon import Trust, WithDaemon, until

SERVER = """
import metaserve, signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit())
server = metaserve.Server(sys.argv[1], game=sys.argv[3], port=int(sys.argv[4]), fingerprint=sys.argv[2])
servers = metaserve.List(sys.argv[1], fingerprint=sys.argv[2])
server.heartbeat({"name": "Dusty's"})
for line in sys.stdin: pass
"""

kept = []


def work(trust: Trust) -> None:
    """A server that is still open when this worker ends."""
    server = metaserve.Server(**trust, game="worker", port=1)
    kept.append(server)
    until("it is live", lambda: server.heartbeat({"name": "Dusty's"}) == "live")


class Processes(WithDaemon):
    """A list does not suffer from how a program ends."""

    def start(self, game: str, port: int) -> "subprocess.Popen[str]":
        """A program with a server of this game, until its standard input ends."""
        trust = self.daemon.trust
        process = subprocess.Popen(
            [sys.executable, "-c", SERVER, trust["daemon"], trust["fingerprint"], game, str(port)],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

        def end() -> None:
            process.kill()
            process.wait()
            for stream in [process.stdin, process.stderr]:
                assert stream
                stream.close()

        self.addCleanup(end)
        return process

    def test_a_program_that_ends_says_goodbye_and_one_that_is_killed_does_not(self) -> None:
        """The daemon hears it of two, and misses the third one."""
        servers = metaserve.List(**self.daemon.trust)
        self.addCleanup(servers.close)
        games = ["killed", "ending", "stopped"]
        killed, ending, stopped = (self.start(game, 1 + at) for at, game in enumerate(games))
        self.until_ports(servers, 1, 2, 3)
        killed.kill()
        assert ending.stdin
        ending.stdin.close()
        stopped.send_signal(signal.SIGTERM)
        for process in [ending, stopped]:
            process.wait(120)
            assert process.stderr
            self.assertEqual((process.returncode, process.stderr.read()), (0, ""))
        self.until_left("ending", "closed")
        self.until_left("stopped", "closed")
        self.until_left("killed", "gone")

    def test_a_forked_worker_says_goodbye_too(self) -> None:
        """Workers of ``multiprocessing`` end in a way of their own."""
        worker = multiprocessing.get_context("fork").Process(target=work, args=[self.daemon.trust])
        worker.start()
        worker.join(120)
        self.assertEqual(worker.exitcode, 0)
        self.until_left("worker", "closed")

    def test_a_child_is_told_that_it_cannot_use_its_parents_objects(self) -> None:
        """Nor can it open some, nor wait for a thread that it does not have; and neither its errors
        nor its end touch the parent's server."""
        servers, server = self.servers(), self.server()
        server.heartbeat({"name": "Dusty's"})
        self.until_ports(servers, 7777)
        held, over = threading.Event(), threading.Event()

        def hold() -> None:
            def work(_handle: object) -> None:
                held.set()
                over.wait()

            servers._guard.use(work)

        thread = threading.Thread(target=hold)
        thread.start()
        self.addCleanup(over.set)
        held.wait()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Python says of forks beside threads is true
            child = os.fork()
        if child == 0:
            try:
                signal.alarm(60)
                calls: List[Callable[[], object]] = [
                    lambda: server.heartbeat({}),
                    servers.poll,
                    lambda: metaserve.List(**self.daemon.trust),
                ]
                for call in calls:
                    try:
                        call()
                        os._exit(1)
                    except metaserve.Error as error:
                        if error.code != metaserve.Error.SYSTEM or "fork" not in str(error):
                            os._exit(2)
                server.close()  # does nothing
                servers.close()
                os._exit(0 if server.state.name == "ended" else 3)
            finally:
                os._exit(4)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 0)
        over.set()
        thread.join()
        server.heartbeat({"name": "Dusty's, still here"})
        (change,) = self.next_changes(servers)
        self.assertEqual(change.entry.info["name"], "Dusty's, still here")

    def test_a_handler_of_a_signal_can_close_what_it_interrupts(self) -> None:
        """It takes effect when the call that was interrupted ends."""
        for microseconds in range(200):
            servers = self.servers()
            signal.signal(signal.SIGALRM, lambda *_: servers.close())
            signal.setitimer(signal.ITIMER_REAL, (1 + microseconds) / 1e6)
            with self.assertRaisesRegex(metaserve.Error, "closed"):
                while True:
                    servers.poll()
                    servers.changes()
            self.assertEqual(servers.state, ("ended", "closed"))

    def test_a_handler_of_a_signal_may_not_use_what_it_interrupts(self) -> None:
        """C's pointers would change below the call that reads them."""
        servers = self.servers()

        def work(handle: object) -> None:
            with self.assertRaisesRegex(metaserve.Error, "in use"):
                servers.poll()
            servers.close()
            self.assertGreaterEqual(lib.ms_list_count(handle), 0, "it is closed below its user")

        servers._guard.use(work)
        self.assertEqual(servers.state, ("ended", "closed"))
        self.assertLess(lib.ms_list_count(servers._guard._handle), 0, "the library has it still")


class Stop(Exception):
    """What a handler of a signal raises."""


class Interrupted(unittest.TestCase):
    """A handler that raises, as that of Ctrl-C does, leaves nothing behind."""

    def test_an_object_can_be_closed_wherever_a_handler_has_raised(self) -> None:
        """No thread hangs, and the library has closed the handle."""

        def stop(*_: object) -> None:
            raise Stop

        signal.signal(signal.SIGALRM, stop)
        for microseconds in range(2000):
            servers = metaserve.List("127.0.0.1:9", fingerprint="0" * 64)
            with self.assertRaises(Stop):
                signal.setitimer(signal.ITIMER_REAL, (1 + microseconds % 200) / 1e6)
                while True:
                    servers.poll()
            said: List[str] = []

            def another() -> None:
                try:
                    servers.poll()
                except metaserve.Error as error:
                    said.append(str(error))

            servers.close()
            self.assertLess(lib.ms_list_count(servers._guard._handle), 0, "the library has it still")
            thread = threading.Thread(target=another, daemon=True)
            thread.start()
            thread.join(60)
            self.assertEqual(said, ["this is closed"])

    def test_a_close_that_a_handler_has_interrupted_can_be_repeated(self) -> None:
        """The end of the interpreter does so."""

        def stop(*_: object) -> None:
            raise Stop

        signal.signal(signal.SIGALRM, stop)
        for microseconds in range(1000):
            servers = metaserve.List("127.0.0.1:9", fingerprint="0" * 64)
            try:
                signal.setitimer(signal.ITIMER_REAL, (1 + microseconds % 50) / 1e6)
                servers.close()
                until("the handler has raised", lambda: False)
            except Stop:
                pass
            _close_all()
            self.assertLess(lib.ms_list_count(servers._guard._handle), 0, "the library has it still")

    def test_another_thread_does_not_wait_for_a_goodbye(self) -> None:
        """Only the thread that closes waits."""
        closing, over = threading.Event(), threading.Event()

        def close(_handle: object, _wait_ms: int) -> None:
            closing.set()
            over.wait()

        server = metaserve.Server("127.0.0.1:9", game="my-game", port=1, fingerprint="0" * 64)
        self.addCleanup(lib.ms_server_close, server._guard._handle, 0)
        server._guard._close = close
        thread = threading.Thread(target=server.close, args=[60])
        thread.start()
        try:
            closing.wait()
            said: List[str] = []

            def beat() -> None:
                try:
                    server.heartbeat({})
                except metaserve.Error as error:
                    said.append(str(error))

            other = threading.Thread(target=beat, daemon=True)
            other.start()
            other.join(60)
            self.assertEqual(said, ["this is closed"])
            self.assertEqual(server.state, ("ended", "closed"))
        finally:
            over.set()
            thread.join()

    def test_a_wait_that_is_no_number_closes_too(self) -> None:
        """Without waiting."""
        server = metaserve.Server("127.0.0.1:9", game="my-game", port=1, fingerprint="0" * 64)
        server.close(float("nan"))
        self.assertEqual(server.state, ("ended", "closed"))


class Libraries(unittest.TestCase):
    """The package says which library it uses, and why one does not fit."""

    def imported(self, library: str) -> "subprocess.CompletedProcess[str]":
        """What a program says that imports a package without a library inside."""
        with tempfile.TemporaryDirectory() as directory:
            package = Path(metaserve.__file__).parent
            ignored = shutil.ignore_patterns("lib*", "__pycache__")
            shutil.copytree(package, Path(directory, "metaserve"), ignore=ignored)
            environment: Dict[str, str] = {"METASERVE_LIBRARY": library, "PYTHONPATH": directory}
            return subprocess.run(
                [sys.executable, "-c", "import metaserve; print(metaserve.library_path())"],
                env=environment,
                capture_output=True,
                text=True,
            )

    def test_the_library_of_the_environment_is_used_when_none_is_inside(self) -> None:
        """Where it is can be asked for."""
        if metaserve.library_path() == "libmetaserve.so.1":
            self.fail("run these tests with a wheel, or with METASERVE_LIBRARY")
        self.assertEqual(self.imported(metaserve.library_path()).stdout.strip(), metaserve.library_path())

    def test_a_library_that_cannot_be_used_is_an_import_error_that_says_what_to_do(self) -> None:
        """None, another one, and an old one."""
        missing = self.imported("/nowhere/libmetaserve.so.1").stderr
        self.assertIn("ImportError: cannot load the C library of metaserve: /nowhere/libmetaserve.so.1", missing)
        self.assertIn("set METASERVE_LIBRARY", missing)
        other = self.imported("libc.so.6").stderr
        self.assertIn("ImportError: libc.so.6 is not the C library of metaserve", other)
        with tempfile.TemporaryDirectory() as directory:
            source, old = Path(directory, "old.c"), Path(directory, "old.so")
            source.write_text("unsigned ms_abi_version(void) { return 0; }\n")
            subprocess.run(["cc", "-shared", "-o", old, source], check=True)
            said = self.imported(str(old)).stderr
        self.assertIn("has version 0 of the interface, and this package needs 1", said)
