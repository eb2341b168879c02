"""Game servers of OpenArena that only register with a master and answer its questions:

    quake3_servers.py MASTER-PORT FIRST-PORT IPV4-COUNT IPV6-COUNT

Says `served N` when N of them have answered a question.
"""

import asyncio
import sys

HEAD = b"\xff\xff\xff\xff"


class Server(asyncio.DatagramProtocol):
    answered = 0

    def connection_made(self, transport):
        self.transport = transport
        self.known = False

    def datagram_received(self, data, sender):
        words = data.removeprefix(HEAD).split()
        if words[:1] != [b"getinfo"]:
            return
        challenge = words[1] if len(words) > 1 else b""
        info = {
            "gamename": "Quake3Arena",
            "protocol": "71",
            "hostname": self.name,
            "mapname": "oa_dm1",
            "clients": "0",
            "sv_maxclients": "8",
            "challenge": challenge.decode(),
        }
        pairs = "".join(f"\\{key}\\{value}" for key, value in info.items())
        self.transport.sendto(HEAD + b"infoResponse\n" + pairs.encode(), sender)
        if not self.known:
            self.known = True
            Server.answered += 1
            print("served", Server.answered, flush=True)


async def main(master, first, ipv4, ipv6):
    servers = []
    for number in range(ipv4 + ipv6):
        host = "127.0.0.1" if number < ipv4 else "::1"
        transport, server = await asyncio.get_running_loop().create_datagram_endpoint(
            Server, local_addr=(host, first + number))
        server.name = f"Fake {number}"
        servers.append((server, (host, master)))
    while True:
        for server, address in servers:
            if not server.known:
                server.transport.sendto(HEAD + b"heartbeat QuakeArena-1\n", address)
        await asyncio.sleep(2)


asyncio.run(main(*map(int, sys.argv[1:])))
