//! The users who are logged in, and the tokens that lead from the login daemon to a room
//! (`docs/specifications/myth-metaserver.md`, section 11).
//!
//! A user exists as long as one of three things does: the connection to the login daemon, the
//! connection to a room, the token. Until then, the account is in use.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use metaserve::bounds::{Admitted, Fair, Id, Origin, Refused};

use super::{Rgb, UserId, denial::Denial, ids::Ids, limits::Limits, received::Login};
use crate::{accounts::Account, peers::ConnectionId};

/// A user, from the login on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The id.
    pub id: UserId,
    /// The account. Guests have none.
    pub account: Option<Account>,
    /// The name in rooms.
    pub name: Vec<u8>,
    /// The player's colour.
    pub primary: Rgb,
    /// The team's colour.
    pub secondary: Rgb,
    /// The data that the client sent about itself.
    pub login: Login,
}

/// The token of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Token {
    secret: [u8; 32],
    /// `None` while the connection to the login daemon is open.
    expires: Option<Instant>,
}

#[derive(Debug)]
struct User {
    profile: Arc<Profile>,
    /// The user's place among all users.
    place: Id,
    login: Option<ConnectionId>,
    room: Option<ConnectionId>,
    token: Option<Token>,
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Users {
    limit: usize,
    limit_per_host: usize,
    token_time: Duration,
    ids: Ids,
    users: HashMap<UserId, User>,
    /// By name in lower case: names that differ only in case are one account.
    accounts: HashMap<String, UserId>,
    tokens: HashMap<[u8; 32], UserId>,
    /// The places, shared by the addresses that users log in from.
    places: Fair<UserId>,
}

impl Users {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            limit: limits.users,
            limit_per_host: limits.users_per_host,
            token_time: limits.token_time,
            ids: Ids::from(10_001),
            users: HashMap::new(),
            accounts: HashMap::new(),
            tokens: HashMap::new(),
            places: Fair::default(),
        }
    }

    /// Returns how many users there are.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.users.len()
    }

    /// Returns the user who has this account now.
    pub(super) fn owner(&self, account: &str) -> Option<UserId> {
        self.accounts.get(&account.to_ascii_lowercase()).copied()
    }

    /// Adds a user, on this connection to the login daemon from `peer`. The account must not be in
    /// use. If all places are taken, also returns the user who has to make room: the caller must
    /// [expel](Self::expel) that one.
    pub(super) fn admit(
        &mut self,
        login: ConnectionId,
        peer: IpAddr,
        profile: impl FnOnce(UserId) -> Profile,
    ) -> Result<(Arc<Profile>, Option<UserId>), Denial> {
        let id = UserId(self.ids.take().ok_or(Denial::FULL)?);
        let (limit, each) = (self.limit, self.limit_per_host);
        let (place, loser) = match self.places.admit(Origin::new(peer), limit, each, id) {
            Ok(Admitted::AtOnce(place)) => (place, None),
            Ok(Admitted::InsteadOf { id, payload, .. }) => (id, Some(payload)),
            Err(why) => {
                self.ids.give_back(id.0);
                return Err(match why {
                    Refused::Leaf(..) => Denial::CROWDED,
                    _ => Denial::FULL,
                });
            }
        };
        let profile = Arc::new(profile(id));
        if let Some(account) = &profile.account {
            let name = account.username.to_ascii_lowercase();
            self.accounts.insert(name, id);
        }
        let user = User {
            profile: Arc::clone(&profile),
            place,
            login: Some(login),
            room: None,
            token: None,
        };
        self.users.insert(id, user);
        Ok((profile, loser))
    }

    /// Gives a user a token.
    pub(super) fn issue(&mut self, id: UserId, secret: [u8; 32]) {
        if let Some(user) = self.users.get_mut(&id) {
            let expires = None;
            user.token = Some(Token { secret, expires });
            self.tokens.insert(secret, id);
        }
    }

    /// Handles the end of the connection to the login daemon. The token stays valid for a while,
    /// if there is one and the user did not log out.
    pub(super) fn login_ended(&mut self, id: UserId, logged_out: bool, now: Instant) {
        let Some(user) = self.users.get_mut(&id) else {
            return;
        };
        user.login = None;
        if logged_out {
            if let Some(token) = user.token.take() {
                self.tokens.remove(&token.secret);
            }
        } else if let Some(token) = &mut user.token {
            token.expires = Some(now + self.token_time);
        }
        self.forget(id);
    }

    /// Uses up a token, and returns its user, who then counts as being in a room. The caller must
    /// call [`room_ended`](Self::room_ended) later.
    pub(super) fn redeem(
        &mut self,
        secret: &[u8; 32],
        room: ConnectionId,
        now: Instant,
    ) -> Option<Arc<Profile>> {
        let id = self.tokens.remove(secret)?;
        let user = self.users.get_mut(&id)?;
        let token = user.token.take()?;
        if token.expires.is_some_and(|expires| expires <= now) {
            self.forget(id);
            return None;
        }
        user.room = Some(room);
        Some(Arc::clone(&user.profile))
    }

    /// Handles the end of the connection to a room.
    pub(super) fn room_ended(&mut self, id: UserId) {
        if let Some(user) = self.users.get_mut(&id) {
            user.room = None;
        }
        self.forget(id);
    }

    /// Removes a user, and returns the connections that are still open.
    pub(super) fn expel(&mut self, id: UserId) -> Vec<ConnectionId> {
        let Some(user) = self.users.get_mut(&id) else {
            return Vec::new();
        };
        if let Some(token) = user.token.take() {
            self.tokens.remove(&token.secret);
        }
        let connections = [user.login.take(), user.room.take()];
        self.forget(id);
        connections.into_iter().flatten().collect()
    }

    /// Forgets expired tokens, and users who have nothing else.
    pub(super) fn expire(&mut self, now: Instant) {
        let over = |user: &User| {
            let expires = user.token.and_then(|token| token.expires);
            expires.is_some_and(|expires| expires <= now)
        };
        let over = self.users.iter().filter(|(_, user)| over(user));
        let over: Vec<UserId> = over.map(|(id, _)| *id).collect();
        for id in over {
            let token = self.users.get_mut(&id).and_then(|user| user.token.take());
            if let Some(token) = token {
                self.tokens.remove(&token.secret);
            }
            self.forget(id);
        }
    }

    /// Forgets a user of whom nothing is left.
    fn forget(&mut self, id: UserId) {
        let gone =
            |user: &User| user.login.is_none() && user.room.is_none() && user.token.is_none();
        if !self.users.get(&id).is_some_and(gone) {
            return;
        }
        let Some(User { profile, place, .. }) = self.users.remove(&id) else {
            return;
        };
        if let Some(account) = &profile.account {
            self.accounts.remove(&account.username.to_ascii_lowercase());
        }
        self.places.release(place);
        self.ids.give_back(id.0);
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "any instant will do to begin with"
)]
mod tests {
    use super::*;

