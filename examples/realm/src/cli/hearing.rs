//! What happens to the character, in words.

use crate::{
    client::{Client, News, State},
    messages::Scope,
};
use tokio::sync::{
    broadcast::{self, error::TryRecvError},
    watch,
};

/// What the player hears. Nothing, while they play nobody.
#[derive(Default)]
pub(super) struct Hearing {
    from: Option<(broadcast::Receiver<News>, watch::Receiver<State>)>,
    /// Whether the end of a walk is told by the command that began it.
    is_quiet: bool,
}

impl Hearing {
    pub(super) fn of(client: &Client) -> Self {
        Self {
            from: Some((client.news(), client.state())),
            is_quiet: false,
        }
    }

    /// Whether the end of a walk is left out.
    pub(super) fn quiet(self, is_quiet: bool) -> Self {
        Self { is_quiet, ..self }
    }

    /// The next thing to be told. Cancel-safe. Waits forever if the player plays nobody.
    pub(super) async fn next(&mut self) -> String {
        loop {
            let Some((news, _)) = &mut self.from else {
                return std::future::pending().await;
            };
            match news.recv().await {
                Ok(news) => {
                    if let Some(text) = self.words(news) {
                        return text;
                    }
                }
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => self.from = None,
            }
        }
    }

    /// The next thing that has happened by now.
    pub(super) fn now(&mut self) -> Option<String> {
        loop {
            let (news, _) = self.from.as_mut()?;
            match news.try_recv() {
                Ok(news) => {
                    if let Some(text) = self.words(news) {
                        return Some(text);
                    }
                }
                Err(TryRecvError::Lagged(_)) => {}
                Err(TryRecvError::Empty) => return None,
                Err(TryRecvError::Closed) => self.from = None,
            }
        }
    }

    fn words(&self, news: News) -> Option<String> {
        Some(match news {
            News::Said {
                scope: Scope::Zone,
                from,
                text,
            } => format!("{from}: {text}"),
            News::Said {
                scope: Scope::All,
                from,
                text,
            } => format!("{from} shouts: {text}"),
            News::Said {
                scope: Scope::To(_),
                from,
                text,
            } => format!("{from} whispers: {text}"),
            News::Told(text) => text,
            // The command says it.
            News::Refused { seq, .. } if seq != 0 => return None,
            News::Refused { why, .. } => format!("refused: {why}"),
            News::Moved(zone) => format!("you are in {zone} now"),
            News::Stopped(_) if self.is_quiet => return None,
            News::Stopped(by) => {
                let (_, state) = self.from.as_ref()?;
                stopped(&state.borrow(), by.as_deref())
            }
            News::Lost(why) => format!("(the connection is lost: {why}; connecting again)"),
            News::Back => "(the connection is back)".to_owned(),
        })
    }
}

/// Where a walk has ended.
pub(super) fn stopped(state: &State, by: Option<&str>) -> String {
    let at = match state.me() {
        Some(me) => format!("you are at {:.1} {:.1}", me.x, me.y),
        None => "you are on your way".to_owned(),
    };
    match by {
        Some(by) => format!("{at}: {by} stands in your way"),
        None => at,
    }
}
