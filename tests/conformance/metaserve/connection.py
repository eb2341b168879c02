"""QUIC: the section "Connections" of the page, over aioquic."""

import asyncio
import hashlib
import socket
import ssl
from collections import defaultdict
from dataclasses import dataclass

from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.quic import events
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from cryptography.hazmat.primitives.serialization import Encoding

from .encoding import Malformed

# The longest frame that we take from a daemon.
MAX_FRAME = 64 << 20

KEEP_ALIVE_SECONDS = 5


@dataclass
class Closed(Exception):
    """The connection has ended."""

    code: int
    reason: str
    # Whether the other end closed it by an application error code, or QUIC by one of its own.
    application: bool

    def __str__(self):
        kind = "" if self.application else "transport "
        return f"closed with {kind}code {self.code}: {self.reason}"


@dataclass
class Frame:
    """The daemon has sent a message."""

    message: bytes
    stream: int


@dataclass
class Finished:
    """The daemon has finished its stream, after so many bytes of another frame."""

    left: int


@dataclass
class Reset:
    """The daemon has reset its stream."""

    code: int


@dataclass
class Stopped:
    """The daemon does not read our stream any more."""

    code: int


class Connection(QuicConnectionProtocol):
    """A connection to the daemon: one stream out, and what has come in, in order."""

    def __init__(self, quic, **options):
        super().__init__(quic, **options)
        self.ready = asyncio.get_running_loop().create_future()
        self.closed = None
        self.stream = None
        self.buffers = defaultdict(bytearray)
        self._inbox = asyncio.Queue()
        self._keep_alive = None

    def quic_event_received(self, event):
        match event:
            case events.HandshakeCompleted():
                self._keep_alive = asyncio.ensure_future(self._stay_alive())
                if not self.ready.done():
                    self.ready.set_result(None)
            case events.StreamDataReceived():
                self._read(event.stream_id, event.data)
                if event.end_stream:
                    self._inbox.put_nowait(Finished(len(self.buffers[event.stream_id])))
            case events.StreamReset():
                self.buffers.pop(event.stream_id, None)
                self._inbox.put_nowait(Reset(event.error_code))
            case events.StopSendingReceived():
                self._inbox.put_nowait(Stopped(event.error_code))
            case events.ConnectionTerminated():
                self._end(Closed(event.error_code, event.reason_phrase, event.frame_type is None))

    def _read(self, stream, data):
        buffer = self.buffers[stream]
        buffer += data
        while len(buffer) >= 4:
            length = int.from_bytes(buffer[:4], "little")
            if length > MAX_FRAME:
                return self.close(2, f"a frame of {length} bytes is too long")
            if len(buffer) < 4 + length:
                return
            self._inbox.put_nowait(Frame(bytes(buffer[4 : 4 + length]), stream))
            del buffer[: 4 + length]

    def _end(self, closed):
        self.closed = closed
        self.rest()
        if not self.ready.done():
            self.ready.set_exception(closed)
        self._inbox.put_nowait(closed)
        if self._transport:
            self._loop.call_later(0.3, self._transport.close)

    async def _stay_alive(self):
        while True:
            await asyncio.sleep(KEEP_ALIVE_SECONDS)
            self.ping_once()

    def ping_once(self):
        """Sends a packet that the daemon has to acknowledge."""
        self._quic.send_ping(id(object()))
        self.transmit()

    def rest(self):
        """Sends no more keep-alives."""
        if self._keep_alive:
            self._keep_alive.cancel()

    def send(self, *data, finish=False):
        """Writes bytes to our stream."""
        if self.stream is None:
            self.stream = self._quic.get_next_available_stream_id(is_unidirectional=True)
        self._quic.send_stream_data(self.stream, b"".join(data), end_stream=finish)
        self.transmit()

    def reset(self, code):
        """Gives our stream up."""
        self._quic.reset_stream(self.stream, code)
        self.transmit()

    async def next(self):
        """What comes next: a Frame, Finished, Reset, Stopped, or, at the end, Closed."""
        if self.closed and self._inbox.empty():
            return self.closed
        return await self._inbox.get()

    def nothing_waits(self):
        return self._inbox.empty()

    async def message(self):
        """The next message. Raises Closed if the connection ends instead."""
        while True:
            match await self.next():
                case Frame(message=message):
                    return message
                case Closed() as closed:
                    raise closed
                case Finished(left=left) if left:
                    raise Malformed("the stream ended in the middle of a frame")

    async def end(self):
        """Waits until the connection has ended, and says how."""
        while not isinstance(item := await self.next(), Closed):
            pass
        return item


def configuration(alpn, identity=None, name="localhost", **options):
    """What aioquic is told. The certificate is held against the fingerprint afterwards."""
    settings = QuicConfiguration(
        alpn_protocols=[alpn] if alpn else None,
        is_client=True,
        verify_mode=ssl.CERT_NONE,
        server_name=name,
        **{"supported_versions": [1], "idle_timeout": 30, **options},
    )
    if identity:
        settings.certificate, settings.private_key = identity
    return settings


async def open_socket(address, local=None):
    """A socket that can reach the address, from a free port unless `local` says otherwise."""
    host, port = address
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    family, *_, target = found[0]
    own = socket.socket(family, socket.SOCK_DGRAM)
    own.setblocking(False)
    own.bind((local or ("::1" if family == socket.AF_INET6 else "127.0.0.1"), 0))
    return own, target


async def connect(address, fingerprint, settings, local=None, make=Connection, prepare=None, **more):
    """Connects to `(host, port)`. `prepare` may change the aioquic connection before it starts."""
    own, target = await open_socket(address, local)
    quic = QuicConnection(configuration=settings, **more)
    if prepare:
        prepare(quic)
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_datagram_endpoint(lambda: make(quic), sock=own)
    connection.connect(target)
    await asyncio.shield(connection.ready)
    # aioquic has no public way to it.
    shown = quic.tls._peer_certificate.public_bytes(Encoding.DER)
    if hashlib.sha256(shown).hexdigest() != fingerprint:
        connection.close(0, "wrong certificate")
        raise Closed(0, "the daemon shows another certificate", True)
    return connection
