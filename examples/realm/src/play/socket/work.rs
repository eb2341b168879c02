//! What a socket does about a frame.

use super::{End, Player, Socket, words::Reader};
use crate::{
    ids::{Name, ZoneId},
    log::Whereabouts,
    messages::Down,
    play::{
        Play,
        session::{Stage, Step},
        sessions::{self, Holder, Playing, Refusal, Seat},
        text::{Frame, Wish},
    },
};
use axum::extract::ws::Message;
use metaserve::time::now;
use std::{pin::Pin, sync::Arc};

/// Work on a frame, during which no other frame is read.
pub(super) type Work = Pin<Box<dyn Future<Output = Done> + Send>>;

/// What has come of it.
pub(super) enum Done {
    Hello(Result<(Arc<Seat>, Holder), Refusal>),
    Enter(Result<(Playing, Whereabouts), Refusal>),
    Accept(u64, Result<Option<ZoneId>, Refusal>),
    Bye,
}

impl Socket {
    pub(super) async fn frame(&mut self, frame: Message) -> Result<(), End> {
        if self.conversation.stage() != Stage::New {
            self.heard = now();
        }
        let step = match &frame {
            Message::Text(text) => self.conversation.frame(Frame::Text(text), now()),
            Message::Binary(_) => self.conversation.frame(Frame::Binary, now()),
            Message::Ping(_) | Message::Pong(_) => {
                self.conversation.counted(now());
                return Ok(());
            }
            Message::Close(_) => return Err(End::Broken),
        };
        match step {
            Step::Hello(ticket, resume) => {
                self.ticket = ticket.0.into();
                self.work(|play, ticket, _| async move {
                    Done::Hello(sessions::hello(&play, &ticket, resume, Holder::Socket).await)
                });
                Ok(())
            }
            Step::Watch(zone) => self.watch(&zone).await,
            Step::Enter(name) => {
                self.work(|play, ticket, seat| async move {
                    let seat = seat.ok_or_else(no_seat);
                    Done::Enter(match seat {
                        Ok(seat) => sessions::enter(&play, &seat, &ticket, &name).await,
                        Err(refusal) => Err(refusal),
                    })
                });
                Ok(())
            }
            Step::Wish(seq, wish) => {
                let me = self.me();
                self.work(|play, ticket, seat| accept(play, ticket, seat, me, seq, wish));
                Ok(())
            }
            Step::Bye => {
                self.work(|play, _, seat| async move {
                    if let Some(seat) = seat {
                        sessions::end(&play, &seat).await;
                    }
                    Done::Bye
                });
                Ok(())
            }
            Step::Refuse(seq, why) => self.down(&Down::Refused { seq, why }).await,
            Step::Close(why) => Err(End::Close(why)),
        }
    }

    /// Begins work on a frame.
    fn work<F>(&mut self, work: impl FnOnce(Arc<Play>, Arc<str>, Option<Arc<Seat>>) -> F)
    where
        F: Future<Output = Done> + Send + 'static,
    {
        let seat = self.player.as_ref().map(|it| it.seat.clone());
        let work = work(self.play.clone(), self.ticket.clone(), seat);
        self.work = Some(Box::pin(work));
        self.since = Some(now());
    }

    pub(super) async fn done(&mut self, done: Done) -> Result<(), End> {
        match done {
            Done::Hello(Ok((seat, holder))) => {
                self.conversation.reached(Stage::Ready);
                let ready = Down::Ready {
                    session: seat.session.clone(),
                    account: seat.account.clone(),
                };
                self.player = Some(Player {
                    seat,
                    holder,
                    playing: None,
                });
                self.down(&ready).await
            }
            Done::Hello(Err(refusal)) => Err(End::Over(refusal.to_string())),
            Done::Enter(Ok((playing, whereabouts))) => self.entered(playing, whereabouts).await,
            Done::Enter(Err(Refusal::Over(why))) => Err(End::Over(why)),
            Done::Enter(Err(refusal)) => {
                let why = refusal.to_string();
                self.down(&Down::Refused { seq: 0, why }).await
            }
            Done::Accept(seq, Ok(zone)) => {
                self.down(&Down::Ack { seq }).await?;
                match zone {
                    Some(zone) => self.go_along(&zone).await,
                    None => Ok(()),
                }
            }
            Done::Accept(_, Err(Refusal::Over(why))) => {
                if let Some(player) = &self.player {
                    sessions::forget(&self.play, &player.seat);
                }
                Err(End::Over(why))
            }
            Done::Accept(seq, Err(refusal)) => {
                let why = refusal.to_string();
                self.down(&Down::Refused { seq, why }).await
            }
            Done::Bye => Err(End::Over("goodbye".into())),
        }
    }

    async fn entered(&mut self, playing: Playing, at: Whereabouts) -> Result<(), End> {
        self.conversation.reached(Stage::Playing);
        let entered = Down::Entered {
            character: playing.character.clone(),
            zone: at.zone.clone(),
            seq: at.seq,
        };
        if let Some(player) = &mut self.player {
            let mail = Reader {
                cursor: 0,
                newest: playing.mail.feed.subscribe(),
            };
            player.playing = Some((playing, mail));
        }
        self.down(&entered).await?;
        self.look(&at.zone).await?;
        self.whispers().await
    }

    async fn watch(&mut self, zone: &ZoneId) -> Result<(), End> {
        match self.play.may_watch(zone) {
            Ok(permit) => self.permit = Some(permit),
            Err(why) => return self.down(&Down::Refused { seq: 0, why }).await,
        }
        self.conversation.reached(Stage::Watching);
        self.heard = now();
        self.look(zone).await
    }
}

async fn accept(
    play: Arc<Play>,
    ticket: Arc<str>,
    seat: Option<Arc<Seat>>,
    me: Option<Name>,
    seq: u64,
    wish: Wish,
) -> Done {
    let accepted = match (seat, me) {
        (Some(seat), Some(me)) => sessions::accept(&play, &seat, &ticket, &me, seq, wish).await,
        _ => Err(no_seat()),
    };
    Done::Accept(seq, accepted)
}

fn no_seat() -> Refusal {
    Refusal::No("say hello with a ticket first".into())
}
