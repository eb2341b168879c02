"""A bot that says when players join or leave a server. Start two: the second one is silent until the
first one ends or dies, since only the holder of the name speaks. Needs a daemon with `--names on`:

    python3 bot.py localhost:4433 FINGERPRINT
"""

import signal
import sys
import time

import metaserve


def main(daemon: str, fingerprint: str) -> None:
    """Follows the list, and speaks while it holds the name."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    players: "dict[int, int]" = {}
    with metaserve.List(daemon, fingerprint=fingerprint) as servers, metaserve.Names(
        daemon, fingerprint=fingerprint
    ) as names:
        claim, again, why = names.claim("bot/announcer"), 0.0, ""
        while True:
            state, _ = claim.poll()
            if state == "ended":  # mostly since another bot has it: ask again soon
                if claim.state.text != why:
                    why = claim.state.text
                    print(f"silent: {why}", file=sys.stderr, flush=True)
                if time.monotonic() >= again:
                    again = time.monotonic() + 3
                    claim.close()
                    claim = names.claim("bot/announcer")
            if servers.poll():
                for news in changes_of_players(servers.changes(), players):
                    if state == "live":
                        say(news)
            time.sleep(0.5)


def changes_of_players(
    changes: "list[metaserve.Change]", players: "dict[int, int]"
) -> "list[str]":
    """What is worth saying; ``players`` is how many were at each server."""
    said = []
    for kind, entry in changes:
        before = players.pop(entry.id, 0)
        if kind == "removed":
            continue
        now = entry.info.get("players")
        now = now if type(now) is int else 0  # a stranger may send a text, or true
        players[entry.id] = now
        if now != before:
            said.append(f"{entry.info.get('name')!r}: {now} players")
    return said


def say(news: str) -> None:
    """Stands for a message to a chat."""
    print(news, flush=True)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: bot.py HOST:PORT FINGERPRINT")
    main(*sys.argv[1:])
