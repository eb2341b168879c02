"""One handle of the C library: used by one call at a time, closed once, and never after a fork."""

from __future__ import annotations

import atexit
import os
import threading
import time
import weakref
from ctypes import byref, c_char_p
from typing import Callable, Literal, NamedTuple, Optional, TypeVar

from ._library import Error, checked

StateName = Literal["connecting", "live", "waiting", "ended"]
"""``connecting``: not connected yet, or no answer yet. ``live``: connected; a claim is held.
``waiting``: no connection; the library tries again by itself. ``ended``: for good, and trying again
cannot help."""

_NAMES: tuple[StateName, ...] = ("connecting", "live", "waiting", "ended")

GOODBYE_SECONDS = 1.0
"""How long the end of the interpreter waits for all goodbyes together, at most."""


class State(NamedTuple):
    """How something stands: equal to a tuple such as ``("live", "")``."""

    name: StateName
    """The state in a word."""
    text: str
    """The problem, or a notice of the daemon, as a sentence; ``""`` if there is none."""


def state_name(result: int) -> StateName:
    """The name of a state that a call has returned, or its error as an exception."""
    return _NAMES[checked(result)]


class Guard:
    """Lets one call at a time use a handle. ``with guard as handle:`` is such a use."""

    def __init__(self, handle: int, close: Callable[[int, int], None]) -> None:
        """For this handle, which ``close(handle, wait_ms)`` ends."""
        self._handle: Optional[int] = handle
        self._close = close
        self._process = os.getpid()
        # A handler of a signal may come back to the lock that the code below it holds.
        self._lock = threading.RLock()
        self._used = False
        self._wait_ms: Optional[int] = None
        _open.add(self)

    def __enter__(self) -> int:
        """The handle; an :class:`Error` if it is closed, the parent's, or in use further down."""
        if os.getpid() != self._process:
            raise Error(
                Error.SYSTEM, "this was opened before the fork: the child process cannot use it"
            )
        self._lock.acquire()
        # First of all: from here on, a handler that closes it waits for the end of this use.
        used, self._used = self._used, True
        if used or self._handle is None:
            self._used = used
            self._lock.release()
            why = "is in use: a handler of a signal may only close it" if used else "is closed"
            raise Error(Error.ARGUMENT, f"this {why}")
        return self._handle

    def __exit__(self, *_: object) -> None:
        """Ends the use, and closes the handle if that was asked for meanwhile."""
        self._used = False
        if self._wait_ms is not None:
            self._end(self._wait_ms)
        self._lock.release()

    def close(self, wait_ms: int) -> None:
        """Closes the handle, now or when the call that uses it ends. In a forked child, and a second
        time, it does nothing."""
        if os.getpid() != self._process:
            return
        with self._lock:
            self._wait_ms = wait_ms
            if not self._used:
                self._end(wait_ms)

    @property
    def closed(self) -> bool:
        """Whether it is closed, here or in the parent's process."""
        return self._handle is None or os.getpid() != self._process

    def _end(self, wait_ms: int) -> None:
        handle, self._handle = self._handle, None
        _open.discard(self)
        if handle is not None:
            self._close(handle, wait_ms)


_open: set[Guard] = set()


def _close_all() -> None:
    """At the end of the interpreter: servers say goodbye, all within a second."""
    end = time.monotonic() + GOODBYE_SECONDS
    for guard in list(_open):
        guard.close(max(0, int(1000 * (end - time.monotonic()))))


atexit.register(_close_all)

_Self = TypeVar("_Self", bound="Handle")


class Handle:
    """What all objects of this package have in common: they can be closed."""

    _state: Callable[..., int]

    def __init__(self, handle: int, close: Callable[[int, int], None]) -> None:
        """For this handle, which ``close(handle, wait_ms)`` ends."""
        self._guard = Guard(handle, close)
        # Not at exit: then everything is closed together, and waits for goodbyes.
        weakref.finalize(self, self._guard.close, 0).atexit = False

    @property
    def state(self) -> State:
        """How it stands, with the problem or the daemon's last notice. An object that is closed is
        ``ended``."""
        if self._guard.closed:
            return State("ended", "closed")
        with self._guard as handle:
            text = c_char_p()
            name = state_name(self._state(handle, byref(text)))
            return State(name, (text.value or b"").decode())

    def close(self) -> None:
        """Closes it at once. A second time it does nothing."""
        self._guard.close(0)

    def __enter__(self: _Self) -> _Self:
        """Itself: ``with`` closes it at its end."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closes it."""
        self.close()
