-- The tables of an Aleph One metaserver's database, as the bridge creates them in a new file.
-- Dates are texts in UTC, `YYYY-MM-DD HH:MM:SS`, as SQLite's own functions write them.

CREATE TABLE "user" (
    sort_order INTEGER NULL UNIQUE,
    username TEXT NOT NULL UNIQUE,
    password TEXT NULL,
    moderator BOOLEAN NOT NULL DEFAULT FALSE,
    hide_in_room BOOLEAN NOT NULL DEFAULT FALSE,
    meta_login_token BLOB NULL,
    meta_login_token_date TEXT NULL
);

CREATE TABLE remotehub (
    id INTEGER PRIMARY KEY AUTOINCREMENT CHECK (id BETWEEN 1 AND 65535),
    host TEXT NOT NULL,
    port INTEGER NOT NULL,
    network_version TEXT NOT NULL,
    UNIQUE (host, port)
);

CREATE TABLE chatlog (
    event_date TEXT NOT NULL,
    event_type TEXT NOT NULL,
    user_id INTEGER NOT NULL,
    username TEXT NULL,
    chatname BLOB NOT NULL,
    color_r INTEGER NULL,
    color_g INTEGER NULL,
    color_b INTEGER NULL,
    target_user_id INTEGER NULL,
    target_username TEXT NULL,
    target_chatname BLOB NULL,
    message BLOB NOT NULL
);
CREATE INDEX chatlog_event_date ON chatlog (event_date);

CREATE TABLE eventlog (
    event_date TEXT NOT NULL,
    event_type TEXT NOT NULL,
    username TEXT NULL,
    user_id INTEGER NOT NULL,
    extradata BLOB NULL
);
CREATE INDEX eventlog_event_date ON eventlog (event_date);

CREATE TABLE logindetail (
    event_date TEXT NOT NULL,
    username TEXT NULL,
    user_id INTEGER NOT NULL,
    chatname BLOB NOT NULL,
    color_r INTEGER NOT NULL,
    color_g INTEGER NOT NULL,
    color_b INTEGER NOT NULL,
    team_color_r INTEGER NOT NULL,
    team_color_g INTEGER NOT NULL,
    team_color_b INTEGER NOT NULL,
    build_date TEXT NULL,
    platform_type INTEGER NOT NULL
);
CREATE INDEX logindetail_event_date ON logindetail (event_date);
