//! Two hundred game servers of all protocols, in both families, are published by one agent: those
//! that answer are listed as they say, whatever the others do.

use crate::{
    DAEMON, FAST,
    process::{Agent, Home},
};
use metaserve::ServerInfo;
use metaserve_query::{
    Protocol,
    fake::{self, Behaviour, Fake},
};
use metaserve_tests::{Daemon, Follower};
use std::{
    collections::BTreeMap,
    fmt::Write,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

const COUNT: usize = 200;

const BEHAVIOURS: [Behaviour; 7] = [
    Behaviour::Answers { bytes: 1 },
    Behaviour::Silent,
    Behaviour::Answers { bytes: 1_000 },
    Behaviour::Answers { bytes: 8_000 },
    Behaviour::Garbage,
    Behaviour::Answers { bytes: 60_000 },
    Behaviour::Elsewhere,
];

#[tokio::test]
async fn two_hundred_servers_of_all_protocols_are_listed_as_they_say() {
    let settings = [&FAST[..], &["--max-listed-per-prefix", "1000"]].concat();
    let daemon = Daemon::start(DAEMON, &settings).await;
    let mut list = Follower::new(&daemon, None).await;
    let mut file = "game = 'fake'\n".to_owned();
    let protocols = fake::protocols();
    let mut fakes = Vec::new();
    // What is listed in the end: by port, its name and how many people there are.
    let mut expected = BTreeMap::new();
    for number in 0..COUNT {
        let ip: IpAddr = match number % 2 {
            0 => Ipv4Addr::LOCALHOST.into(),
            _ => Ipv6Addr::LOCALHOST.into(),
        };
        let protocol = protocols[number / 2 % protocols.len()];
        let behaviour = BEHAVIOURS[number % BEHAVIOURS.len()];
        let fake = Fake::start(protocol, ip, behaviour).await.unwrap();
        let target = fake.target();
        let _ = write!(
            file,
            "[[server]]\nname = 'server-{number}'\nquery = '{target}'\nport = {}\ninterval = '4s'\n",
            1000 + number
        );
        if let Behaviour::Answers { .. } = behaviour {
            // A server without a name is called as its setting is.
            let name = match protocol {
                Protocol::Luanti | Protocol::Mumble => format!("server-{number}"),
                _ => fake.name(),
            };
            expected.insert(1000 + number, (name, fake.occupancy()));
        }
        fakes.push(fake);
    }
    let home = Home::new();
    home.write(&file);
    let agent = Agent::start(&daemon, &home);
    list.until("all that answer, as they say", |list| {
        let listed = list.servers().map(|it| {
            let info = ServerInfo::from_json(&it.heartbeat).unwrap();
            let counted = info.occupancy();
            (usize::from(it.address.port()), (info.name, counted))
        });
        listed.collect::<BTreeMap<_, _>>() == expected
    })
    .await;
    agent.stop().await;
}
