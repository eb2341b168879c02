-- A database as an operator of the old Aleph One metaserver may have it: with the columns that it
-- used, some others, and the character sets of its time.

CREATE TABLE `user` (
    id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    sort_order INT NOT NULL UNIQUE,
    username VARCHAR(255) NOT NULL UNIQUE,
    email VARCHAR(255) NULL,
    password VARCHAR(255) NULL,
    moderator TINYINT(1) NULL DEFAULT 0,
    hide_in_room TINYINT(1) NULL DEFAULT 0,
    banned_until DATETIME NULL,
    meta_login_token VARBINARY(16) NULL,
    meta_login_token_date DATETIME NULL
) DEFAULT CHARSET=latin1 COLLATE=latin1_swedish_ci;

CREATE TABLE remotehub (
    id SMALLINT UNSIGNED NOT NULL AUTO_INCREMENT,
    host VARCHAR(255) NOT NULL,
    port SMALLINT UNSIGNED NOT NULL,
    network_version VARCHAR(50) NOT NULL,
    comment TEXT,
    PRIMARY KEY (id),
    UNIQUE KEY host_port (host, port)
) DEFAULT CHARSET=latin1;

CREATE TABLE chatlog (
    id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    event_date DATETIME NOT NULL,
    event_type VARCHAR(64) NOT NULL,
    user_id INT NOT NULL,
    username VARCHAR(255) DEFAULT NULL,
    chatname VARBINARY(255) NOT NULL,
    color_r INT UNSIGNED DEFAULT NULL,
    color_g INT UNSIGNED DEFAULT NULL,
    color_b INT UNSIGNED DEFAULT NULL,
    target_user_id INT DEFAULT NULL,
    target_username VARCHAR(255) DEFAULT NULL,
    target_chatname VARBINARY(255) DEFAULT NULL,
    message BLOB NOT NULL,
    KEY event_date (event_date)
) DEFAULT CHARSET=latin1;

CREATE TABLE eventlog (
    id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    event_date DATETIME NOT NULL,
    event_type VARCHAR(64) NOT NULL,
    username VARCHAR(255) DEFAULT NULL,
    user_id INT NOT NULL,
    extradata BLOB
) DEFAULT CHARSET=latin1;

CREATE TABLE logindetail (
    id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    event_date DATETIME NOT NULL,
    username VARCHAR(255) DEFAULT NULL,
    user_id INT NOT NULL,
    chatname VARBINARY(255) NOT NULL,
    color_r INT UNSIGNED NOT NULL,
    color_g INT UNSIGNED NOT NULL,
    color_b INT UNSIGNED NOT NULL,
    team_color_r INT UNSIGNED NOT NULL,
    team_color_g INT UNSIGNED NOT NULL,
    team_color_b INT UNSIGNED NOT NULL,
    build_date DATETIME DEFAULT NULL,
    platform_type INT UNSIGNED NOT NULL
) DEFAULT CHARSET=latin1;
