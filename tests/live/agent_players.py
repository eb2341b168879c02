"""Joins a game server as a player of its game does, says `joined`, and stays until it is ended:

    agent_players.py mumble|nexuiz|teeworlds6|teeworlds7 HOST PORT

As much of each game's protocol as it takes to be counted: recorded from the servers of Debian 12.
"""

import socket
import ssl
import struct
import sys
import time


def udp(address):
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    player = socket.socket(family, socket.SOCK_DGRAM)
    player.settimeout(10)
    player.connect(address)
    return player


def stay(alive):
    print("joined", flush=True)
    while True:
        time.sleep(1)
        alive()


def mumble(address):
    tls = ssl.create_default_context()
    tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    player = tls.wrap_socket(socket.create_connection(address))

    def send(kind, body):
        player.sendall(struct.pack(">HI", kind, len(body)) + body)

    send(0, b"\x08\x84\x86\x04")  # Version 1.3.4.
    send(2, b"\x0a\x05dusty")  # Authenticate by this name.
    # Until the server has told everything (ServerSync, 5), the player is not counted.
    kind = None
    while kind != 5:
        kind, length = struct.unpack(">HI", exactly(player, 6))
        exactly(player, length)
    stay(lambda: send(3, b""))


def exactly(player, length):
    got = b""
    while len(got) < length:
        more = player.recv(length - len(got))
        assert more, "the server has closed the connection"
        got += more
    return got


def nexuiz(address):
    player = udp(address)
    head = b"\xff\xff\xff\xff"
    player.send(head + b"getchallenge")
    challenge = player.recv(2048).removeprefix(head + b"challenge ").split(b"\0")[0]
    player.send(head + b"connect\\protocol\\darkplaces 3\\protocols\\DP7\\challenge\\" + challenge)
    assert player.recv(2048).startswith(head + b"accept")
    stay(lambda: player.send(b"\x80\0\0\x08"))


def teeworlds6(address):
    player = udp(address)
    player.send(b"\x10\0\0" + b"\x01TKEN\xff\xff\xff\xff")
    token = player.recv(2048)[8:12]
    player.send(b"\x10\0\0" + b"\x03" + token)
    version = b"\x030.6 626fce9a778df4d4\0\0"
    dusty = b"\x28dusty\0\0\x40default\0\0\0\0"
    for number, said in enumerate([version, b"\x1d", dusty, b"\x1f"], 1):
        size = bytes([0x40 | len(said) >> 4, len(said) & 15, number])
        player.send(b"\0\0\x01" + size + said + token)
        player.recv(2048)
    stay(lambda: player.send(b"\x10\0\0" + b"\0" + token))


def teeworlds7(address):
    player = udp(address)
    player.send(b"\x04\0\0" + b"\xff" * 4 + b"\x05mine".ljust(512, b"\0"))
    token = player.recv(2048)[8:12]
    player.send(b"\x04\0\0" + token + b"\x01mine".ljust(512, b"\0"))
    player.recv(2048)
    version = b"\x030.7 802f1be60a05665f\0\0\x85\x1c"
    dusty = b"\x36dusty\0\0\x40" + b"standard\0" * 6 + b"\0" * 12
    for number, said in enumerate([version, b"\x25", dusty, b"\x27"], 1):
        size = bytes([0x40 | len(said) >> 6, len(said) & 63, number])
        player.send(b"\0\0\x01" + token + size + said)
        player.recv(2048)
    stay(lambda: player.send(b"\x04\0\0" + token + b"\0"))


globals()[sys.argv[1]]((sys.argv[2], int(sys.argv[3])))
