"""A game server on the list."""

from __future__ import annotations

import ctypes
import json
import os
from typing import Any, Mapping, Optional, Union

from ._handle import GOODBYE_SECONDS, Handle, StateName, milliseconds, state_name
from ._library import Error, Options, file_name, lib, text_of


class Server(Handle):
    """A game server on the list, from its first heartbeat until it is closed.

    The library connects, and connects again whenever the connection is lost.
    """

    _state = lib.ms_server_state

    def __init__(
        self,
        daemon: str,
        *,
        game: str,
        port: int,
        fingerprint: Optional[str] = None,
        ca_file: Union[str, os.PathLike[str], None] = None,
        identity_dir: Union[str, os.PathLike[str], None] = None,
    ) -> None:
        """Begins to connect, without waiting.

        :param daemon: ``HOST:PORT`` of the daemon; of several daemons of one list all, with commas
            between them.
        :param game: The game's tag, 1 to 64 bytes.
        :param port: The port that players join by, 1 to 65535.
        :param fingerprint: Trust the daemon whose certificate has this SHA-256, the 64 digits that
            the daemon prints; several with commas. Without it and ``ca_file``, the certificates of
            the operating system are trusted.
        :param ca_file: Trust daemons with a certificate that one in this file has signed.
        :param identity_dir: The directory for a certificate of the server's own, which is made at
            the first start. With it a restarted server takes its old place in the list, and nobody
            else can. Give each server a directory of its own.
        :raises Error: If an argument cannot be used, or there is no socket or thread.
        """
        if not 1 <= port <= 65535:
            raise Error(Error.ARGUMENT, f"the port is {port}, and must be from 1 to 65535")
        options = Options(
            size=ctypes.sizeof(Options),
            port=port,
            daemon=text_of("the daemon", daemon),
            game=text_of("the game", game),
            fingerprint=text_of("the fingerprint", fingerprint),
            ca_file=file_name("ca_file", ca_file),
            identity_dir=file_name("identity_dir", identity_dir),
        )
        super().__init__(lib.ms_server_close, waits=True)
        self._guard.open(lib.ms_server_open, options)

    def heartbeat(self, info: Union[Mapping[str, Any], bytes, bytearray, memoryview]) -> StateName:
        """Publishes what players see of the server, and returns its state.

        Call it as often as you like, each frame too: equal heartbeats are not sent again, and of
        several within the daemon's interval, a second by default, the newest is sent. A mapping is
        made JSON at each call; bytes that stay the same cost a comparison.

        :param info: A mapping is sent as JSON: by convention a ServerInfo with at least ``name``.
            Bytes are sent as they are. A daemon accepts 8 KiB by default, and answers longer ones
            with a notice in ``state``.
        :raises Error: If the server is closed, or there is over 1 MiB.
        :raises ValueError: If JSON cannot say it, such as not-a-number.
        :raises TypeError: If JSON has no type for it.
        """
        body = bytes(info) if isinstance(info, (bytes, bytearray, memoryview)) else _json(info)
        return self._guard.use(
            lambda handle: state_name(lib.ms_server_heartbeat(handle, body, len(body)))
        )

    def close(self, wait: float = GOODBYE_SECONDS) -> None:
        """Says goodbye, so that the server leaves the list at once. ``with`` does it at its end.

        :param wait: How many seconds to wait until the daemon has heard it, at most 60. With 0 it
            does not wait: if the goodbye is lost, the server leaves the list after 15 seconds.
        """
        self._guard.close(milliseconds(wait))


def _json(info: Mapping[str, Any]) -> bytes:
    text = json.dumps(dict(info), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode()
