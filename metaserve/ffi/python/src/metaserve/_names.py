"""Names: who owns one now, and claims of one's own."""

from __future__ import annotations

import ctypes
import os
from ctypes import byref, c_void_p
from dataclasses import dataclass
from typing import Callable, Optional, Union

from ._handle import GOODBYE_SECONDS, Handle, StateName, milliseconds, state_name
from ._library import Error, Options, RawHolder, Request, file_name, lib, text_of


@dataclass(frozen=True)
class Holder:
    """Who holds a key."""

    key: str
    """The key."""
    value: bytes
    """What the holder says of itself, such as its address: a stranger's bytes."""
    epoch: int
    """The number of its claim: greater than that of every earlier claim of the key."""
    address: Optional[str]
    """Where the holder is connected from, in answers of :meth:`Names.resolve`."""


class Names(Handle):
    """A connection to a daemon with ``--names on``, over which keys are claimed and looked up."""

    _state = lib.ms_names_state

    def __init__(
        self,
        daemon: str,
        *,
        fingerprint: Optional[str] = None,
        ca_file: Union[str, os.PathLike[str], None] = None,
    ) -> None:
        """Begins to connect, without waiting. The arguments are those of :class:`Server`.

        :raises Error: If an argument cannot be used, or there is no socket or thread.
        """
        options = Options(
            size=ctypes.sizeof(Options),
            daemon=text_of("the daemon", daemon),
            fingerprint=text_of("the fingerprint", fingerprint),
            ca_file=file_name("ca_file", ca_file),
        )
        super().__init__(lib.ms_names_close, waits=True)
        self._guard.open(lib.ms_names_open, options)

    def claim(
        self,
        key: str,
        value: Union[str, bytes] = b"",
        *,
        ticket: Union[str, bytes] = b"",
        within: float = 30.0,
    ) -> Claim:
        """Claims a key, without waiting: poll the claim for the answer.

        :param key: The key, 1 to 255 bytes.
        :param value: What everybody can see, such as an address; at most 8 KiB.
        :param ticket: The ticket, if the daemon asks for one.
        :param within: How many seconds the answer may take, at most 300.
        :raises Error: If an argument cannot be used, or this is closed.
        """
        return Claim(self, _request(key, value, ticket, within))

    def resolve(
        self,
        key: str,
        *,
        start: bool = False,
        value: Union[str, bytes] = b"",
        ticket: Union[str, bytes] = b"",
        within: float = 30.0,
    ) -> Resolve:
        """Asks who holds a key, without waiting: poll the question for the answer.

        :param key: The key, 1 to 255 bytes.
        :param start: Whether to have the key started if nobody holds it.
        :param value: For the host that starts it; at most 8 KiB.
        :param ticket: The ticket, if the daemon asks for one.
        :param within: How many seconds the answer may take, at most 300.
        :raises Error: If an argument cannot be used, or this is closed.
        """
        return Resolve(self, _request(key, value, ticket, within, start))

    def close(self, wait: float = GOODBYE_SECONDS) -> None:
        """Releases all claims and ends all questions.

        :param wait: How many seconds to wait until the daemon has heard it, at most 60; otherwise
            the daemon frees the claims after 5 seconds.
        """
        self._guard.close(milliseconds(wait))


class _Question(Handle):
    """What has an answer that is polled: a claim, or a question."""

    _poll: Callable[..., int]

    def poll(self) -> tuple[StateName, Optional[Holder]]:
        """The state, and the holder of the key as far as it is known. ``connecting`` means that
        there is no answer yet; ``state`` has the reason for ``ended``.

        :raises Error: If it is closed.
        """

        def read(handle: c_void_p) -> tuple[StateName, Optional[Holder]]:
            raw = RawHolder(size=ctypes.sizeof(RawHolder))
            name = state_name(self._poll(handle, byref(raw)))
            return name, _holder(raw)

        return self._guard.use(read)


class Claim(_Question):
    """A key that this program claims, made by :meth:`Names.claim`.

    ``live``: it is held. ``waiting``: the connection is lost, and the claim may be too. ``ended``: it
    was not granted, with the holder if that is known, or it is lost. A claim alone is no lock: write
    its epoch wherever you write on its behalf, and let the store refuse a smaller one.
    """

    _state = lib.ms_claim_state
    _poll = lib.ms_claim_poll

    def __init__(self, names: Names, request: Request) -> None:
        """See :meth:`Names.claim`."""
        self._names = names  # what a claim belongs to lives as long as the claim
        super().__init__(lib.ms_claim_close)
        names._guard.use(
            lambda connection: self._guard.open(lib.ms_claim_open, connection, request)
        )

    def update(self, value: Union[str, bytes]) -> StateName:
        """Changes the value that everybody can see, and returns the state.

        :param value: The new value, at most 8 KiB.
        :raises Error: If it is closed, or the value too long.
        """
        body = value.encode() if isinstance(value, str) else value
        return self._guard.use(
            lambda handle: state_name(lib.ms_claim_update(handle, body, len(body)))
        )


class Resolve(_Question):
    """Asks who holds a key: the result of :meth:`Names.resolve`.

    ``live``: the holder is known. ``ended`` without a text: nobody holds the key; with one: the
    question has failed.
    """

    _state = lib.ms_resolve_state
    _poll = lib.ms_resolve_poll

    def __init__(self, names: Names, request: Request) -> None:
        """See :meth:`Names.resolve`."""
        self._names = names
        super().__init__(lib.ms_resolve_close)
        names._guard.use(
            lambda connection: self._guard.open(lib.ms_resolve_open, connection, request)
        )


def _request(
    key: str,
    value: Union[str, bytes],
    ticket: Union[str, bytes],
    within: float,
    start: bool = False,
) -> Request:
    value = value.encode() if isinstance(value, str) else value
    ticket = ticket.encode() if isinstance(ticket, str) else ticket
    if not 0 < within <= 300:
        raise Error(Error.ARGUMENT, f"within is {within} s, and must be above 0 and at most 300")
    return Request(
        size=ctypes.sizeof(Request),
        within_ms=max(1, int(1000 * within)),
        key=text_of("the key", key),
        value=value,
        value_len=len(value),
        ticket=ticket,
        ticket_len=len(ticket),
        start=int(start),
    )


def _holder(raw: RawHolder) -> Optional[Holder]:
    if raw.epoch == 0:  # nobody: epochs begin with 1
        return None
    return Holder(
        key=raw.key.decode(),
        value=ctypes.string_at(raw.value, raw.value_len) if raw.value_len else b"",
        epoch=raw.epoch,
        address=None if raw.address is None else raw.address.decode(),
    )
