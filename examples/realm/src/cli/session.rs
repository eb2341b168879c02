//! What the prompt's commands do.

use super::{
    Hosts,
    command::{Command, VERBS, verb},
    hearing::{Hearing, stopped},
    map, reach,
    things::{around, carried, distance, find},
};
use crate::{
    client::{Account, ApiError, Client, State, Wish},
    ids::{Name, ObjectId},
    messages::Scope,
    object::Seen,
    zones,
};
use metaserve::program::table::Table;
use std::{fmt::Display, sync::Arc};

/// How much of what is around is listed.
const LOOK: usize = 20;

/// Who the player is at the moment.
pub(super) struct Session {
    gateways: Vec<String>,
    hosts: Option<Arc<dyn Hosts>>,
    is_terminal: bool,
    account: Option<Arc<Account>>,
    client: Option<Client>,
}

/// What a command has led to.
pub(super) enum Reply {
    /// A text, empty if all has been told already.
    Said(String),
    /// The player plays a character, and hears what happens to it.
    Entered(String, Hearing),
    Quit,
}

impl Session {
    pub(super) fn new(
        gateways: Vec<String>,
        hosts: Option<Arc<dyn Hosts>>,
        is_terminal: bool,
    ) -> Self {
        Self {
            gateways,
            hosts,
            is_terminal,
            account: None,
            client: None,
        }
    }

    /// Whether a walk is waited for.
    pub(super) const fn waits(&self) -> bool {
        !self.is_terminal
    }

    /// What stands before the cursor.
    pub(super) fn prompt(&self) -> String {
        match (&self.client, &self.account) {
            (Some(client), _) => format!("{}> ", client.state().borrow().character),
            (None, Some(account)) => format!("({})> ", account.name()),
            (None, None) => "> ".to_owned(),
        }
    }

    /// What can be named at the moment.
    pub(super) fn words(&self) -> Vec<String> {
        let Some(client) = &self.client else {
            return Vec::new();
        };
        let state = client.state();
        let state = state.borrow();
        let around = around(&state).into_iter().map(|it| &it.name);
        let carried = state.sheet.inventory.iter().map(|it| &it.name);
        let mut names: Vec<String> = around.chain(carried).cloned().collect();
        names.sort();
        names.dedup();
        names
    }

    /// Leaves the world.
    pub(super) async fn leave(&mut self) {
        if let Some(client) = self.client.take() {
            client.bye().await;
        }
    }

    /// Carries out a command, and waits until the world has done it.
    pub(super) async fn carry_out(&mut self, command: Command) -> Result<Reply, String> {
        let text = match command {
            Command::Help(about) => help(about.as_deref())?,
            Command::Register { name, password } => {
                let password = self.password(&name, password, true).await?;
                let made = Account::register(&self.gateways, &name, &password).await;
                made.map_err(hinted)?;
                format!("the account {name} is made: `login {name}`")
            }
            Command::LogIn { name, password } => {
                let password = self.password(&name, password, false).await?;
                let account = Account::log_in(&self.gateways, &name, &password).await;
                let account = account.map_err(hinted)?;
                self.leave().await;
                self.account = Some(account);
                format!("you are logged in as {name}: `create NAME` makes a character")
            }
            Command::LogOut => {
                self.account()?;
                self.leave().await;
                let account = self.account.take().ok_or("you are not logged in")?;
                account.log_out().await.map_err(hinted)?;
                "you are logged out".to_owned()
            }
            Command::Characters => self.characters().await?,
            Command::Create(name) => {
                self.account()?.create(&name).await.map_err(hinted)?;
                return self.enter(name).await;
            }
            Command::Enter(name) => return self.enter(name).await,
            Command::Map => self.see(map::draw)?,
            Command::Look => self.see(look)?,
            Command::Move { dx, dy } => self.walk(dx, dy).await?,
            Command::Detail(thing) => {
                self.see(|state| find(state, &thing).map(|it| detail(state, it)))??
            }
            Command::Activate(thing) => {
                let id = self.thing(&thing)?;
                self.reach(&id, Wish::Activate(id.clone())).await?
            }
            Command::Take(thing) => {
                let id = self.thing(&thing)?;
                self.reach(&id, Wish::Take(id.clone())).await?;
                self.see(inventory)?
            }
            Command::Drop(item) => {
                let id = self.item(&item)?;
                self.send(Wish::Drop(id)).await?;
                self.see(inventory)?
            }
            Command::Use { item, on } => {
                let id = self.item(&item)?;
                match on.map(|it| self.thing(&it)).transpose()? {
                    Some(on) => {
                        let wish = Wish::Use {
                            id,
                            on: Some(on.clone()),
                        };
                        self.reach(&on, wish).await?
                    }
                    None => self.send(Wish::Use { id, on: None }).await?,
                }
            }
            Command::Inventory => self.see(inventory)?,
            Command::Me => self.see(sheet)?,
            Command::Status(text) => self.send(Wish::Status(text)).await?,
            Command::Say(text) => self.say(Scope::Zone, text).await?,
            Command::Shout(text) => self.say(Scope::All, text).await?,
            Command::Whisper { to, text } => {
                let told = format!("you whisper to {to}: {text}");
                self.say(Scope::To(to), text).await?;
                told
            }
            Command::Zones => zones::table(&self.gateways).await.map_err(hinted)?,
            Command::Who => self.see(who)?,
            Command::Kill(host) => match &self.hosts {
                Some(hosts) => hosts.kill(&host).await?,
                None => return Err("`kill` is for the prompt of `realm dev`".to_owned()),
            },
            Command::Quit => return Ok(Reply::Quit),
        };
        Ok(Reply::Said(text))
    }

