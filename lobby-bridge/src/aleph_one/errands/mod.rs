//! Work that the hall asks for without waiting: accounts, hubs, connectivity tests, logs. Each
//! errand is a task of its own, so that a slow database delays only those who need it.

mod connectivity;
mod moderation;

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr, SocketAddrV4},
    time::Duration,
};

use tokio::{net::lookup_host, task::AbortHandle, time::timeout};
use tokio_util::task::TaskTracker;

use super::{
    event::{Claim, Errand, Event, News, NoHub, Proof, Unchecked},
    hall::Hall,
};
use crate::{
    accounts::{Account, Accounts, Hub, Refusal},
    bans::Guard,
    peers::{self, ConnectionId},
};

/// The lines of the connectivity test with this number, which has ended.
#[derive(Debug)]
pub(super) struct Tested(ConnectionId, u64, Vec<String>);

/// Runs errands for the hall's owner.
pub(super) struct Errands {
    accounts: Option<Accounts>,
    bans: Guard,
    owner: peers::Owner<Self>,
    tasks: TaskTracker,
    hub_time: Duration,
    tests: HashMap<ConnectionId, (u64, AbortHandle)>,
    next_test: u64,
}

impl Errands {
    /// Sends answers to `owner`. The tasks in `tasks` are never aborted; they end by themselves.
    pub(super) fn new(
        accounts: Option<Accounts>,
        bans: Guard,
        owner: peers::Owner<Self>,
        tasks: TaskTracker,
        hub_time: Duration,
    ) -> Self {
        Self {
            accounts,
            bans,
            owner,
            tasks,
            hub_time,
            tests: HashMap::new(),
            next_test: 0,
        }
    }

    /// Finds out whether there is any hub. Reports nothing if that cannot be found out now.
    fn look_for_hubs(&self) {
        let (accounts, owner, time) = (self.accounts.clone(), self.owner.clone(), self.hub_time);
        self.tasks.spawn(async move {
            let has_hub = match accounts {
                Some(accounts) => timeout(time, accounts.has_hub()).await.ok(),
                None => Some(Ok(false)),
            };
            if let Some(Ok(has_hub)) = has_hub {
                owner.heard(News::HasHub(has_hub)).await;
            }
        });
    }

    fn end_test(&mut self, who: ConnectionId) {
        if let Some((_, task)) = self.tests.remove(&who) {
            task.abort();
        }
    }

    fn test(&mut self, who: ConnectionId, address: SocketAddrV4) {
        self.end_test(who);
        self.next_test += 1;
        let (number, owner) = (self.next_test, self.owner.clone());
        let task = self.tasks.spawn(async move {
            let lines = connectivity::test(address).await.lines();
            owner.note(Tested(who, number, lines)).await;
        });
        self.tests.insert(who, (number, task.abort_handle()));
    }

    fn answer(&self, who: ConnectionId, answer: impl Future<Output = Event> + Send + 'static) {
        let owner = self.owner.clone();
        self.tasks.spawn(async move {
            let event = answer.await;
            owner.happened(who, event).await;
        });
    }
}

impl peers::Errands for Errands {
    type Lobby = Hall;
    type Note = Tested;

    fn run(&mut self, errand: Errand) -> Option<ConnectionId> {
        let held = match errand {
            Errand::FindHubs(who, _) | Errand::FindHub(who, _) => Some(who),
            _ => None,
        };
        let accounts = self.accounts.clone();
        match errand {
            Errand::Log(row) => {
                if let Some(accounts) = accounts {
                    accounts.log(row);
                }
            }
            Errand::Check(who, claim) => self.answer(who, async move {
                Event::Checked(check(accounts.as_ref(), claim).await)
            }),
            Errand::FindHubs(who, version) => {
                let time = self.hub_time;
                self.answer(who, async move {
                    let found = timeout(time, hubs(accounts.as_ref(), &version)).await;
                    Event::HubsFound(found.unwrap_or_default())
                });
            }
            Errand::FindHub(who, id) => {
                let time = self.hub_time;
                self.answer(who, async move {
                    let found = timeout(time, hub(accounts.as_ref(), id)).await;
                    Event::HubFound(id, found.unwrap_or(Err(NoHub::Unavailable)))
                });
            }
            Errand::Ban(who, order) => {
                let bans = self.bans.clone();
                self.answer(who, moderation::ban(bans, order));
            }
            Errand::Unban(who, name) => {
                let bans = self.bans.clone();
                self.answer(who, moderation::unban(bans, name));
            }
            Errand::Test(who, address) => self.test(who, address),
            Errand::EndTest(who) => self.end_test(who),
            Errand::LookForHubs => self.look_for_hubs(),
        }
        held
    }

