import metaserve, sys

with metaserve.Server("localhost:4433", game="my-game", port=7777,
                      fingerprint="the 64 digits that the daemon prints") as server:
    for line in sys.stdin:
        server.heartbeat({"name": "Python", "players": int(line)})