    fn account(&self) -> Result<&Arc<Account>, String> {
        let account = self.account.as_ref();
        account.ok_or_else(|| "log in first: `login NAME`".to_owned())
    }

    fn client(&self) -> Result<&Client, String> {
        let client = self.client.as_ref();
        client.ok_or_else(|| match &self.account {
            Some(_) => "enter the world first: `enter NAME`, or `create NAME`".to_owned(),
            None => "log in first: `login NAME`".to_owned(),
        })
    }

    /// The password that was given, or else what is typed now without being shown.
    async fn password(
        &self,
        name: &Name,
        given: Option<String>,
        is_new: bool,
    ) -> Result<String, String> {
        if let Some(password) = given {
            return Ok(password);
        }
        if !self.is_terminal {
            return Err("give the password after the name: there is no terminal to ask at".into());
        }
        let name = name.clone();
        let ask = move || {
            let password = rpassword::prompt_password(format!("password of {name}: "))?;
            let again = match is_new {
                true => rpassword::prompt_password("the same again: ")?,
                false => password.clone(),
            };
            Ok::<_, std::io::Error>((password == again).then_some(password))
        };
        match tokio::task::spawn_blocking(ask).await {
            Ok(Ok(Some(password))) => Ok(password),
            Ok(Ok(None)) => Err("the two passwords are not the same".to_owned()),
            Ok(Err(error)) => Err(format!("cannot read the password: {error}")),
            Err(error) => Err(error.to_string()),
        }
    }

    async fn characters(&self) -> Result<String, String> {
        let all = self.account()?.characters().await.map_err(hinted)?;
        if all.is_empty() {
            return Ok("you have no character: `create NAME`".to_owned());
        }
        let mut table = Table::new(["NAME", "ZONE", "LEVEL"]);
        for row in all {
            table.row([
                row.name.to_string(),
                row.zone.to_string(),
                row.level.to_string(),
            ]);
        }
        Ok(table.to_string().trim_end().to_owned())
    }

    async fn enter(&mut self, name: Name) -> Result<Reply, String> {
        let account = self.account()?.clone();
        self.leave().await;
        let client = Client::enter(self.gateways.clone(), account, name).await;
        let client = client.map_err(|error| error.to_string())?;
        let hearing = Hearing::of(&client);
        let text = {
            let state = client.state();
            let state = state.borrow();
            let zone = state.zone.as_ref().map(ToString::to_string);
            let zone = zone.unwrap_or_default();
            let title = state
                .place
                .as_ref()
                .map_or(zone.as_str(), |it| it.title.as_str());
            let name = state.me().map_or(state.character.as_str(), |it| &it.name);
            format!("you are {name}, in {title} ({zone}): `map` draws it")
        };
        self.client = Some(client);
        Ok(Reply::Entered(text, hearing))
    }

    fn see<T>(&self, what: impl FnOnce(&State) -> T) -> Result<T, String> {
        let state = self.client()?.state();
        let state = state.borrow();
        match state.ended() {
            Some(why) => Err(format!("{why}: `enter {}` comes back", state.character)),
            None => Ok(what(&state)),
        }
    }

    fn thing(&self, word: &str) -> Result<ObjectId, String> {
        self.see(|state| find(state, word).map(|it| it.id.clone()))?
    }

    fn item(&self, word: &str) -> Result<ObjectId, String> {
        self.see(|state| carried(state, word).map(|it| it.id.clone()))?
    }

    async fn send(&self, wish: Wish) -> Result<String, String> {
        let client = self.client()?;
        let sent = client.send(wish).await.map_err(said)?;
        client.done(sent).await.map_err(said)?;
        Ok(String::new())
    }

    /// Does something with a thing, beside which the character stands then.
    async fn reach(&self, thing: &ObjectId, wish: Wish) -> Result<String, String> {
        reach::act(self.client()?, thing, wish).await?;
        Ok(String::new())
    }

    async fn say(&self, scope: Scope, text: String) -> Result<String, String> {
        self.send(Wish::Say { scope, text }).await
    }

    async fn walk(&self, dx: f64, dy: f64) -> Result<String, String> {
        self.send(Wish::Move { dx, dy }).await?;
        if self.is_terminal {
            return Ok("you walk".to_owned());
        }
        let by = self.client()?.still().await.map_err(said)?;
        self.see(|state| stopped(state, by.as_deref()))
    }
}

fn said(error: impl Display) -> String {
    error.to_string()
}

