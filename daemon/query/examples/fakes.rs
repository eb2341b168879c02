//! Fake game servers of all protocols, in both families, until it is ended. Prints a configuration
//! file with which an agent publishes them: `cargo run --features fake --example fakes -- 200`.
//!
//! A fifth of them is silent or sends garbage.

use metaserve_query::fake::{self, Behaviour, Fake};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const BEHAVIOURS: [Behaviour; 10] = [
    Behaviour::Answers { bytes: 1_000 },
    Behaviour::Answers { bytes: 1_000 },
    Behaviour::Answers { bytes: 2_000 },
    Behaviour::Answers { bytes: 4_000 },
    Behaviour::Silent,
    Behaviour::Answers { bytes: 8_000 },
    Behaviour::Answers { bytes: 16_000 },
    Behaviour::Answers { bytes: 32_000 },
    Behaviour::Answers { bytes: 60_000 },
    Behaviour::Garbage,
];

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let count = std::env::args().nth(1).map_or(Ok(200), |it| it.parse())?;
    let protocols = fake::protocols();
    let mut fakes = Vec::new();
    for number in 0..count {
        let ip: IpAddr = match number % 2 {
            0 => Ipv4Addr::LOCALHOST.into(),
            _ => Ipv6Addr::LOCALHOST.into(),
        };
        let protocol = protocols[number / 2 % protocols.len()];
        let behaviour = BEHAVIOURS[number / 2 / protocols.len() % BEHAVIOURS.len()];
        let fake = Fake::start(protocol, ip, behaviour).await?;
        println!(
            "[[server]]\nname = \"{number}\"\nquery = \"{}\"\n",
            fake.target()
        );
        fakes.push(fake);
    }
    std::future::pending().await
}
