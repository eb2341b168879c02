//! One call of a script: what it has wished for so far.

use super::{sandbox::Budget, thing::Thing};
use crate::{
    ids::ObjectId,
    world::{
        MAX_MEMORY, MAX_WISHES,
        hooks::{Answer, Call, Failure, Wish},
    },
};
use fastrand::Rng;
use rhai::serde::{from_dynamic, to_dynamic};

/// What the helper functions of a call share.
#[derive(Default)]
pub(super) struct Act {
    me: Option<ObjectId>,
    /// What the object remembers.
    pub(super) memory: rhai::Map,
    wishes: Vec<Wish>,
    /// Random numbers of this call.
    pub(super) rng: Rng,
    /// Players nearby.
    pub(super) near: Vec<Thing>,
    /// Milliseconds since 1970.
    pub(super) now: i64,
    pub(super) budget: Budget,
}

impl Act {
    pub(super) fn begin(call: &Call<'_>) -> Result<Self, Failure> {
        let memory = to_dynamic(&call.me.memory)
            .map_err(|error| failed(format!("me.memory cannot be read: {error}")))?;
        Ok(Self {
            me: Some(call.me.id.clone()),
            memory: memory.try_cast().unwrap_or_default(),
            wishes: Vec::new(),
            rng: Rng::with_seed(call.seed),
            near: call.near.iter().map(|it| Thing::of(it)).collect(),
            now: i64::try_from(call.now).unwrap_or(i64::MAX),
            budget: Budget::default(),
        })
    }

    pub(super) fn is_me(&self, thing: &Thing) -> bool {
        self.me.as_ref() == Some(thing.id())
    }

    pub(super) fn wish(&mut self, wish: Wish) -> Result<(), String> {
        if self.wishes.len() == MAX_WISHES {
            return Err(format!("a call has at most {MAX_WISHES} wishes"));
        }
        self.wishes.push(wish);
        Ok(())
    }

    pub(super) fn end(self, call: &Call<'_>, done: bool) -> Result<Answer, Failure> {
        let memory: serde_json::Map<_, _> = from_dynamic(&self.memory.into())
            .map_err(|_| failed("me.memory holds numbers, texts, lists and maps only".into()))?;
        if memory == call.me.memory {
            return Ok(Answer {
                done,
                wishes: self.wishes,
                memory: None,
            });
        }
        let bytes = serde_json::to_vec(&memory).map_or(usize::MAX, |it| it.len());
        if bytes > MAX_MEMORY {
            return Err(failed(format!(
                "me.memory has {bytes} bytes of JSON, more than {MAX_MEMORY}"
            )));
        }
        Ok(Answer {
            done,
            wishes: self.wishes,
            memory: Some(memory),
        })
    }
}

fn failed(why: String) -> Failure {
    Failure { line: None, why }
}
