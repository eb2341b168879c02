//! Runs the scripts of objects: functions such as `on_activate(me, player)` in files
//! `scripts/NAME.rhai`. SCRIPTS.md is the page for those who write them.
//!
//! ```text
//!  scripts/*.rhai ──▶ library: reads, compiles, watches; one for the process
//!                         │ compiled scripts, between ticks
//!                         ▼
//!  Call ──▶ Scripts: a sandboxed engine for each zone ──▶ wishes, memory
//! ```

mod act;
mod functions;
mod helpers;
mod library;
mod sandbox;
mod thing;
mod watch;

pub(crate) use library::Library;

use crate::{
    ids::MapName,
    world::hooks::{Answer, Call, Failure, Hooks},
};
use act::Act;
use helpers::Helpers;
use library::Compiled;
use parking_lot::Mutex;
use rhai::{AST, CallFnOptions, Dynamic, Engine, Scope};
use std::{collections::BTreeMap, fmt, sync::Arc};

/// The scripts of one zone.
pub(crate) struct Scripts {
    library: Arc<Library>,
    /// Up to which change of the library these scripts are.
    seen: u64,
    scripts: BTreeMap<MapName, Compiled>,
    engine: Engine,
    /// The call that is being done; the engine's helper functions share it.
    act: Arc<Mutex<Act>>,
}

impl Scripts {
    pub(crate) fn new(library: Arc<Library>) -> Self {
        let act = Arc::default();
        library.watch();
        let engine = Helpers::new(&act, &library.maps).engine;
        let mut scripts = Self {
            library,
            seen: 0,
            scripts: BTreeMap::new(),
            engine,
            act,
        };
        scripts.edited();
        scripts
    }

    fn run(&self, ast: &AST, call: &Call<'_>) -> Result<Answer, Failure> {
        *self.act.lock() = Act::begin(call)?;
        let options = CallFnOptions::new().eval_ast(false);
        let (name, arguments) = functions::arguments(call);
        let returned: Dynamic = self
            .engine
            .call_fn_with_options(options, &mut Scope::new(), ast, name, arguments)
            .map_err(|error| sandbox::failure(*error))?;
        let act = std::mem::take(&mut *self.act.lock());
        act.end(call, returned.as_bool().unwrap_or(false))
    }
}

impl Hooks for Scripts {
    fn call(&mut self, script: &MapName, call: &Call<'_>) -> Result<Option<Answer>, Failure> {
        let Some(compiled) = self.scripts.get(script) else {
            let why = format!("there is no script {script}");
            return Err(Failure { line: None, why });
        };
        let script = compiled.as_ref().map_err(Failure::clone)?;
        let Some(&(_, line)) = script.hooks.iter().find(|it| it.0 == call.hook) else {
            return Ok(None);
        };
        let answer = self.run(&script.ast, call).map_err(|failure| Failure {
            line: failure.line.or(line),
            why: failure.why,
        })?;
        Ok(Some(answer))
    }

    fn edited(&mut self) -> Vec<MapName> {
        let (seen, edited) = self.library.since(self.seen);
        self.seen = seen;
        let names = edited.iter().map(|(name, _)| name.clone()).collect();
        self.scripts.extend(edited);
        names
    }
}

impl fmt::Debug for Scripts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Scripts")
            .field("seen", &self.seen)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
