//! What lists remember of crowds is bounded, whoever comes.

#![forbid(unsafe_code)]

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::{Duration, SystemTime},
};

use axum::http::{HeaderMap, HeaderValue};
use bytes::Bytes;
use metaserve_lobby_bridge::{
    ddnet,
    luanti::{self, list::Pinged},
    peers::{ConnectionId, Effect, Lobby, Way},
    quake::{self, Dialect, Rules},
    web::{Errand, Event, ListLobby, News},
};
use metaserve_query::luanti::Announcement;

/// So many addresses, each of another host.
const CROWD: u32 = 100_000;

fn host(number: u32) -> Ipv4Addr {
    Ipv4Addr::from(0x0800_0000 + number)
}

#[test]
fn masters_ask_a_crowd_once_and_remember_4096_of_it() {
    for (dialect, heartbeat) in [
        (
            Dialect::Quake3,
            &b"\xff\xff\xff\xffheartbeat DarkPlaces\n"[..],
        ),
        (Dialect::QuakeWorld, b"a\n1\n0\n"),
    ] {
        let mut master = quake::Master::new(Rules::of(dialect), [0; 32]);
        let (mut now, wall, mut asked) = (metaserve::time::now(), SystemTime::UNIX_EPOCH, 0);
        for number in 0..CROWD {
            let way = Way::to(SocketAddr::from((host(number), 27_960)));
            let news = quake::News::Datagram(way, Bytes::from_static(heartbeat));
            let effects = master.hear(news, now, wall);
            assert!(effects.len() <= 1, "no more answers than questions");
            asked += effects.len();
            assert!(master.unproved() <= 4_096);
        }
        assert_eq!(asked, CROWD as usize, "{dialect:?}");
        now += Duration::from_secs(60);
        assert!(master.hear(quake::News::Tick, now, wall).is_empty());
        assert_eq!((master.unproved(), master.servers().len()), (0, 0));
    }
}

#[test]
fn masters_give_lists_to_a_crowd_as_often_as_they_can_count() {
    let mut master = quake::Master::new(Rules::default(), [0; 32]);
    let (now, wall, mut lists) = (metaserve::time::now(), SystemTime::UNIX_EPOCH, 0);
    for number in 0..CROWD {
        let way = Way::to(SocketAddr::from((host(number), 27_960)));
        let request = Bytes::from_static(b"\xff\xff\xff\xffgetservers 71 empty full");
        lists += master
            .hear(quake::News::Datagram(way, request), now, wall)
            .len();
    }
    let counted = Rules::default().limits.lists.counted;
    // The others share 50 lists a second.
    assert_eq!(lists, counted.min(CROWD as usize - 50) + 50);
}

/// A request to register from this host.
fn registration(number: u32, token: Option<&str>) -> ddnet::request::Request {
    let secret = format!("{number:08x}-85e8-4e39-a7e7-70d33ba47b8c");
    let lines = [
        (
            "address",
            "tw-0.6+udp://connecting-address.invalid:8303".to_owned(),
        ),
        ("challenge-secret", format!("{secret}:x")),
        ("secret", secret),
        ("info-serial", "0".to_owned()),
        ("content-type", "application/json".to_owned()),
        ("challenge-token", token.unwrap_or_default().to_owned()),
    ];
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.insert(name, HeaderValue::try_from(value).expect("text"));
    }
    let body = Bytes::from_static(br#"{"name":"x"}"#);
    ddnet::request::Request::read(host(number).into(), &headers, body).expect("a request")
}

#[test]
fn the_list_of_ddnet_remembers_nothing_of_a_crowd_that_proves_nothing() {
    let limits = ddnet::Limits {
        servers: 1_000,
        ..ddnet::Limits::default()
    };
    let mut list = ListLobby::new(ddnet::master::Master::new(limits, &[0; 32]), 100);
    let (mut now, wall) = (metaserve::time::now(), SystemTime::UNIX_EPOCH);
    let (mut tokens, mut shown) = (Vec::new(), ddnet::list::Shown::default());
    for number in 0..CROWD {
        let event = Event::Asks(Box::new(registration(number, None)), wall);
        for effect in list.handle(ConnectionId(number.into()), event, now) {
            match effect {
                Effect::Errand(Errand::Do(ddnet::master::Challenge(_, datagram))) => {
                    let token = datagram.split(|it| *it == 0).nth(1).expect("a token");
                    tokens.push(String::from_utf8_lossy(token).into_owned());
                }
                Effect::Send(..) | Effect::Close(_) => {}
                _ => panic!("nothing else is done"),
            }
        }
    }
    // As many as can be counted, and one for each.
    assert_eq!(tokens.len(), CROWD as usize);
    let keeps = list.hear(News::Second, now, wall);
    assert!(keeps.is_empty(), "nothing is kept");
    // Those that prove their addresses are listed, until the list is full.
    for (number, token) in (0..2_000).zip(&tokens) {
        let request = registration(number, Some(token));
        let event = Event::Asks(Box::new(request), wall);
        for effect in list.handle(ConnectionId(number.into()), event, now) {
            if let Effect::Errand(Errand::Show(newer)) = effect {
                shown = newer;
            }
        }
    }
    assert_eq!(shown.servers.len(), 1_000);
    for _ in 0..2 {
        now += Duration::from_secs(3_600);
        for effect in list.hear(News::Second, now, wall) {
            if let Effect::Errand(Errand::Show(newer)) = effect {
                shown = newer;
            }
        }
    }
    assert_eq!(shown.servers.len(), 0);
}

#[test]
fn the_list_of_luanti_asks_no_more_of_a_crowd_than_it_can_list() {
    let limits = luanti::Limits {
        servers: 500,
        ..luanti::Limits::default()
    };
    let mut list = ListLobby::new(luanti::list::List::new(limits), 100);
    let now = metaserve::time::now();
    let json = br#"{"action":"start","port":30000,"name":"x","description":"","version":"5.15.0",
        "proto_min":37,"proto_max":50,"uptime":1,"game_time":1,"clients":0,"clients_max":8,
        "gameid":"devtest","mapgen":"v7","clients_list":[]}"#;
    let announcement = Announcement::from_json(json).expect("an announcement");
    let mut pings = Vec::new();
    for number in 0..CROWD {
        let asked = luanti::list::Asked {
            from: IpAddr::from(host(number)),
            announcement: announcement.clone(),
            resolved: None,
        };
        let event = Event::Asks(Box::new(asked), SystemTime::UNIX_EPOCH);
        for effect in list.handle(ConnectionId(number.into()), event, now) {
            match effect {
                Effect::Errand(Errand::Do(ping)) => pings.push(ping),
                Effect::Send(..) | Effect::Close(_) => {}
                _ => panic!("nothing else is done"),
            }
        }
    }
    assert_eq!(pings.len(), 500);
    // Those that do not answer make room.
    for ping in pings {
        let silent = Event::Done(Pinged { ping, took: None });
        assert!(list.handle(ConnectionId(u64::MAX), silent, now).is_empty());
    }
    let later = now + Duration::from_secs(60);
    list.hear(News::Second, later, SystemTime::UNIX_EPOCH);
    let asked = luanti::list::Asked {
        from: IpAddr::from(host(CROWD)),
        announcement,
        resolved: None,
    };
    let event = Event::Asks(Box::new(asked), SystemTime::UNIX_EPOCH);
    let effects = list.handle(ConnectionId(0), event, later);
    let pings = effects.iter().filter(|it| matches!(it, Effect::Errand(_)));
    assert_eq!(pings.count(), 1);
}
