//! A log to try, and words for what is put into it.

use realm::{
    command::{Action, Arrival, Command, Output},
    ids::{Name, ObjectId, SessionId, ZoneId},
    log::{
        Admission, Commit, Cursor, Leaver, Log, Outputs, Post, Rev, Traveller, Whereabouts, Words,
        memory::MemoryLog,
    },
    messages::Scope,
    object::{Body, Object, Point, Sheet},
};
use std::{ops::Deref, sync::Arc, time::Duration};

/// Longer than any machine takes: what is waited for so long never comes.
pub(super) const LONG: Duration = Duration::from_secs(120);

/// A log of its own for one test.
pub(super) struct Stage {
    log: Arc<dyn Log>,
    memory: Option<Arc<MemoryLog>>,
    redis: Option<(redis::Client, String)>,
}

impl Deref for Stage {
    type Target = dyn Log;

    fn deref(&self) -> &Self::Target {
        &*self.log
    }
}

impl Stage {
    pub(super) fn memory() -> Self {
        let memory = Arc::new(MemoryLog::new());
        Self {
            log: memory.clone(),
            memory: Some(memory),
            redis: None,
        }
    }

    pub(super) fn redis() -> Self {
        let url = std::env::var("REALM_REDIS").expect("REALM_REDIS: the URL of a redis-server");
        let prefix = format!("test-{:016x}:", fastrand::u64(..));
        let log = realm::log::open(&format!("{url}?prefix={prefix}")).expect("a URL of Redis");
        Self {
            log,
            memory: None,
            redis: Some((redis::Client::open(url).expect("a URL of Redis"), prefix)),
        }
    }

    /// Does something to a key of the Redis that the log has not asked for.
    pub(super) async fn tamper(&self, what: &str, key: &str, rest: &[&str]) {
        let (client, prefix) = self.redis.as_ref().expect("a Redis");
        let mut redis = connection(client).await;
        let () = redis::cmd(what)
            .arg(format!("{prefix}{key}"))
            .arg(rest)
            .query_async(&mut redis)
            .await
            .expect("does it");
    }

    /// Loses everything.
    pub(super) async fn lose(&self) {
        if let Some(memory) = &self.memory {
            memory.lose();
        }
        if let Some((client, prefix)) = &self.redis {
            let mut redis = connection(client).await;
            let keys: Vec<String> = redis::cmd("KEYS")
                .arg(format!("{prefix}*"))
                .query_async(&mut redis)
                .await
                .expect("keys");
            let () = redis::cmd("DEL")
                .arg(keys)
                .query_async(&mut redis)
                .await
                .expect("deletes");
        }
    }

    /// Lets a character in by its first session.
    pub(super) async fn comes(&self, who: &str, to: &str) -> Whereabouts {
        let admission = admission(who, 1, to);
        self.admit(&admission).await.expect("is let in")
    }

    /// Accepts a command of the first session.
    pub(super) async fn says(&self, who: &str, seq: u64) -> ZoneId {
        self.append(&say(who, 1, seq)).await.expect("is accepted")
    }

    /// All that waits for a zone.
    pub(super) async fn waiting(&self, id: &str) -> Vec<(Cursor, Command)> {
        self.inputs(&zone(id), Cursor::default(), 100_000, Duration::ZERO)
            .await
            .expect("reads")
    }

    /// All that waits for a zone, as words.
    pub(super) async fn story(&self, id: &str) -> Vec<String> {
        let waiting = self.waiting(id).await;
        waiting.iter().map(|(_, it)| told(it)).collect()
    }

    /// Revisions that came out of a zone after one.
    pub(super) async fn revs(&self, id: &str, after: Rev) -> Option<Vec<Rev>> {
        match self.outputs(&zone(id), after, 10_000, Duration::ZERO).await {
            Ok(Outputs::Since(since)) => Some(since.into_iter().map(|it| it.0).collect()),
            Ok(Outputs::Gap) => None,
            Err(error) => panic!("{error}"),
        }
    }

