"""A game server of Quake II or GoldSrc that registers with a master, and answers it and quakestat:

    quake_servers.py quake2|goldsrc MASTER-PORT PORT

Says `asked` when it was asked the last question that a master has.
"""

import socket
import sys

HEAD = b"\xff\xff\xff\xff"
STATUS = (b"\\hostname\\Live Q2\\mapname\\q2dm1\\maxclients\\8\\version\\3.21\\gamename\\baseq2"
          b"\\protocol\\34\n3 40 \"Ranger\"\n")
INFO = (b"I\x30Live HL\0crossfire\0valve\0Half-Life\0" + (70).to_bytes(2, "little") +
        b"\x02\x0b\x00dl\x00\x001.1.2.7\0")


def quake2(words):
    """The answer to a datagram of Quake II."""
    if words.startswith(b"status"):
        return HEAD + b"print\n" + STATUS


def goldsrc(words):
    """The answer to a datagram of GoldSrc."""
    if words.startswith(b"s\n"):
        challenge = int.from_bytes(words[2:6], "little")
        settings = (f"\\protocol\\48\\challenge\\{challenge}\\players\\2\\max\\11\\bots\\0"
                    "\\gamedir\\valve\\map\\crossfire\\type\\d\\password\\0\\os\\l\\secure\\0"
                    "\\lan\\0\\version\\1.1.2.7\\region\\255\\product\\valve\n")
        return b"0\n" + settings.encode()
    if words.startswith(b"TSource Engine Query\0"):
        return HEAD + INFO


def main(game, master, port):
    answer, heartbeat, last = {
        "quake2": (quake2, HEAD + b"heartbeat\n" + STATUS, b"status"),
        "goldsrc": (goldsrc, b"q\xff", b"TSource"),
    }[game]
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", int(port)))
    server.settimeout(2)
    server.sendto(heartbeat, ("127.0.0.1", int(master)))
    asked = False
    while True:
        try:
            datagram, sender = server.recvfrom(2048)
        except TimeoutError:
            if not asked:
                server.sendto(heartbeat, ("127.0.0.1", int(master)))
            continue
        words = datagram.removeprefix(HEAD)
        said = answer(words)
        if said:
            server.sendto(said, sender)
        if words.startswith(last):
            asked = True
            print("asked", flush=True)


main(*sys.argv[1:])