    const LOGIN: ConnectionId = ConnectionId(1);
    const ROOM: ConnectionId = ConnectionId(2);
    const SECRET: [u8; 32] = [b'a'; 32];

    fn here() -> IpAddr {
        [192, 0, 2, 7].into()
    }

    fn users() -> Users {
        Users::new(&Limits {
            users: 3,
            users_per_host: 2,
            ..Limits::default()
        })
    }

    fn profile(id: UserId) -> Profile {
        Profile {
            id,
            account: Some(Account {
                username: "bob".to_owned(),
                moderator: false,
                hidden: false,
                sort_order: 0,
            }),
            name: b"Bob".to_vec(),
            primary: Rgb::default(),
            secondary: Rgb::default(),
            login: Login::default(),
        }
    }

    fn bob(users: &mut Users) -> UserId {
        let id = users.admit(LOGIN, here(), profile).unwrap().0.id;
        users.issue(id, SECRET);
        id
    }

    #[test]
    fn a_token_works_once() {
        let (mut users, now) = (users(), Instant::now());
        let id = bob(&mut users);
        assert_eq!(users.redeem(&SECRET, ROOM, now).unwrap().id, id);
        assert_eq!(users.redeem(&SECRET, ROOM, now), None);
        assert_eq!(users.redeem(&[b'b'; 32], ROOM, now), None);
    }

