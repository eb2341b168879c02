"""One handle of the C library: used by one call at a time, closed once, and never after a fork."""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time
import weakref
from ctypes import byref, c_char_p, c_void_p
from typing import Any, Callable, Literal, NamedTuple, Optional, TypeVar

from ._library import Error, checked

StateName = Literal["connecting", "live", "waiting", "ended"]
"""``connecting``: not connected yet, or no answer yet. ``live``: connected; a claim is held.
``waiting``: no connection; the library tries again by itself. ``ended``: for good, and trying again
cannot help."""

_NAMES: tuple[StateName, ...] = ("connecting", "live", "waiting", "ended")

GOODBYE_SECONDS = 1.0
"""How long the end of the interpreter waits for all goodbyes together, at most."""

_T = TypeVar("_T")


class State(NamedTuple):
    """How something stands: equal to a tuple such as ``("live", "")``."""

    name: StateName
    """The state in a word."""
    text: str
    """The problem, or a notice of the daemon, as a sentence; ``""`` if there is none."""


def milliseconds(wait: float) -> int:
    """How long C shall wait for a goodbye: at most a minute, and not at all for not-a-number."""
    return int(1000 * min(wait, 60.0)) if wait > 0 else 0


def state_name(result: int) -> StateName:
    """The name of a state that a call has returned, or its error as an exception."""
    return _NAMES[checked(result)]


class Guard:
    """Opens a handle, lets one call at a time use it, and closes it.

    A handler of a signal can run and raise between any two steps of Python, so nothing here depends on
    a step that comes after a call. C writes the handle where ``close`` finds it, and closing it a second
    time does nothing, so an interrupted ``close`` can be repeated.
    """

    def __init__(self, close: Callable[..., object], waits: bool) -> None:
        """For a handle that the C function ``close`` ends, which is told how long to wait if it ``waits``."""
        self._handle = c_void_p()
        self._close = close
        self._waits = waits
        self._process = os.getpid()
        # A handler of a signal may come back to the lock that the code below it holds.
        self._lock = threading.RLock()
        self._used = False
        self._wait_ms: Optional[int] = None
        _close_at_exit(self)

    def open(self, function: Callable[..., int], *arguments: object) -> None:
        """Opens the handle with a C function, which gives it as its last argument."""
        checked(function(*arguments, byref(self._handle)))

    def use(self, work: Callable[[c_void_p], _T]) -> _T:
        """What ``work`` returns for the handle; an :class:`Error` if that is closed, the parent's, or in
        use further down. If a handler closes it meanwhile, that takes effect when the work ends."""
        if os.getpid() != self._process:
            raise Error(
                Error.SYSTEM, "this was opened before the fork: the child process cannot use it"
            )
        begun = False
        try:
            with self._lock:
                if self._used:
                    why = "is in use: a handler of a signal may only close it"
                    raise Error(Error.ARGUMENT, f"this {why}")
                if self._wait_ms is not None:
                    raise Error(Error.ARGUMENT, "this is closed")
                try:
                    begun = self._used = True
                    return work(self._handle)
                finally:
                    self._used = False
        finally:
            if begun and self._wait_ms is not None:
                self.close(self._wait_ms)

    def close(self, wait_ms: int) -> None:
        """Closes the handle, now or when the call that uses it ends. Other threads do not wait for it:
        from here on, their calls fail. It does nothing if it is closed, or in a forked child."""
        if os.getpid() != self._process:
            return
        with self._lock:
            self._wait_ms = wait_ms
            if self._used:
                return
        if self._waits:
            self._close(self._handle, wait_ms)
        else:
            self._close(self._handle)
        _open.discard(self)

    @property
    def closed(self) -> bool:
        """Whether ``close`` was called, here or in the parent's process."""
        return self._wait_ms is not None or os.getpid() != self._process


_open: set[Guard] = set()


def _close_all() -> None:
    """At the end of the interpreter: servers say goodbye, all within a second."""
    end = time.monotonic() + GOODBYE_SECONDS
    for guard in list(_open):
        guard.close(max(0, int(1000 * (end - time.monotonic()))))


atexit.register(_close_all)
_in_worker: Any = None


def _close_at_exit(guard: Guard) -> None:
    """Has ``_close_all`` close it. Workers of ``multiprocessing`` end without ``atexit``, and call
    finalizers of their own; a forked one forgets those of its parent."""
    global _in_worker
    _open.add(guard)
    util = sys.modules.get("multiprocessing.util")
    if util is not None and not (_in_worker and _in_worker.still_active()):
        _in_worker = util.Finalize(None, _close_all, exitpriority=0)


_Self = TypeVar("_Self", bound="Handle")


class Handle:
    """What all objects of this package have in common: they can be closed."""

    _state: Callable[..., int]

    def __init__(self, close: Callable[..., object], waits: bool = False) -> None:
        """To be opened by ``self._guard``; see :class:`Guard`."""
        self._guard = Guard(close, waits)
        # Not at exit: then everything is closed together, and waits for goodbyes.
        finalizer: Any = weakref.finalize(self, self._guard.close, 0)
        finalizer.atexit = False

    @property
    def state(self) -> State:
        """How it stands, with the problem or the daemon's last notice. An object that is closed is
        ``ended``."""

        def read(handle: c_void_p) -> State:
            text = c_char_p()
            name = state_name(self._state(handle, byref(text)))
            return State(name, (text.value or b"").decode())

        try:
            return self._guard.use(read)
        except Error:
            if self._guard.closed:
                return State("ended", "closed")
            raise

    def close(self) -> None:
        """Closes it at once. A second time it does nothing."""
        self._guard.close(0)

    def __enter__(self: _Self) -> _Self:
        """Itself: ``with`` closes it at its end."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closes it."""
        self.close()
