"""Puts a game server on a metaserve server list, and gives programs the live list.

A server is on the list while it is open::

    import metaserve

    with metaserve.Server("list.example.org:4433", game="my-game", port=7777) as server:
        while running():
            server.heartbeat({"name": "Dusty's", "players": 3, "max_players": 16})

A list is polled, each frame or whenever you like::

    servers = metaserve.List("list.example.org:4433", game="my-game")
    if servers.poll():
        for kind, entry in servers.changes():
            print(kind, entry.address, entry.info)

or awaited, with asyncio::

    async for changes in servers:
        ...

:class:`Names` says who owns a name, and claims names.

Nothing calls back, and no call waits but ``close``: one thread of the C library below, named
``metaserve``, does the work. What a call can refuse at once is an :class:`Error`. Whatever fails
later, such as a daemon that does not answer, is a :class:`State`, since the library goes on trying.

**Threads.** Every object can be used from any thread: a lock makes calls to one object wait for
each other, but not for a ``close`` that waits. ``changes()`` belongs to the last ``poll``, so threads
that share a list call ``poll_changes()``. A loop over ``changes()`` or over the list reads a copy,
which no other thread changes.

**Signals.** In a handler of a signal only ``close`` is allowed on an object that the interrupted
code may be using; it then takes effect when the interrupted call ends. ``sys.exit()`` is simpler,
and closes everything too. After a handler that raises, objects can be used and closed as before.

**Fork.** A child of ``os.fork`` can use no object of its parent, and can open none while its parent
had some open: each call raises an :class:`Error`. Fork first, or use the method ``spawn`` of
``multiprocessing``.

**The end.** An object that is forgotten is closed when it is collected, and all that are open are
closed when the interpreter or a worker of ``multiprocessing`` ends, servers with a goodbye. A killed
process says no goodbye: its server leaves the list after 15 seconds. ``SIGTERM`` kills a Python
program unless it says otherwise: ``signal.signal(signal.SIGTERM, lambda *_: sys.exit())``.
"""

from ._handle import State, StateName
from ._library import Error, library_path
from ._list import Change, ChangeKind, Entry, List
from ._names import Claim, Holder, Names, Resolve
from ._server import Server

__all__ = [
    "Change",
    "ChangeKind",
    "Claim",
    "Entry",
    "Error",
    "Holder",
    "List",
    "Names",
    "Resolve",
    "Server",
    "State",
    "StateName",
    "library_path",
]
