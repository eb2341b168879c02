"""The C library: where it is, its functions and structs (metaserve.h), and its errors."""

from __future__ import annotations

import ctypes
import os
import sys
from ctypes import POINTER, byref, c_char_p, c_int, c_size_t, c_uint16, c_uint32, c_uint64, c_void_p
from pathlib import Path
from typing import Callable, ClassVar, Optional, Union

ABI_VERSION = 1
"""The version of the interface that this package is written for: MS_ABI_VERSION of metaserve.h."""

_NAMES = {"darwin": "libmetaserve.dylib", "win32": "metaserve.dll"}
_NAME = _NAMES.get(sys.platform, "libmetaserve.so.1")


class Error(Exception):
    """What the library cannot do, as a sentence: ``str(error)``.

    Nothing has changed when a call raises it.
    """

    ARGUMENT: ClassVar[int] = -1
    """An argument cannot be used: out of bounds, no UTF-8, or the object is closed."""
    TRUST: ClassVar[int] = -2
    """``fingerprint``, ``ca_file`` or ``identity_dir`` cannot be used."""
    SYSTEM: ClassVar[int] = -3
    """There is no socket or thread, there are too many objects, or this is a forked child."""

    code: int
    """``Error.ARGUMENT``, ``Error.TRUST`` or ``Error.SYSTEM``: MS_E_... of metaserve.h."""

    def __init__(self, code: int, text: str) -> None:
        """An error with this code and sentence."""
        super().__init__(code, text)
        self.code = code

    def __str__(self) -> str:
        """The sentence."""
        return str(self.args[1])


class Options(ctypes.Structure):
    """``ms_options``."""

    _fields_ = [
        ("size", c_uint32),
        ("port", c_uint16),
        ("reserved", c_uint16),
        ("daemon", c_char_p),
        ("game", c_char_p),
        ("fingerprint", c_char_p),
        ("ca_file", c_char_p),
        ("identity_dir", c_char_p),
    ]


class RawEntry(ctypes.Structure):
    """``ms_entry``."""

    _fields_ = [
        ("size", c_uint32),
        ("heartbeat_len", c_uint32),
        ("id", c_uint64),
        ("heartbeat", c_void_p),
        ("game", c_char_p),
        ("address", c_char_p),
        ("second_address", c_char_p),
        ("identity", c_char_p),
    ]


class Request(ctypes.Structure):
    """``ms_request``."""

    _fields_ = [
        ("size", c_uint32),
        ("within_ms", c_uint32),
        ("key", c_char_p),
        ("value", c_char_p),
        ("value_len", c_size_t),
        ("ticket", c_char_p),
        ("ticket_len", c_size_t),
        ("start", c_uint32),
        ("slots", c_uint32),
    ]


class RawHolder(ctypes.Structure):
    """``ms_holder``."""

    _fields_ = [
        ("size", c_uint32),
        ("value_len", c_uint32),
        ("epoch", c_uint64),
        ("value", c_void_p),
        ("key", c_char_p),
        ("address", c_char_p),
    ]


_TEXT = POINTER(c_char_p)
_MADE = POINTER(c_void_p)
_FUNCTIONS = {
    "ms_abi_version": (c_uint32, []),
    "ms_error": (c_char_p, []),
    "ms_server_open": (c_int, [POINTER(Options), _MADE]),
    "ms_server_heartbeat": (c_int, [c_void_p, c_char_p, c_size_t]),
    "ms_server_state": (c_int, [c_void_p, _TEXT]),
    "ms_server_close": (None, [c_void_p, c_uint32]),
    "ms_list_open": (c_int, [POINTER(Options), _MADE]),
    "ms_list_poll": (c_int, [c_void_p]),
    "ms_list_count": (c_int, [c_void_p]),
    "ms_list_rewind": (None, [c_void_p]),
    "ms_list_next": (c_int, [c_void_p, POINTER(RawEntry)]),
    "ms_list_next_change": (c_int, [c_void_p, POINTER(RawEntry)]),
    "ms_list_state": (c_int, [c_void_p, _TEXT]),
    "ms_list_close": (None, [c_void_p]),
    "ms_names_open": (c_int, [POINTER(Options), _MADE]),
    "ms_names_state": (c_int, [c_void_p, _TEXT]),
    "ms_names_close": (None, [c_void_p, c_uint32]),
    "ms_claim_open": (c_int, [c_void_p, POINTER(Request), _MADE]),
    "ms_claim_poll": (c_int, [c_void_p, POINTER(RawHolder)]),
    "ms_claim_state": (c_int, [c_void_p, _TEXT]),
    "ms_claim_update": (c_int, [c_void_p, c_char_p, c_size_t]),
    "ms_claim_close": (None, [c_void_p]),
    "ms_resolve_open": (c_int, [c_void_p, POINTER(Request), _MADE]),
    "ms_resolve_poll": (c_int, [c_void_p, POINTER(RawHolder)]),
    "ms_resolve_state": (c_int, [c_void_p, _TEXT]),
    "ms_resolve_close": (None, [c_void_p]),
}


def library_path() -> str:
    """The C library that is used: the one in this package, else the one that the environment
    variable ``METASERVE_LIBRARY`` names, else the system's, by its name alone."""
    inside = Path(__file__).with_name(_NAME)
    return str(inside) if inside.exists() else os.environ.get("METASERVE_LIBRARY") or _NAME


def _load() -> ctypes.CDLL:
    path = library_path()
    try:
        library = ctypes.CDLL(path)
    except OSError as error:
        raise ImportError(
            f"cannot load the C library of metaserve: {error}. Install a wheel, which has it, or"
            f" {_NAME} where the system finds it, or set METASERVE_LIBRARY to its path"
        ) from None
    try:
        version = _typed(library, "ms_abi_version")()
    except AttributeError:
        raise ImportError(f"{path} is not the C library of metaserve") from None
    if version < ABI_VERSION:
        raise ImportError(
            f"{path} has version {version} of the interface, and this package needs {ABI_VERSION}:"
            " install a later libmetaserve"
        )
    for name in _FUNCTIONS:
        _typed(library, name)
    return library


def _typed(library: ctypes.CDLL, name: str) -> Callable[..., int]:
    function: Callable[..., int] = getattr(library, name)
    function.restype, function.argtypes = _FUNCTIONS[name]  # type: ignore[attr-defined]
    return function


lib = _load()
"""The C library, with the types of its functions."""


def checked(result: int) -> int:
    """The result of a call, or its error as an exception."""
    if result < 0:
        raise Error(result, (lib.ms_error() or b"").decode())
    return result


def text_of(what: str, value: Union[str, bytes, None]) -> Optional[bytes]:
    """A text as C has it: ``what`` names it in the error for one that C would cut short."""
    if value is None:
        return None
    try:
        value = value.encode() if isinstance(value, str) else value
    except UnicodeEncodeError:
        raise Error(Error.ARGUMENT, f"{what} is no text that UTF-8 has") from None
    if b"\0" in value:
        raise Error(Error.ARGUMENT, f"{what} must not contain NUL")
    return value


def file_name(what: str, value: Union[str, os.PathLike[str], None]) -> Optional[bytes]:
    """A path as C has it."""
    return None if value is None else text_of(what, os.fsencode(value))
