import metaserve, time

servers = metaserve.List("localhost:4433", game="my-game",
                         fingerprint="the 64 digits that the daemon prints")
while True:
    if servers.poll():
        for kind, entry in servers.changes():
            print(kind, entry.address, entry.heartbeat.decode(errors="replace"), flush=True)
    time.sleep(0.05)