/// What to do about it, if no gateway can be reached.
fn hinted(error: ApiError) -> String {
    match error {
        ApiError::Away { .. } => {
            format!("{error}: start a world with `realm dev`, or name its gateway with --gateway")
        }
        ApiError::Refused(why) => why,
    }
}

fn help(about: Option<&str>) -> Result<String, String> {
    if let Some(word) = about {
        let verb = verb(word)?;
        let usage = format!("{} {}", verb.name, verb.arguments);
        return Ok(format!("{}\n  {}", usage.trim_end(), verb.help));
    }
    let mut text = String::new();
    for verb in &VERBS {
        let usage = format!("{} {}", verb.name, verb.arguments);
        let first = verb.help.split_once(". ").map_or(verb.help, |it| it.0);
        text.push_str(&format!(
            "  {:28}{}\n",
            usage.trim_end(),
            first.trim_end_matches('.')
        ));
    }
    Ok(text + "`help COMMAND` says more. A beginning is enough: `inv`.")
}

/// Where something is from the character.
fn direction(me: &Seen, it: &Seen) -> String {
    let (dx, dy) = (it.x - me.x, it.y - me.y);
    let far = dx.hypot(dy);
    let part = |length: f64, positive, negative| match length {
        _ if length.abs() < far * 0.38 => "",
        _ if length > 0.0 => positive,
        _ => negative,
    };
    let word = [part(dy, "south", "north"), part(dx, "east", "west")].concat();
    match far < 0.1 {
        true => "here".to_owned(),
        false => format!("{far:.1} m {word}"),
    }
}

fn look(state: &State) -> String {
    let Some(me) = state.me() else {
        return "you are nowhere".to_owned();
    };
    let around = around(state);
    if around.is_empty() {
        return "there is nothing around you".to_owned();
    }
    let mut table = Table::new(["NAME", "KIND", "WHERE", "STATUS"]);
    for it in around.iter().take(LOOK) {
        table.row([
            it.name.clone(),
            it.kind.clone(),
            direction(me, it),
            it.status.clone(),
        ]);
    }
    let mut text = table.to_string().trim_end().to_owned();
    if around.len() > LOOK {
        text.push_str(&format!("\nand {} more", around.len() - LOOK));
    }
    text
}

fn detail(state: &State, it: &Seen) -> String {
    let mut text = format!(
        "{}: {} {}\nat {:.1} {:.1}, {:.1} m away, {:.1} m wide",
        it.name,
        it.kind,
        it.id,
        it.x,
        it.y,
        distance(state.me(), it),
        it.radius * 2.0,
    );
    if !it.status.is_empty() {
        text.push_str(&format!("\nstatus: {}", it.status));
    }
    if let Some(level) = it.level {
        text.push_str(&format!("\nlevel: {level}"));
    }
    if let Some(health) = it.health {
        text.push_str(&format!("\nhealth: {health}"));
    }
    text
}

fn inventory(state: &State) -> String {
    let all = &state.sheet.inventory;
    if all.is_empty() {
        return "you carry nothing".to_owned();
    }
    let names = all.iter().map(|it| it.name.as_str());
    format!("you carry: {}", names.collect::<Vec<_>>().join(", "))
}

fn sheet(state: &State) -> String {
    let sheet = &state.sheet;
    let zone = state.zone.as_ref().map(ToString::to_string);
    let name = state.me().map_or(state.character.as_str(), |it| &it.name);
    let mut text = format!("{name}, in {}", zone.unwrap_or_default());
    if let Some(me) = state.me() {
        text.push_str(&format!(", at {:.1} {:.1}", me.x, me.y));
    }
    let sheet = format!(
        "\nlevel {}, experience {}, health {}, strength {}\n{}",
        sheet.level,
        sheet.experience,
        sheet.health,
        sheet.strength,
        inventory(state)
    );
    text + sheet.as_str()
}

fn who(state: &State) -> String {
    let players = state.objects.values().filter(|it| it.kind == "player");
    let mut table = Table::new(["NAME", "LEVEL", "STATUS"]);
    for it in players {
        let level = it.level.map(|it| it.to_string());
        table.row([
            it.name.clone(),
            level.unwrap_or_default(),
            it.status.clone(),
        ]);
    }
    table.to_string().trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::testing::seen;

    #[test]
    fn directions_are_those_of_the_map() {
        let me = seen("@ann", "player", "Ann", 10.0, 10.0);
        for (x, y, expected) in [
            (13.0, 10.0, "3.0 m east"),
            (10.0, 6.0, "4.0 m north"),
            (13.0, 14.0, "5.0 m southeast"),
            (10.0, 10.0, "here"),
        ] {
            assert_eq!(direction(&me, &seen("x", "hen", "x", x, y)), expected);
        }
    }

    #[test]
    fn help_names_every_command_and_explains_each() {
        let all = help(None).unwrap();
        for verb in &VERBS {
            assert!(all.contains(verb.name), "{}", verb.name);
            assert!(help(Some(verb.name)).unwrap().contains(verb.help));
        }
        assert!(help(Some("dance")).is_err());
    }
}
