"""Packets with QUIC frames that aioquic would not send by itself."""

from aioquic import tls
from aioquic.buffer import encode_uint_var as number
from aioquic.quic.packet import QuicPacketType
from aioquic.quic.packet_builder import QuicPacketBuilder


def inject(connection, *frames):
    """Sends one packet with these frames."""
    quic = connection._quic
    builder = QuicPacketBuilder(
        host_cid=quic.host_cid, is_client=True, max_datagram_size=1400,
        packet_number=quic._packet_number, peer_cid=quic._peer_cid.cid, version=quic._version,
    )
    builder.start_packet(QuicPacketType.ONE_RTT, quic._cryptos[tls.Epoch.ONE_RTT])
    for frame in frames:
        builder._buffer.push_bytes(frame)
    datagrams, _ = builder.flush()
    quic._packet_number = builder.packet_number
    for datagram in datagrams:
        connection._transport.sendto(datagram, quic._network_paths[0].addr)


def stream(stream, offset, data, finish=False):
    return bytes([0x0F if finish else 0x0E]) + number(stream) + number(offset) + number(len(data)) + data


def reset(stream, code, size):
    return b"\x04" + number(stream) + number(code) + number(size)


def stop(stream, code):
    return b"\x05" + number(stream) + number(code)


def crypto(offset, data):
    return b"\x06" + number(offset) + number(len(data)) + data


def max_stream_data(stream, most):
    return b"\x11" + number(stream) + number(most)


def new_connection_id(sequence, retired_before, id, token=bytes(16)):
    return b"\x18" + number(sequence) + number(retired_before) + bytes([len(id)]) + id + token


def retire_connection_id(sequence):
    return b"\x19" + number(sequence)


def application_close(code, reason):
    return b"\x1d" + number(code) + number(len(reason)) + reason
