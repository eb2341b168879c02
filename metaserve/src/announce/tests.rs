use super::*;
use http::{
    HeaderMap, HeaderName, HeaderValue, Request, StatusCode, Version,
    header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE},
};
use proptest::prelude::*;

const FINE: &str = "0123456789abcdefghijABCDEFGHIJ_-";

fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
    let lines = lines.iter().map(|(name, value)| {
        let value = HeaderValue::from_str(value).unwrap();
        (HeaderName::from_static(name), value)
    });
    lines.collect()
}

/// The `parameter` of a refusal, and its status.
fn wrong(path: &str, query: Option<&str>) -> (Option<&'static str>, u16) {
    let refusal = Announcement::read(path, query).expect_err(path);
    (refusal.problem.parameter, refusal.outcome.status().as_u16())
}

#[test]
fn a_path_names_the_game_and_the_port() {
    for (path, query, expected) in [
        ("/api/v1/servers/chess/7777", None, ("chess", 7777, 60)),
        ("/api/v1/servers/chess/1", Some(""), ("chess", 1, 60)),
        (
            "/api/v1/servers/a%20b/65535",
            Some("ttl=15"),
            ("a b", 65_535, 15),
        ),
        (
            "/api/v1/servers/Gr%C3%B6%2Fe/2",
            Some("ttl=300"),
            ("Grö/e", 2, 300),
        ),
        // A plus sign is a space in queries only.
        ("/api/v1/servers/a+b/00080", None, ("a+b", 80, 60)),
    ] {
        let read = Announcement::read(path, query).expect(path);
        let read = (read.game.as_str().to_owned(), read.port, read.ttl.as_secs());
        let (game, port, ttl) = expected;
        assert_eq!(read, (game.to_owned(), port, ttl));
    }
}

/// A port of 70000 was once answered in plain text by the framework.
#[test]
fn each_mistake_in_the_path_or_query_names_its_parameter() {
    for port in [
        "0",
        "65536",
        "70000",
        "-1",
        "+80",
        "",
        "x",
        "80/",
        "8%30",
        "99999999999999999999",
    ] {
        let path = format!("/api/v1/servers/chess/{port}");
        assert_eq!(wrong(&path, None), (Some("port"), 400), "{path}");
    }
    for game in ["", "%00", "%FF", "%20chess", "a%E2%80%AEb", &"x".repeat(65)] {
        let path = format!("/api/v1/servers/{game}/80");
        assert_eq!(wrong(&path, None), (Some("game"), 400), "{path}");
    }
    for ttl in [
        "ttl=14",
        "ttl=301",
        "ttl=0",
        "ttl=-1",
        "ttl=",
        "ttl=60s",
        "ttl=99999999999999999999",
    ] {
        let path = "/api/v1/servers/chess/80";
        assert_eq!(wrong(path, Some(ttl)), (Some("ttl"), 400), "{ttl}");
    }
    assert_eq!(
        wrong("/api/v1/servers/chess/80", Some("time=60")),
        (None, 400)
    );
    assert_eq!(wrong("/api/v1/servers/chess", None), (Some("port"), 400));
}

#[test]
fn a_server_is_announced_again_before_two_losses_take_it_off_the_list() {
    for (ttl, every) in [(15, 5), (20, 6), (60, 20), (300, 100)] {
        let query = format!("ttl={ttl}");
        let read = Announcement::read("/api/v1/servers/chess/80", Some(&query)).unwrap();
        assert_eq!(read.announce_every(), Duration::from_secs(every));
    }
}

