#!/usr/bin/env python3
"""Makes the accounts and hubs of a Myth transcript, as `myth_replay.py --setup` needs them.

    myth_setup.py sqlite:PATH
    myth_setup.py mariadb:SOCKET:DATABASE

Writes the rows itself, with hashes of another library than the bridge's: what works with them works
with an existing database. The tables must exist. Needs only Python's standard library, and
MariaDB's client for MariaDB.
"""

import json
import os
import sqlite3
import subprocess
import sys
import warnings

warnings.simplefilter("ignore", DeprecationWarning)
import crypt  # noqa: E402  (deprecated, and not replaced by anything in the standard library)


def text(value):
    """Returns a text as SQL, by its bytes."""
    return "CAST(x'%s' AS %s)" % (value.encode().hex(), "TEXT" if sqlite else "CHAR")


kind, _, place = sys.argv[1].partition(":")
sqlite = kind == "sqlite"
user = '"user"' if sqlite else "`user`"
setup = json.load(sys.stdin)
statements = ["DELETE FROM %s" % user, "DELETE FROM remotehub"]
for order, account in enumerate(setup["accounts"]):
    salt = "$2b$04$" + os.urandom(11).hex()
    token, date = "NULL", "NULL"
    if "token_hex" in account:
        token = "x'%s'" % account["token_hex"]
        age = int(account.get("token_age", 0))
        date = "datetime('now', '-%d seconds')" if sqlite else "NOW() - INTERVAL %d SECOND"
        date %= age
    statements.append(
        "INSERT INTO %s (sort_order, username, password, moderator, hide_in_room, "
        "meta_login_token, meta_login_token_date) VALUES (%d, %s, %s, %d, %d, %s, %s)"
        % (
            user,
            account.get("sort_order", order),
            text(account["username"]),
            text(crypt.crypt(account["password"], salt)),
            account["moderator"],
            account["hide_in_room"],
            token,
            date,
        )
    )
for hub in setup["hubs"]:
    statements.append(
        "INSERT INTO remotehub (id, host, port, network_version) VALUES (%d, %s, %d, %s)"
        % (hub["id"], text(hub["host"]), hub["port"], text(hub["network_version"]))
    )
script = ";\n".join(["BEGIN", *statements, "COMMIT"]) + ";\n"
if sqlite:
    sqlite3.connect(place, timeout=10, isolation_level=None).executescript(script)
else:
    socket, _, database = place.partition(":")
    client = ["mariadb", "--no-defaults", "--socket", socket, "--user", "root"]
    subprocess.run([*client, database], input=script, text=True, check=True)
