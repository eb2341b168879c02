"""The load generator against a daemon that others use as well."""

from suite.checks import Group
from suite.daemon import BIN, run
from suite.peers import Follower, listed

GROUP = Group("load")


@GROUP.check
async def others(daemon):
    """The load generator finds its lists right beside servers of somebody else."""
    servers = [await listed(daemon, "foreign", b"static", 7000 + it) for it in range(4)]
    client = await Follower.start(daemon, "foreign")
    await client.until(lambda rows: len(rows) == 4)
    code, output = await run(
        BIN / "examples/load", *daemon.trust(), "--servers", "20", "--clients", "3", "--seconds",
        "3s", "--ramp", "20", "--sockets", "2", "--threads", "1", "--change", "30%",
    )
    assert code == 0, output.decode()
    for it in servers:
        it.close(0)
