"""The live list of servers."""

from __future__ import annotations

import asyncio
import ctypes
import json
import math
import os
from ctypes import byref, c_void_p
from dataclasses import dataclass
from typing import Any, AsyncIterator, Callable, Iterator, Literal, NamedTuple, Optional, Union

from ._handle import Handle
from ._library import Error, Options, RawEntry, checked, file_name, lib, text_of

ChangeKind = Literal["added", "updated", "removed"]
"""What has become of a server."""

_KINDS: tuple[ChangeKind, ...] = ("added", "updated", "removed")

_POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Entry:
    """A server in a list. What it says of itself can be anything: treat it as a stranger's text."""

    id: int
    """This list's number for the server, while it is listed: from 1, and never used again."""
    address: str
    """To join by, such as ``192.0.2.1:7777`` or ``[2001:db8::1]:7777``; IPv4 if it has both."""
    second_address: Optional[str]
    """Its IPv6 address, if it has both."""
    game: str
    """The tag of its game."""
    identity: Optional[str]
    """The fingerprint of its certificate, 64 digits, if it has one: it stays through restarts."""
    heartbeat: bytes
    """What the server says of itself, as it was sent."""

    @property
    def info(self) -> dict[str, Any]:
        """The heartbeat's fields, if it is a JSON object in UTF-8, as a ServerInfo is; else an empty
        dict. Their types are the sender's choice: check them before use. Texts have no lone surrogates
        and numbers are finite, so both can be written and converted. Each access parses again."""
        try:
            value = json.loads(
                self.heartbeat.decode(), parse_constant=_no_number, parse_float=_finite
            )
            # An escape can say half a character, which no UTF-8 has.
            json.dumps(value, ensure_ascii=False).encode()
        except (ValueError, RecursionError):
            return {}
        return value if isinstance(value, dict) else {}


class Change(NamedTuple):
    """A change of the list."""

    kind: ChangeKind
    """``added``, ``updated`` or ``removed``."""
    entry: Entry
    """The server as it is now; for one that was removed, as it was."""


class List(Handle):
    """The live list of a game's servers. The library connects, and connects again when needed; until
    then the list stays as it was.

    ``poll`` moves on to the newest list; ``changes()``, ``len(servers)`` and ``for entry in servers``
    are about that one until the next poll.
    """

    _state = lib.ms_list_state

    def __init__(
        self,
        daemon: str,
        *,
        game: Optional[str] = None,
        fingerprint: Optional[str] = None,
        ca_file: Union[str, os.PathLike[str], None] = None,
    ) -> None:
        """Begins to connect, without waiting.

        :param daemon: ``HOST:PORT`` of the daemon; of several daemons of one list all, with commas
            between them.
        :param game: Only servers of the game with this tag; ``None`` for all.
        :param fingerprint: As for :class:`Server`.
        :param ca_file: As for :class:`Server`.
        :raises Error: If an argument cannot be used, or there is no socket or thread.
        """
        options = Options(
            size=ctypes.sizeof(Options),
            daemon=text_of("the daemon", daemon),
            game=text_of("the game", game),
            fingerprint=text_of("the fingerprint", fingerprint),
            ca_file=file_name("ca_file", ca_file),
        )
        super().__init__(lib.ms_list_close)
        self._guard.open(lib.ms_list_open, options)

    def poll(self) -> bool:
        """Moves on to the newest list, and returns whether there was a newer one. It never waits, and
        takes a few microseconds when there is none. A program that polls seldom gets the newest list,
        with all changes since the last poll.

        ``changes()`` belongs to the last poll of this object, whichever thread or task polled: a poll
        drops the changes of the one before that nobody has read. Where several use one list,
        ``poll_changes()`` does both in one call.

        :raises Error: If the list is closed.
        """
        return self._guard.use(_poll)

    def changes(self) -> list[Change]:
        """What has changed from the list before the last poll to this one: removed servers first,
        then updated, then added ones. Each change is told once: a second call returns none.

        :raises Error: If the list is closed.
        """
        return self._guard.use(_changes)

    def poll_changes(self) -> list[Change]:
        """Polls, and gives the changes, in one call: an empty list if there are none. Of several
        threads or tasks that use one list, each change is given to one of them; those that all need
        them open a list each.

        :raises Error: If the list is closed.
        """
        return self._newer() or []

    def _newer(self) -> Optional[list[Change]]:
        """The changes of a newer list, if there is one."""
        return self._guard.use(lambda handle: _changes(handle) if _poll(handle) else None)

    def __iter__(self) -> Iterator[Entry]:
        """All servers, those listed longest first, as they are now: later polls do not change what
        a loop sees.

        :raises Error: If the list is closed.
        """

        def read(handle: c_void_p) -> list[Entry]:
            lib.ms_list_rewind(handle)
            return [entry for _, entry in _entries(lib.ms_list_next, handle)]

        return iter(self._guard.use(read))

    def __len__(self) -> int:
        """How many servers there are.

        :raises Error: If the list is closed.
        """
        return self._guard.use(lambda handle: checked(lib.ms_list_count(handle)))

    def __bool__(self) -> bool:
        """True, also when there are no servers: ``len(servers)`` counts them."""
        return True

    async def __aiter__(self) -> AsyncIterator[list[Change]]:
        """The changes of each newer list, for asyncio: it polls every 50 ms, so that a change may
        come that much later. The loop ends when the list is closed, or has ended: ``state`` says
        why. It can be cancelled at any time; changes that were not given yet come with the next
        loop. Two loops over one list share its changes: open a list for each."""
        while True:
            try:
                changes = self._newer()
            except Error:
                if self._guard.closed:
                    return
                raise
            if changes is not None:
                yield changes
            elif self.state.name == "ended":
                return
            else:
                await asyncio.sleep(_POLL_SECONDS)


def _poll(handle: c_void_p) -> bool:
    return checked(lib.ms_list_poll(handle)) == 1


def _changes(handle: c_void_p) -> list[Change]:
    found = _entries(lib.ms_list_next_change, handle)
    return [Change(_KINDS[kind - 1], entry) for kind, entry in found]


def _entries(following: Callable[..., int], handle: c_void_p) -> Iterator[tuple[int, Entry]]:
    """What the calls of this function return and fill in, until the end."""
    raw = RawEntry(size=ctypes.sizeof(RawEntry))
    while found := checked(following(handle, byref(raw))):
        yield found, Entry(
            id=raw.id,
            address=raw.address.decode(),
            second_address=_text(raw.second_address),
            game=raw.game.decode(),
            identity=_text(raw.identity),
            heartbeat=ctypes.string_at(raw.heartbeat, raw.heartbeat_len) if raw.heartbeat_len else b"",
        )


def _text(value: Optional[bytes]) -> Optional[str]:
    return None if value is None else value.decode()


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text} is beyond all numbers")
    return number