    /// Accepts only the result of a player's current test, which has then ended.
    fn noted(&mut self, Tested(who, number, lines): Tested) -> Option<(ConnectionId, Event)> {
        let current = self.tests.get(&who).is_some_and(|(it, _)| *it == number);
        current.then(|| {
            self.tests.remove(&who);
            (who, Event::Tested(lines))
        })
    }

    fn ended(&mut self, who: ConnectionId) {
        self.end_test(who);
    }
}

impl Drop for Errands {
    fn drop(&mut self) {
        for (_, task) in self.tests.values() {
            task.abort();
        }
    }
}

async fn check(accounts: Option<&Accounts>, claim: Claim) -> Result<Account, Unchecked> {
    let Claim {
        username,
        proof,
        from,
    } = claim;
    let accounts = accounts.ok_or(Unchecked::Unavailable)?;
    let result = match proof {
        Proof::Password(password) => accounts.check_password(&username, &password, from).await,
        Proof::Token(token) => accounts.check_token(&username, &token, from).await,
    };
    result.map_err(|refusal| {
        tracing::info!(username, %from, "login refused: {refusal}");
        match refusal {
            Refusal::Unknown | Refusal::WrongPassword | Refusal::WrongToken => Unchecked::Wrong,
            Refusal::TooManyAttempts => Unchecked::TooOften,
            Refusal::Database(_) | Refusal::BadRecord(_) => Unchecked::Unavailable,
        }
    })
}

async fn hubs(accounts: Option<&Accounts>, version: &str) -> Vec<(u16, SocketAddrV4)> {
    let Some(accounts) = accounts else {
        return Vec::new();
    };
    let hubs = match accounts.hubs(version).await {
        Ok(hubs) => hubs,
        Err(error) => {
            tracing::warn!(%error, "cannot read the hubs");
            return Vec::new();
        }
    };
    let mut found = Vec::new();
    for hub in hubs {
        found.extend(address(&hub).await.map(|address| (hub.id, address)));
    }
    found
}

async fn hub(accounts: Option<&Accounts>, id: u16) -> Result<SocketAddrV4, NoHub> {
    let accounts = accounts.ok_or(NoHub::Unknown)?;
    let hub = accounts.hub(id).await.map_err(|error| {
        tracing::warn!(%error, id, "cannot read a hub");
        NoHub::Unavailable
    })?;
    address(&hub.ok_or(NoHub::Unknown)?)
        .await
        .ok_or(NoHub::Unknown)
}

/// Returns a hub's IPv4 address, if it has one that players can be sent to.
async fn address(hub: &Hub) -> Option<SocketAddrV4> {
    let found = match hub.host.parse::<IpAddr>() {
        Ok(ip) => vec![SocketAddr::new(ip, hub.port)],
        Err(_) => match lookup_host((&hub.host[..], hub.port)).await {
            Ok(found) => found.collect(),
            Err(error) => {
                tracing::warn!(host = hub.host, %error, "cannot resolve the name of a hub");
                Vec::new()
            }
        },
    };
    found.into_iter().find_map(|address| match address {
        SocketAddr::V4(address) if super::published::can_be_joined(address) => Some(address),
        _ => None,
    })
}
