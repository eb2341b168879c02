//! What plain clients are promised.

use crate::{
    player::Socket,
    world::{Process, World, patiently},
};
use realm::log::Log;
use reqwest::{Client, StatusCode, redirect};
use serde_json::{Value, json};

/// A client without a WebSocket.
pub(crate) struct Plain {
    client: Client,
    url: String,
    ticket: Option<String>,
}

impl Plain {
    pub(crate) fn new(process: &Process, ticket: Option<String>) -> Self {
        let client = Client::builder().redirect(redirect::Policy::none());
        Self {
            client: client.build().unwrap(),
            url: process.url.clone(),
            ticket,
        }
    }

    pub(crate) async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.ask(self.client.get(self.url.clone() + path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        self.ask(self.client.post(self.url.clone() + path).json(body))
            .await
    }

    async fn ask(&self, mut request: reqwest::RequestBuilder) -> (StatusCode, Value) {
        if let Some(ticket) = &self.ticket {
            request = request.bearer_auth(ticket);
        }
        let answer = patiently("an answer", request.send()).await.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }
}

fn has(objects: &Value, name: &str) -> bool {
    objects["changed"]
        .as_array()
        .unwrap()
        .iter()
        .any(|it| it["name"] == name)
}

#[tokio::test]
async fn a_plain_client_plays_by_single_requests() {
    let (world, _host, gateway) = World::with_gateway().await;
    world.character("ann", "Ann");
    world.character("bob", "Bob");
    let (mut bob, _) = Socket::play(&world, &gateway, "bob", "Bob").await;
    let ann = Plain::new(&gateway, Some(world.ticket("ann")));
    let (status, entered) = ann.post("/enter", &json!({ "character": "ann" })).await;
    assert_eq!(
        (status, &entered["zone"]),
        (StatusCode::OK, &json!("shared/meadow"))
    );
    let session = &entered["session"];
    let say = json!({ "character": "Ann", "session": session, "seq": 1, "text": "plainly" });
    // Sent again, it is not said again.
    for _ in 0..2 {
        let (status, accepted) = ann.post("/zones/shared/meadow/say", &say).await;
        assert_eq!(
            (status, &accepted["seq"]),
            (StatusCode::ACCEPTED, &json!(1))
        );
    }
    let walk = json!({ "character": "Ann", "seq": 2, "dx": 1, "dy": 0 });
    let (status, _) = ann.post("/zones/shared%2Fmeadow/move", &walk).await;
    assert_eq!(status, StatusCode::ACCEPTED, "the session is known here");
    let end = json!({ "character": "Ann", "seq": 3, "text": "the end" });
    ann.post("/zones/shared/meadow/say", &end).await;
    bob.heard("the end").await;
    let (_, messages) = ann.get("/zones/shared/meadow/messages?rev=1").await;
    let said = ["plainly", "the end"].map(|it| json!({ "from": "Ann", "text": it }));
    let (status, _) = ann.post("/leave", &json!({ "session": session })).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    world.whereabouts("Ann", |it| !it.present).await;
    assert_eq!(messages["messages"], json!(said), "{messages}");
}

#[tokio::test]
async fn objects_are_shown_whole_then_as_changes_with_removals() {
    let (world, _host, gateway) = World::with_gateway().await;
    world.character("ann", "Ann");
    let plain = Plain::new(&gateway, None);
    let (status, started) = plain.get("/zones/shared/meadow").await;
    assert_eq!(
        (status, &started["host"]),
        (StatusCode::OK, &json!("host-1"))
    );
    let (mut ann, _) = Socket::play(&world, &gateway, "ann", "Ann").await;
    let (_, whole) = plain.get("/zones/shared/meadow/objects").await;
    assert!(
        whole["full"] == true && has(&whole, "Ann") && has(&whole, "gate"),
        "{whole}"
    );
    let rev = whole["rev"].as_u64().unwrap();
    ann.say(&realm::messages::Up::Bye).await;
    ann.closing().await;
    world.whereabouts("Ann", |it| !it.present).await;
    // The gateway reads of it a moment after it is written.
    let changes = async {
        loop {
            let path = format!("/zones/shared/meadow/objects?rev={rev}");
            let (_, since) = plain.get(&path).await;
            if since["rev"] != json!(rev) {
                return since;
            }
            tokio::task::yield_now().await;
        }
    };
    let since = patiently("changes", changes).await;
    assert_eq!(
        (&since["full"], &since["gone"]),
        (&json!(false), &json!(["@ann"])),
        "{since}"
    );
    let rev = since["rev"].clone();
    let (_, nothing) = plain
        .get(&format!("/zones/shared/meadow/objects?rev={rev}"))
        .await;
    assert_eq!(
        (&nothing["changed"], &nothing["gone"]),
        (&json!([]), &json!([]))
    );
}

#[tokio::test]
async fn a_command_needs_the_ticket_of_the_characters_own_account() {
    let (world, _host, gateway) = World::with_gateway().await;
    world.character("ann", "Ann");
    let (_ann, session) = Socket::play(&world, &gateway, "ann", "Ann").await;
    let walk = json!({ "character": "Ann", "session": session, "seq": 1, "dx": 1, "dy": 0 });
    for verb in ["move", "say", "status", "activate"] {
        let path = format!("/zones/shared/meadow/{verb}");
        let (status, _) = Plain::new(&gateway, None).post(&path, &walk).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
    }
    let bob = Plain::new(&gateway, Some(world.ticket("bob")));
    let (status, why) = bob.post("/zones/shared/meadow/move", &walk).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{why}");
    let (status, _) = bob.post("/enter", &json!({ "character": "Ann" })).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let ann = Plain::new(&gateway, Some(world.ticket("ann")));
    let elsewhere = ann.post("/zones/shared/cellar/move", &walk).await;
    assert_eq!(elsewhere.0, StatusCode::CONFLICT, "{}", elsewhere.1);
    let strange =
        json!({ "character": "Ann", "session": "0123456789abcdef", "seq": 1, "dx": 1, "dy": 0 });
    let (status, _) = ann.post("/zones/shared/meadow/move", &strange).await;
    assert_eq!(status, StatusCode::CONFLICT);
    let huge = json!({ "character": "Ann", "seq": 1, "dx": 1e300, "dy": 0 });
    let (status, _) = ann.post("/zones/shared/meadow/move", &huge).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let at = world
        .log
        .whereabouts(&"Ann".parse().unwrap())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(at.seq, 0, "nothing was accepted");
}

#[tokio::test]
async fn a_zone_host_sends_requests_for_zones_of_others_on() {
    let world = World::start();
    let slots = |name: &str| realm::zone::Settings {
        name: name.into(),
        slots: 1,
        ..realm::zone::Settings::default()
    };
    let first = world.host_with(slots("host-1")).await;
    let second = world.host_with(slots("host-2")).await;
    let gateway = world.gateway().await;
    let plain = Plain::new(&gateway, None);
    let (_, meadow) = plain.get("/zones/shared/meadow").await;
    let (_, cellar) = plain.get("/zones/shared/cellar").await;
    assert_ne!(meadow["host"], cellar["host"], "each host has one slot");
    // The gateway hears of a zone a moment after whoever has it started.
    let listed = async {
        loop {
            let (_, list) = plain.get("/zones").await;
            if list["zones"].as_array().map(Vec::len) == Some(2) {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    patiently("both zones in the list", listed).await;
    for host in [&first, &second] {
        let own = Plain::new(host, None);
        for zone in [&meadow, &cellar] {
            let path = format!("/zones/{}/objects", zone["zone"].as_str().unwrap());
            let is_own = zone["url"] == host.url;
            let answered = async {
                loop {
                    match own.get(&path).await {
                        (StatusCode::OK, _) if is_own => return,
                        (StatusCode::TEMPORARY_REDIRECT, _) if !is_own => return,
                        // It does not know of the zone yet, or the zone of its objects.
                        (StatusCode::SERVICE_UNAVAILABLE | StatusCode::NOT_FOUND, _) => {}
                        (StatusCode::TOO_MANY_REQUESTS, _) => {}
                        (StatusCode::TEMPORARY_REDIRECT, _) => {}
                        other => panic!("{other:?}"),
                    }
                }
            };
            patiently("an answer from the owner, or the way there", answered).await;
        }
    }
}

#[tokio::test]
async fn a_solo_zone_is_shown_to_its_owner_only() {
    let (world, _host, gateway) = World::with_gateway().await;
    world.character_in("ann", "Ann", "solo/cellar/ann");
    let (_ann, _) = Socket::play(&world, &gateway, "ann", "Ann").await;
    for path in ["", "/objects", "/messages"] {
        let path = format!("/zones/solo/cellar/ann{path}");
        let status = async |ticket| Plain::new(&gateway, ticket).get(&path).await.0;
        assert_eq!(status(None).await, StatusCode::UNAUTHORIZED);
        assert_eq!(
            status(Some(world.ticket("bob"))).await,
            StatusCode::FORBIDDEN
        );
        assert_eq!(status(Some(world.ticket("ann"))).await, StatusCode::OK);
    }
}

#[tokio::test]
async fn too_many_requests_are_refused_in_words() {
    let world = World::start();
    let gateway = world.gateway().await;
    let plain = Plain::new(&gateway, None);
    let refused = async {
        loop {
            let (status, why) = plain.get("/zones").await;
            if status == StatusCode::TOO_MANY_REQUESTS {
                return why;
            }
        }
    };
    let why = patiently("a refusal", refused).await;
    assert!(
        why["error"].as_str().unwrap().contains("too many requests"),
        "{why}"
    );
}

#[tokio::test]
async fn an_account_has_one_character_in_the_world_whatever_is_asked_at_once() {
    let (world, _host, gateway) = World::with_gateway().await;
    world.character("ann", "Ann");
    world.character("ann", "Anna");
    world.character("bob", "Bob");
    // The zone runs while somebody looks at it.
    let _bob = Socket::play(&world, &gateway, "bob", "Bob").await;
    let plain = Plain::new(&gateway, Some(world.ticket("ann")));
    let enter = |character| {
        let session = "0123456789abcdef0123456789abcdef";
        json!({ "character": character, "session": session })
    };
    let (ann, anna) = (enter("Ann"), enter("Anna"));
    let entered = tokio::join!(plain.post("/enter", &ann), plain.post("/enter", &anna));
    assert_eq!((entered.0.0, entered.1.0), (StatusCode::OK, StatusCode::OK));
    let left = async {
        loop {
            let mut present = 0;
            for character in ["Ann", "Anna"] {
                let at = world.log.whereabouts(&character.parse().unwrap()).await;
                present += usize::from(at.unwrap().unwrap().present);
            }
            if present == 1 {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    patiently("the end of all but one", left).await;
}
