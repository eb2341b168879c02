//! What no script gets out of: no files, modules or clock, and an end to each call.

use super::functions::FUNCTIONS;
use crate::world::hooks::{Failure, Hook};
use rhai::{
    AST, Engine, EvalAltResult, OptimizationLevel, Position,
    packages::{Package, StandardPackage},
};
use std::time::{Duration, Instant};

/// The most operations of one call.
pub(super) const MAX_OPERATIONS: u64 = 100_000;

/// The longest that a call works.
const MAX_TIME: Duration = Duration::from_millis(500);

/// After how many operations the clock is looked at.
pub(super) const PACE: u64 = 64;

/// The deepest that functions call each other. Also small enough for the stack of a thread in a
/// debug build.
const MAX_CALLS: usize = 16;

/// The deepest that expressions and blocks are nested.
const MAX_DEPTH: usize = 32;

/// The longest text, in bytes; of an array or map, all its texts together.
const MAX_TEXT: usize = 2048;

/// The most elements of an array or a map, those of nested ones among them. An operation can copy
/// a whole one, so this also bounds how long an operation takes.
const MAX_ELEMENTS: usize = 128;

/// An engine that scripts can be compiled with.
pub(super) fn engine() -> Engine {
    let mut engine = Engine::new_raw();
    engine.register_global_module(StandardPackage::new().as_shared_module());
    engine
        .disable_symbol("eval")
        .set_optimization_level(OptimizationLevel::None)
        .set_strict_variables(true)
        .set_max_operations(MAX_OPERATIONS)
        .set_max_call_levels(MAX_CALLS)
        .set_max_expr_depths(MAX_DEPTH, MAX_DEPTH)
        .set_max_string_size(MAX_TEXT)
        .set_max_array_size(MAX_ELEMENTS)
        .set_max_map_size(MAX_ELEMENTS)
        .set_max_variables(MAX_ELEMENTS)
        .set_max_functions(MAX_ELEMENTS);
    engine.on_print(|text| tracing::debug!("a script prints: {text}"));
    engine.on_debug(|text, _, at| tracing::debug!("a script prints at {at}: {text}"));
    // The ones of the standard package stop the zone.
    engine.register_fn("sleep", |_: i64| no_sleep());
    engine.register_fn("sleep", |_: f64| no_sleep());
    engine
}

fn no_sleep() -> Result<(), Box<EvalAltResult>> {
    Err("a script cannot sleep: wake_in calls on_tick later".into())
}

/// A script that can be called.
#[derive(Debug)]
pub(crate) struct Script {
    pub(super) ast: AST,
    /// What it has functions for, and in which lines they begin.
    pub(super) hooks: Vec<(Hook, Option<usize>)>,
}

/// Compiles a script.
pub(super) fn compile(engine: &Engine, text: &str) -> Result<Script, Failure> {
    let ast = engine.compile(text).map_err(|error| Failure {
        line: error.position().line(),
        why: error.err_type().to_string(),
    })?;
    let mut hooks = Vec::new();
    for function in ast.iter_functions() {
        let line = line_of(text, function.name);
        let mistake = |why| Err(Failure { line, why });
        match FUNCTIONS.iter().find(|it| it.1 == function.name) {
            Some((hook, _, parameters)) if function.params.len() == 1 + parameters.len() => {
                hooks.push((*hook, line));
            }
            Some((_, name, parameters)) => {
                let expected = [&["me"], *parameters].concat().join(", ");
                return mistake(format!("expected {name}({expected})"));
            }
            None if function.name.starts_with("on_") => {
                return mistake(format!("there is no hook {}", function.name));
            }
            None => (),
        }
    }
    Ok(Script {
        ast: ast.clone_functions_only(),
        hooks,
    })
}

/// Where a function begins.
fn line_of(text: &str, function: &str) -> Option<usize> {
    let beginning = format!("fn {function}(");
    text.lines()
        .position(|it| it.contains(&beginning))
        .map(|it| it + 1)
}

/// Why a call has ended early, and where. Whatever ends it by force has no line.
pub(super) fn failure(mut error: EvalAltResult) -> Failure {
    let mut at = error.take_position();
    while let EvalAltResult::ErrorInFunctionCall(_, _, inner, _) = error {
        error = *inner;
        at = match error.take_position() {
            Position::NONE => at,
            inner => inner,
        };
    }
    let why = match error {
        EvalAltResult::ErrorRuntime(thrown, _) => thrown.to_string(),
        EvalAltResult::ErrorTooManyOperations(_) => {
            format!("has not ended after {MAX_OPERATIONS} operations")
        }
        EvalAltResult::ErrorTerminated(..) => format!("has not ended after {MAX_TIME:?}"),
        EvalAltResult::ErrorStackOverflow(_) => format!("more than {MAX_CALLS} calls deep"),
        error => error.to_string(),
    };
    Failure {
        line: at.line(),
        why,
    }
}

/// How long a call may take. Operations end it earlier, unless each of them copies a lot.
#[derive(Debug, Default)]
pub(super) struct Budget {
    last: Option<Instant>,
    spent: Duration,
}

impl Budget {
    /// Whether it is spent. To be asked every [`PACE`] operations.
    pub(super) fn is_spent(&mut self, now: Instant) -> bool {
        if let Some(last) = self.last.replace(now) {
            // Somebody has stopped the process if so few operations take longer.
            self.spent += now
                .saturating_duration_since(last)
                .min(Duration::from_millis(20));
        }
        self.spent > MAX_TIME
    }
}