    #[test]
    fn a_token_outlives_the_login_by_its_time() {
        let (mut users, now) = (users(), Instant::now());
        let id = bob(&mut users);
        users.expire(now + Duration::from_secs(3_600));
        users.login_ended(id, false, now);
        users.expire(now + Duration::from_millis(14_999));
        assert_eq!(users.owner("bob"), Some(id));
        let late = now + Duration::from_secs(15);
        assert_eq!(users.redeem(&SECRET, ROOM, late), None);
        assert_eq!(users.owner("bob"), None, "the user is forgotten");
        assert_eq!(users.len(), 0);
    }

    #[test]
    fn logging_out_ends_the_token() {
        let (mut users, now) = (users(), Instant::now());
        let id = bob(&mut users);
        users.login_ended(id, true, now);
        assert_eq!(users.redeem(&SECRET, ROOM, now), None);
        assert_eq!(users.len(), 0);
    }

    #[test]
    fn an_account_is_in_use_while_its_user_exists() {
        let (mut users, now) = (users(), Instant::now());
        let id = bob(&mut users);
        users.redeem(&SECRET, ROOM, now);
        users.login_ended(id, false, now);
        users.expire(now + Duration::from_secs(3_600));
        assert_eq!(users.owner("bob"), Some(id));
        assert_eq!(users.owner("Bob"), Some(id));
        users.room_ended(id);
        assert_eq!(users.owner("bob"), None);
    }

    #[test]
    fn an_expelled_user_leaves_nothing() {
        let (mut users, now) = (users(), Instant::now());
        let id = bob(&mut users);
        assert_eq!(users.expel(id), [LOGIN]);
        assert_eq!(users.redeem(&SECRET, ROOM, now), None);
        assert_eq!((users.owner("bob"), users.len()), (None, 0));
    }

    #[test]
    fn users_are_limited_in_total_and_per_host() {
        let (mut users, now) = (users(), Instant::now());
        let guest = |id| Profile {
            account: None,
            ..profile(id)
        };
        let first = users.admit(LOGIN, here(), guest).unwrap().0.id;
        assert!(users.admit(LOGIN, here(), guest).is_ok());
        assert_eq!(users.admit(LOGIN, here(), guest), Err(Denial::CROWDED));
        let elsewhere = [192, 0, 2, 8].into();
        assert!(users.admit(LOGIN, elsewhere, guest).is_ok());
        assert_eq!(users.admit(LOGIN, elsewhere, guest), Err(Denial::FULL));
        users.login_ended(first, true, now);
        assert!(users.admit(LOGIN, here(), guest).is_ok());
    }

    #[test]
    fn users_who_leave_and_return_are_counted_once() {
        let mut users = users();
        let guest = |id| Profile {
            account: None,
            ..profile(id)
        };
        for _ in 0..2 {
            let ids = [(); 2].map(|()| users.admit(LOGIN, here(), guest).unwrap().0.id);
            assert_eq!(users.admit(LOGIN, here(), guest), Err(Denial::CROWDED));
            users.expel(ids[0]);
            let again = users.admit(LOGIN, here(), guest).unwrap().0.id;
            assert_eq!(users.admit(LOGIN, here(), guest), Err(Denial::CROWDED));
            users.expel(again);
            users.expel(ids[1]);
            assert_eq!(users.places.len(), 0);
        }
    }
}
