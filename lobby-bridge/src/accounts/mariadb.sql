-- The tables of an Aleph One metaserver's database, as the bridge creates them in a new one.
-- The bridge needs only these columns, and ignores all others.

CREATE TABLE `user` (
    sort_order INT NULL UNIQUE,
    username VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL UNIQUE,
    password VARCHAR(255) NULL,
    moderator BOOLEAN NOT NULL DEFAULT FALSE,
    hide_in_room BOOLEAN NOT NULL DEFAULT FALSE,
    meta_login_token VARBINARY(16) NULL,
    meta_login_token_date DATETIME NULL
);

CREATE TABLE remotehub (
    id SMALLINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    host VARCHAR(255) NOT NULL,
    port SMALLINT UNSIGNED NOT NULL,
    network_version VARCHAR(50) NOT NULL,
    UNIQUE (host, port)
);

CREATE TABLE chatlog (
    event_date DATETIME NOT NULL,
    event_type VARCHAR(64) NOT NULL,
    user_id INT NOT NULL,
    username VARCHAR(255) NULL,
    chatname VARBINARY(255) NOT NULL,
    color_r INT UNSIGNED NULL,
    color_g INT UNSIGNED NULL,
    color_b INT UNSIGNED NULL,
    target_user_id INT NULL,
    target_username VARCHAR(255) NULL,
    target_chatname VARBINARY(255) NULL,
    message BLOB NOT NULL,
    INDEX (event_date)
);

CREATE TABLE eventlog (
    event_date DATETIME NOT NULL,
    event_type VARCHAR(64) NOT NULL,
    username VARCHAR(255) NULL,
    user_id INT NOT NULL,
    extradata BLOB NULL,
    INDEX (event_date)
);

CREATE TABLE logindetail (
    event_date DATETIME NOT NULL,
    username VARCHAR(255) NULL,
    user_id INT NOT NULL,
    chatname VARBINARY(255) NOT NULL,
    color_r INT UNSIGNED NOT NULL,
    color_g INT UNSIGNED NOT NULL,
    color_b INT UNSIGNED NOT NULL,
    team_color_r INT UNSIGNED NOT NULL,
    team_color_g INT UNSIGNED NOT NULL,
    team_color_b INT UNSIGNED NOT NULL,
    build_date DATETIME NULL,
    platform_type INT UNSIGNED NOT NULL,
    INDEX (event_date)
);