    /// A zone that its owner, of epoch 1, has committed once, with all its input read.
    pub(super) async fn open(&self, id: &str) -> Cursor {
        self.take(&zone(id), 1).await.expect("takes");
        let end = self.waiting(id).await.last().map(|it| it.0);
        let end = end.unwrap_or_default();
        let first = commit(1, 1, end);
        self.commit(&zone(id), &first).await.expect("commits");
        end
    }
}

async fn connection(client: &redis::Client) -> redis::aio::MultiplexedConnection {
    let connection = client.get_multiplexed_async_connection();
    connection.await.expect("redis-server answers")
}

pub(super) fn zone(id: &str) -> ZoneId {
    id.parse().expect("a zone")
}

pub(super) fn name(name: &str) -> Name {
    name.parse().expect("a name")
}

/// The sessions of a character are numbered.
pub(super) fn session(who: &str, number: u64) -> SessionId {
    format!("session-{}-{number:08}", who.to_lowercase())
        .parse()
        .expect("a session")
}

/// A sheet that its revision tells from others. Its lists are empty: a store that takes an empty
/// list for an empty map would show it.
pub(super) fn arrival(rev: u64, seq: u64) -> Arrival {
    Arrival {
        account: name("owner"),
        at: Some(Point { x: 0.1, y: -2.375 }),
        sheet: Sheet {
            rev,
            ..Sheet::default()
        },
        seq,
    }
}

/// The first session has epoch 1, and so on.
pub(super) fn admission(who: &str, number: u64, to: &str) -> Admission {
    Admission {
        character: name(who),
        session: session(who, number),
        epoch: number,
        zone: zone(to),
        arrival: arrival(1, 0),
    }
}

pub(super) fn command(who: &str, number: u64, seq: u64, action: Action) -> Command {
    Command {
        character: name(who),
        session: session(who, number),
        seq,
        action,
    }
}

pub(super) fn say(who: &str, number: u64, seq: u64) -> Command {
    let text = format!("“{seq}” \\ \n");
    command(who, number, seq, Action::Say { text })
}

/// A command in a few words, such as `ann enters after 3` and `ann 4`.
pub(super) fn told(command: &Command) -> String {
    let who = command.character.folded();
    match &command.action {
        Action::Enter(arrival) => format!("{who} enters after {}", arrival.seq),
        Action::Leave => format!("{who} leaves"),
        _ => format!("{who} {}", command.seq),
    }
}

pub(super) fn words(text: &str) -> Words {
    Words {
        scope: Scope::All,
        from: "Guide".to_owned(),
        text: text.to_owned(),
    }
}

/// Words of Ann's first session.
pub(super) fn post(seq: u64, scope: Scope) -> Post {
    Post {
        character: name("Ann"),
        session: session("Ann", 1),
        seq,
        words: Words {
            scope,
            from: "Ann".to_owned(),
            text: format!("words {seq}"),
        },
    }
}

pub(super) fn object(id: &str, x: f64) -> Object {
    Object {
        id: id.parse::<ObjectId>().expect("an object"),
        kind: "hen".to_owned(),
        name: "a hen".to_owned(),
        at: Point { x, y: 1.0 / 3.0 },
        radius: 0.3,
        body: Body::Walker,
        status: String::new(),
        script: None,
        memory: serde_json::Map::new(),
        wake_at: Some(1_700_000_000_123),
        failed: None,
        health: None,
        gate: None,
        item: None,
        walk: None,
        player: None,
    }
}

/// A commit that changes nothing but revision and cursor.
pub(super) fn commit(epoch: u64, rev: Rev, cursor: Cursor) -> Commit {
    Commit {
        epoch,
        rev,
        cursor,
        world: serde_json::json!({ "seed": rev, "list": [], "map": {} }),
        changed: Vec::new(),
        gone: Vec::new(),
        output: Output::default(),
        travellers: Vec::new(),
        leavers: Vec::new(),
        whispers: Vec::new(),
        wake: None,
    }
}

pub(super) fn traveller(who: &str, to: &str, arrival: Arrival, then: Vec<Command>) -> Traveller {
    Traveller {
        character: name(who),
        session: session(who, 1),
        to: zone(to),
        arrival,
        then,
    }
}

pub(super) fn leaver(who: &str, arrival: Arrival) -> Leaver {
    Leaver {
        character: name(who),
        arrival,
    }
}