#[test]
fn a_secret_is_32_to_128_plain_characters_of_one_header() {
    let read = |value: &str| Secret::read(&headers(&[("authorization", value)]));
    for scheme in ["Bearer", "bearer", "BEARER", "Bearer  "] {
        let secret = read(&format!("{scheme} {FINE}")).unwrap();
        assert_eq!(secret.as_bytes(), FINE.as_bytes());
    }
    let long = "x".repeat(128);
    assert!(read(&format!("Bearer {long}")).is_ok());
    for other in [
        String::new(),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        FINE.to_owned(),
        format!("Basic {FINE}"),
        format!("Bearer {}", &FINE[1..]),
        format!("Bearer {long}x"),
        format!("Bearer {FINE}="),
        format!("Bearer {FINE} {FINE}"),
    ] {
        let refusal = read(&other).unwrap_err();
        assert_eq!(refusal.outcome, Outcome::NoSecret, "{other}");
        assert!(!refusal.problem.reason.contains(&FINE[1..]), "{refusal}");
    }
    let bearer = format!("Bearer {FINE}");
    let mut two = headers(&[("authorization", &bearer)]);
    two.append("authorization", HeaderValue::from_str(&bearer).unwrap());
    assert!(Secret::read(&two).is_err());
    let none = Secret::read(&HeaderMap::new()).unwrap_err().response();
    assert_eq!(none.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(none.headers()[WWW_AUTHENTICATE], "Bearer");
}

#[test]
fn a_secret_is_not_shown() {
    let secret = Secret::read(&headers(&[("authorization", &format!("Bearer {FINE}"))]));
    assert_eq!(format!("{secret:?}"), "Ok(Secret(..))");
}

#[test]
fn what_a_browser_sends_for_a_page_is_refused() {
    assert_eq!(no_browser(&HeaderMap::new()), Ok(()));
    for line in [("origin", "null"), ("sec-fetch-site", "same-origin")] {
        let refusal = no_browser(&headers(&[line])).unwrap_err();
        assert_eq!(refusal.outcome.status(), StatusCode::FORBIDDEN);
    }
}

#[test]
fn a_request_is_of_this_machine_only_if_nothing_speaks_for_a_proxy() {
    let asked = |version, lines: &[(&'static str, &str)]| {
        let mut request = Request::put("/").version(version).body(()).unwrap();
        for (name, value) in lines {
            let value = HeaderValue::from_str(value).unwrap();
            request.headers_mut().append(*name, value);
        }
        detour(&request)
    };
    let now = |lines: &[(&'static str, &str)]| asked(Version::HTTP_11, lines);
    let fine = ("host", "localhost:8080");
    for host in [
        "localhost",
        "LocalHost:1",
        "127.0.0.1",
        "127.8.9.1:8080",
        "[::1]",
        "[::1]:8080",
        "[::ffff:127.0.0.1]:1",
    ] {
        assert_eq!(now(&[("host", host)]), None, "{host}");
    }
    for host in [
        "",
        "metaserve",
        "list.example.org",
        "localhost.example.org",
        "127.0.0.1.example.org",
        "localhost@example.org",
        "192.0.2.1:8080",
        "0.0.0.0",
        "[2001:db8::1]",
        "\u{e4}",
    ] {
        assert_eq!(now(&[("host", host)]), Some(Detour::OtherHost), "{host}");
        let both = now(&[fine, ("host", host)]);
        assert_eq!(both, Some(Detour::OtherHost), "{host}");
    }
    assert_eq!(now(&[]), Some(Detour::OtherHost));
    for name in [
        "forwarded",
        "via",
        "x-real-ip",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
    ] {
        assert_eq!(now(&[fine, (name, "")]), Some(Detour::Forwarded), "{name}");
    }
    let old = Version::HTTP_10;
    assert_eq!(asked(old, &[fine]), Some(Detour::OldVersion));
    assert_eq!(asked(old, &[]), None);
}

#[test]
fn a_body_is_json_or_bytes_and_short_enough() {
    let json = ("content-type", "application/json");
    for fine in [
        headers(&[json]),
        headers(&[("content-type", "Application/JSON; charset=utf-8")]),
        headers(&[
            ("content-type", "application/octet-stream"),
            ("content-length", "10"),
        ]),
    ] {
        assert_eq!(check_body(&fine, 10), Ok(()));
    }
    for (other, status) in [
        (headers(&[]), 415),
        (headers(&[("content-type", "text/plain")]), 415),
        (headers(&[("content-type", "application/jsonl")]), 415),
        (
            headers(&[("content-type", "application/x-www-form-urlencoded")]),
            415,
        ),
        (headers(&[json, ("content-encoding", "gzip")]), 415),
        (headers(&[json, ("content-length", "11")]), 413),
        (
            headers(&[json, ("content-length", "18446744073709551615")]),
            413,
        ),
    ] {
        let refusal = check_body(&other, 10).unwrap_err();
        assert_eq!(refusal.outcome.status().as_u16(), status, "{other:?}");
    }
    assert_eq!(whole_body(b"0123456789", 10).unwrap(), "0123456789");
    let long = whole_body(b"0123456789a", 10).unwrap_err();
    assert_eq!(long.outcome, Outcome::Oversize);
    let empty = whole_body(b"", 10).unwrap_err();
    assert_eq!(
        (empty.outcome.status().as_u16(), empty.problem.parameter),
        (400, Some("body"))
    );
}

#[test]
fn an_answer_says_how_the_server_is_listed() {
    let answer = Answer {
        outcome: Outcome::Listed,
        address: "[2001:db8::1]:7777".parse().ok(),
        identity: None,
        listed: None,
        ttl: DEFAULT_TTL,
        announce_every: DEFAULT_TTL / 3,
        min_interval: Duration::from_millis(1500),
    };
    let response = answer.response();
    assert_eq!(response.status(), StatusCode::CREATED);
    let expected = r#"{"address":"[2001:db8::1]:7777","ttl_seconds":60,"announce_every_seconds":20,"min_interval_ms":1500}"#;
    assert_eq!(response.body(), expected);
    let identity = Some(crate::Fingerprint::from([0xab; 32]));
    let outcome = Outcome::Kept;
    let response = Answer {
        identity,
        listed: Some(false),
        outcome,
        ..answer
    }
    .response();
    assert_eq!(response.status(), StatusCode::OK);
    let known = format!(r#""identity":"{}","listed":false,"#, "ab".repeat(32));
    assert!(response.body().contains(&known), "{}", response.body());
}

#[test]
fn a_refusal_says_what_is_wrong_and_when_to_try_again() {
    let response = Refusal::malformed("port", "not a \"port\"").response();
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    assert_eq!(response.headers()["content-type"], "application/json");
    assert_eq!(
        response.body(),
        r#"{"error":"not a \"port\"","parameter":"port"}"#
    );
    assert!(!response.headers().contains_key(RETRY_AFTER));
    for (millis, seconds) in [(0, "1"), (1, "1"), (1000, "1"), (1001, "2"), (59_999, "60")] {
        let refusal = Refusal::new(Outcome::Taken, "wait");
        let refusal = refusal.retry_after(Duration::from_millis(millis));
        assert_eq!(refusal.response().headers()[RETRY_AFTER], seconds);
    }
    let method = Refusal::new(Outcome::Method, "no").response();
    assert_eq!(method.headers()[ALLOW], "PUT, DELETE");
}

#[test]
fn each_outcome_has_a_name_of_its_own() {
    let mut names: Vec<_> = Outcome::ALL.iter().map(|it| it.name()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), Outcome::ALL.len());
}

proptest! {
    #[test]
    fn any_game_and_port_are_read_as_they_were_written(
        game in "[a-zA-Z0-9äöü/%?#+]{1,20}",
        port in 1_u16..,
    ) {
        let written: String = game.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let read = Announcement::read(&format!("{PATH}{written}/{port}"), None).unwrap();
        prop_assert_eq!((read.game.as_str(), read.port), (&*game, port));
    }

    #[test]
    fn no_text_makes_it_panic(path in ".*", query in ".*", secret in "[ -~]*") {
        let _ = Announcement::read(&path, Some(&query));
        let _ = Announcement::read(&format!("{PATH}{path}"), Some(&query));
        let _ = Secret::read(&headers(&[("authorization", &secret)]));
    }
}
