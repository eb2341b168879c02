//! Connections to the login daemon, and which players are let in
//! (`docs/specifications/myth-metaserver.md`, section 10).

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Instant,
};

use bytes::Bytes;

use super::Hall;
use crate::{
    accounts::Account,
    aleph_one::{
        UserId,
        denial::Denial,
        event::{Effect, Errand},
        login::{self, Authentication, State, Step},
        names,
        received::{Login, Packet},
        rules::SecondLogin,
        sent::{self, RoomEntry},
        users::Profile,
    },
    peers::{ConnectionId, Ends},
};

impl Hall {
    pub(super) fn login_packet(
        &mut self,
        who: ConnectionId,
        packet: Packet,
        now: Instant,
        effects: &mut Vec<Effect>,
    ) {
        let Some(connection) = self.logins.get_mut(&who) else {
            return;
        };
        let done = match connection.step(packet) {
            Step::Nothing => Ok(()),
            Step::Guest(login) => self.admit(who, login, None, now, effects),
            Step::Ask(login) => self.ask(who, login, effects),
            Step::Check(claim) => {
                effects.push(Effect::Errand(Errand::Check(who, claim)));
                Ok(())
            }
            Step::Finish => self.finish(who, effects),
            Step::Hubs(version) => {
                effects.push(Effect::Errand(Errand::FindHubs(who, version)));
                Ok(())
            }
            Step::Leave { logged_out } => {
                self.end(who, logged_out, now, effects);
                effects.push(Effect::Close(who));
                Ok(())
            }
            Step::Deny(denial) => Err(denial),
        };
        self.denied(who, done, now, effects);
    }

    /// Asks for a password, unless the login would be refused anyway.
    fn ask(
        &mut self,
        who: ConnectionId,
        login: Box<Login>,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Denial> {
        self.served(&login)?;
        let taken = self.users.owner(&login::username(&login)).is_some();
        if taken && self.rules.second_login == SecondLogin::Refuse {
            return Err(Denial::LOGGED_IN);
        }
        let authentication = match self.rules.https && login.authentication >= 4 {
            true => Authentication::Token,
            false => Authentication::Plain,
        };
        let salt = sent::salt(authentication as u16, &self.secrets.salt());
        effects.push(Effect::Send(who, salt));
        self.become_(who, State::NeedPassword(login, authentication));
        Ok(())
    }

    /// Admits a guest, or the owner of an account who has proved it. From here on the account is
    /// in use.
    pub(super) fn admit(
        &mut self,
        who: ConnectionId,
        login: Box<Login>,
        account: Option<Account>,
        now: Instant,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Denial> {
        self.served(&login)?;
        let Some(ends) = self.logins.get(&who).map(|login| login.ends) else {
            return Ok(());
        };
        let limit = self.rules.limits.name_bytes;
        let name = match &account {
            None => {
                self.kept_out.guest(ends.peer, now)?;
                login::guest_name(&login, limit)
            }
            Some(Account { username, .. }) => {
                self.kept_out.account(username, now)?;
                names::registered(&login.player.name, &login.username, limit)
            }
        };
        self.open_rooms(account.is_none(), ends.peer)?;
        if let Some(owner) = account
            .as_ref()
            .and_then(|it| self.users.owner(&it.username))
        {
            match self.rules.second_login {
                SecondLogin::Refuse => return Err(Denial::LOGGED_IN),
                SecondLogin::Displace => self.displace(owner, now, effects),
            }
        }
        let admitted = self.users.admit(who, ends.peer, |id| Profile {
            id,
            account,
            name,
            primary: login.player.primary,
            secondary: login.player.secondary,
            login: *login,
        });
        let total = self.rules.limits.users;
        let (profile, loser) = admitted.inspect_err(|refusal| {
            if *refusal == Denial::FULL {
                self.crowded.refused(total, &refusal.text, now);
            }
        })?;
        if let Some(loser) = loser {
            self.crowded.replaced(total, now);
            for connection in self.users.expel(loser) {
                self.make_room(connection, now, effects);
            }
        }
        effects.push(Effect::Send(who, sent::ACCEPT));
        self.become_(who, State::NeedVersion(profile));
        Ok(())
    }

    /// Disconnects the player who is logged in to an account, and forgets that player.
    fn displace(&mut self, owner: UserId, now: Instant, effects: &mut Vec<Effect>) {
        for connection in self.users.expel(owner) {
            effects.push(Effect::Send(connection, Denial::DISPLACED.frame()));
            self.end(connection, true, now, effects);
            effects.push(Effect::Close(connection));
        }
    }

    /// Sends the token and the rooms.
    fn finish(&mut self, who: ConnectionId, effects: &mut Vec<Effect>) -> Result<(), Denial> {
        let Some((profile, ends)) = self.logins.get(&who).and_then(|connection| {
            let profile = Arc::clone(connection.profile()?);
            Some((profile, connection.ends))
        }) else {
            return Ok(());
        };
        let open = self.open_rooms(profile.account.is_none(), ends.peer)?;
        let rooms = self.room_list(&open, &ends).ok_or(Denial::NO_ADDRESS)?;
        let token = self.secrets.token();
        self.users.issue(profile.id, token);
        effects.push(Effect::Send(
            who,
            sent::login_successful(profile.id, &token),
        ));
        effects.push(Effect::Send(who, rooms));
        self.become_(who, State::LoggedIn(profile));
        Ok(())
    }

    /// Returns the list of these rooms, or `None` if we have no address that this client can use.
    pub(super) fn room_list(&self, rooms: &[usize], ends: &Ends) -> Option<Bytes> {
        let address = self.room_address(ends)?;
        let entry = |position: &usize| self.rooms[*position].entry(address, self.ports[*position]);
        let rooms: Vec<RoomEntry> = rooms.iter().map(entry).collect();
        Some(sent::rooms(&rooms))
    }

    /// Returns the address of the rooms for this client. Clients know only IPv4.
    fn room_address(&self, ends: &Ends) -> Option<Ipv4Addr> {
        let local = match ends.local.ip().to_canonical() {
            IpAddr::V4(local) => Some(local),
            IpAddr::V6(_) => None,
        };
        self.rules.public_address.or(local)
    }

    /// Returns the rooms that have a place for this player, in order.
    pub(super) fn open_rooms(&self, guest: bool, peer: IpAddr) -> Result<Vec<usize>, Denial> {
        let admits = |position: &usize| !guest || self.rooms[*position].admits_guests();
        let rooms: Vec<usize> = (0..self.rooms.len()).filter(admits).collect();
        if rooms.is_empty() {
            return Err(Denial::NO_GUESTS);
        }
        let has_place = |position: &usize| self.rooms[*position].has_place(peer);
        let open: Vec<usize> = rooms.into_iter().filter(has_place).collect();
        match open.is_empty() {
            true => Err(Denial::FULL),
            false => Ok(open),
        }
    }

    fn served(&self, login: &Login) -> Result<(), Denial> {
        match &self.rules.service {
            Some(service) if service.as_bytes() != login.service => Err(Denial::NOT_SERVED),
            _ => Ok(()),
        }
    }

    fn become_(&mut self, who: ConnectionId, state: State) {
        if let Some(connection) = self.logins.get_mut(&who) {
            connection.state = state;
        }
    }
}
