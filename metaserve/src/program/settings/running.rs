//! The settings of a running program, read again when the operator asks for it.

use super::{Given, Mistakes, Settings, Settled, Values, declared::Declared};
use crate::program::{
    Signals,
    log::{self, Log},
    service::{self, State},
};
use std::sync::{Mutex, PoisonError};

/// The settings of a running program, and its log, which follows them.
#[derive(Debug)]
pub struct Running<S> {
    given: Given<S>,
    log: Log,
    started: Values,
    now: Mutex<Values>,
}

impl<S: Settings> Running<S> {
    /// Settles the given settings, and starts the log.
    ///
    /// # Errors
    /// When the settings have mistakes, or the log cannot be started.
    ///
    /// # Panics
    /// When a log has been started before.
    pub fn start(given: Given<S>) -> Result<(S, Self), Mistakes> {
        let Settled { settings, values } = given.settle()?;
        let (filter, format) = settings.log();
        let log = log::init(filter, format).map_err(|error| Mistakes::of(&error))?;
        let (started, now) = (values.clone(), Mutex::new(values));
        let running = Self {
            given,
            log,
            started,
            now,
        };
        Ok((settings, running))
    }

    /// Waits for SIGTERM or SIGINT, and notifies the service manager when the program reloads, is
    /// ready again, and stops; the program itself sends the first notification that it is ready.
    /// On SIGHUP the settings are read again and passed to `adopt`, or `None` if they have
    /// mistakes. `status` describes the program's state in one line.
    pub async fn until_stopped(
        &self,
        signals: Signals,
        status: impl Fn() -> String,
        adopt: impl AsyncFn(Option<S>),
    ) {
        let reload = async || {
            service::tell(State::Reloading);
            match self.read() {
                Ok(Settled { settings, values }) => {
                    adopt(Some(settings)).await;
                    self.report(values);
                }
                Err(mistakes) => {
                    for mistake in mistakes.iter() {
                        tracing::error!("keeping the running configuration: {mistake}");
                    }
                    adopt(None).await;
                }
            }
            service::tell(State::Ready(&status()));
        };
        signals.serve_until_stopped(reload).await;
        service::tell(State::Stopping);
    }

    /// Reads file and environment again, and applies the new log filter.
    fn read(&self) -> Result<Settled<S>, Mistakes> {
        let settled = self.given.settle()?;
        let (filter, _) = settled.settings.log();
        let set = self.log.set_filter(filter);
        set.map_err(|error| Mistakes::of(&error))?;
        Ok(settled)
    }

    /// Logs which settings have changed, and which need a restart.
    fn report(&self, values: Values) {
        let live = Declared::of::<S::Live>();
        let is_live = |name: &&str| live.find(name).is_some();
        let flags = |names: Vec<&str>| {
            let flags = names.iter().map(|name| format!("--{name}"));
            flags.collect::<Vec<_>>().join(", ")
        };
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        let changed: Vec<_> = now.differing(&values).filter(is_live).collect();
        let changed = match changed.is_empty() {
            true => "nothing has changed".to_owned(),
            false => format!("{} changed", flags(changed)),
        };
        tracing::info!("the configuration was reloaded: {changed}");
        let differ = self.started.differing(&values);
        let fixed: Vec<_> = differ.filter(|name| !is_live(name)).collect();
        if !fixed.is_empty() {
            tracing::warn!("needs a restart: {}", flags(fixed));
        }
        *now = values;
    }
}
