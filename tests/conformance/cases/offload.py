"""Segmentation offload: many packets to one peer in one system call. Needs strace."""

import asyncio
import os
import re
from pathlib import Path
import shutil

from metaserve.messages import CLIENT, RELAY
from metaserve.roles import subscribe, upsert

from suite.checks import Group
from suite.peers import Follower, fingerprint, identity

from .migration import move

OWN = identity("relay")
GROUP = Group("offload", "--trust-relay", fingerprint(OWN), "--segmentation-offload", "on")


async def segmented(daemon):
    """How many of the daemon's system calls to send a long list carry several packets."""
    trace = Path(daemon.folder.name, "strace")
    strace = await asyncio.create_subprocess_exec(
        "strace", "-f", "-e", "trace=sendmsg,sendmmsg", "-p", str(daemon.process.pid), "-o", trace,
        stderr=asyncio.subprocess.PIPE,
    )
    # "Process N attached with M threads"
    await strace.stderr.readline()
    options = {"max_stream_data": 1 << 24, "max_data": 1 << 24}
    client = await Follower.start(daemon, "offload", options=options)
    await client.until(lambda rows: len(rows) == 200)
    client.leave()
    strace.terminate()
    await strace.communicate()
    seen = trace.read_text()
    return len(re.findall(r"cmsg_type=(?:0x67|UDP_SEGMENT)", seen)), seen.count("EINVAL")


@GROUP.check
async def outlasts_a_move(daemon):
    """A packet from the other address family costs nobody segmentation offload."""
    assert shutil.which("strace"), "strace is not installed"
    relay = await daemon.connect(RELAY, OWN)
    rows = [upsert(it, "offload", f"10.0.{it % 8}.1:{1000 + it}", os.urandom(4000)) for it in range(200)]
    relay.send(*rows)
    client = await Follower.start(daemon, "offload")
    await client.until(lambda rows: len(rows) == 200)
    client.leave()
    before, failed = await segmented(daemon)
    assert before and not failed, f"{before} with several packets, {failed} failed"
    for host, local, target in (
        ("::1", "127.0.0.88", ("127.0.0.1", daemon.port)),
        ("127.0.0.1", "::1", ("::1", daemon.port, 0, 0)),
    ):
        peer = await daemon.connect(CLIENT, host=host)
        peer.send(subscribe("nobody"))
        await peer.message()
        await move(peer, local, target)
        for _ in range(10):
            peer.ping_once()
            await asyncio.sleep(0.1)
        peer.rest()
        after, failed = await segmented(daemon)
        assert after and not failed, f"{after} with several packets, {failed} failed"
    relay.close(0)
