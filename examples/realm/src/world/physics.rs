//! What stands in the way of what, seen from above: nothing falls.
//!
//! All objects are discs. Fixed ones are moved by nothing. What walks stops at fixed and at loose
//! ones, and pushes the loose ones ahead; walkers do not stand in each other's way. Loose ones that
//! overlap with anything settle beside it.
//!
//! Nothing is kept from one tick to the next but where the objects are: bodies are made anew each
//! time, at rest. So a zone moves on in the same way under another owner.

use super::bounds;
use crate::object::{Body, Millis, Point};
use rapier2d::{na::Unit, parry::query::ShapeCastOptions, prelude::*};
use std::collections::{BTreeMap, BTreeSet};

/// Whether objects stand in each other's way. Without it, only the edges of the map do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Physics {
    /// They do.
    #[default]
    On,
    /// They do not.
    Off,
}

/// What walks keeps so far away from what it stops at, in metres: more than rounding takes away.
const GAP: f32 = 0.002;

/// How fast something is pushed, in metres a second.
const PUSH: f32 = 1.5;

/// Steps of the solver for each second, and in one tick at most.
const STEPS: (u64, u64) = (60, 6);

/// Something in the zone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Solid {
    pub(super) at: Point,
    pub(super) radius: f64,
    pub(super) body: Body,
    pub(super) walk: Option<Point>,
}

/// Where something is after a tick.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Moved {
    pub(super) at: Point,
    /// Why it walks no further.
    pub(super) stopped: Option<Stop>,
}

/// What something stops at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// The one at this place of the list.
    Solid(usize),
    /// The edge of the map.
    Edge,
}

/// Where everything is after so many milliseconds, in a map of this width and height. Loose bodies
/// move only if something pushes them, or if they are to settle.
pub(super) fn advance(
    solids: &[Solid],
    size: (f64, f64),
    elapsed: Millis,
    settles: bool,
) -> Vec<Moved> {
    let obstacles = Obstacles::new(solids);
    let mut pushed = BTreeMap::new();
    let mut moved: Vec<_> = solids
        .iter()
        .map(|solid| {
            let Some(walk) = solid.walk else {
                let (at, stopped) = (solid.at, None);
                return Moved { at, stopped };
            };
            let far = walk.x.hypot(walk.y);
            let most = (bounds::SPEED * elapsed as f64 / 1000.0).min(far);
            let hit = obstacles.ahead(solid, walk, most);
            if let Some((by, _)) = hit
                && solids[by].body == Body::Loose
            {
                pushed.insert(by, push(solid, walk, &solids[by]));
            }
            let part = hit.map_or(most, |(_, distance)| distance) / far;
            let there = Point {
                x: solid.at.x + walk.x * part,
                y: solid.at.y + walk.y * part,
            };
            let at = bounds::inside(there, solid.radius, size);
            let stopped = hit.map_or(Stop::Edge, |(by, _)| Stop::Solid(by));
            let stopped = (at == solid.at).then_some(stopped);
            Moved { at, stopped }
        })
        .collect();
    if settles || !pushed.is_empty() {
        for (index, at) in settled(solids, &moved, &pushed, size, elapsed) {
            moved[index].at = bounds::inside(at, solids[index].radius, size);
        }
    }
    // Whoever pushes something away goes on.
    for index in 0..moved.len() {
        if let Some(Stop::Solid(by)) = moved[index].stopped
            && moved[by].at != solids[by].at
        {
            moved[index].stopped = None;
        }
    }
    moved
}

/// How fast something is pushed that a walk has hit.
fn push(solid: &Solid, walk: Point, other: &Solid) -> Vector {
    let direction = vector(walk).normalize();
    let away = (vector(other.at) - vector(solid.at)).normalize_or(direction);
    away * PUSH * away.dot(direction).max(0.0)
}

/// What walks stop at.
struct Obstacles {
    world: PhysicsWorld,
}

impl Obstacles {
    fn new(solids: &[Solid]) -> Self {
        let mut world = PhysicsWorld::default();
        if solids.iter().any(|it| it.walk.is_some()) {
            for (index, solid) in solids.iter().enumerate() {
                if matches!(solid.body, Body::Fixed | Body::Loose) && solid.walk.is_none() {
                    let body = RigidBodyBuilder::fixed().translation(vector(solid.at));
                    let disc = solid.disc().user_data(index as u128);
                    let (_, handle) = world.insert(body, disc);
                    let aabb = world.colliders[handle].compute_aabb();
                    let parameters = &world.integration_parameters;
                    world.broad_phase.set_aabb(parameters, handle, aabb);
                }
            }
        }
        Self { world }
    }

    /// What the next metres of a walk hit first, and after how many of them.
    fn ahead(&self, solid: &Solid, walk: Point, most: f64) -> Option<(usize, f64)> {
        if solid.body == Body::None {
            return None;
        }
        let options = ShapeCastOptions {
            max_time_of_impact: most as f32,
            target_distance: GAP,
            stop_at_penetration: false,
            compute_impact_geometry_on_penetration: true,
        };
        let (hit, impact) = self.world.query_pipeline().cast_shape(
            &Pose::from_translation(vector(solid.at)),
            vector(walk).normalize(),
            &Ball::new(solid.radius() as f32),
            options,
        )?;
        let hit = usize::try_from(self.world.colliders.get(hit)?.user_data).ok()?;
        Some((hit, f64::from(impact.time_of_impact)))
    }
}

/// Where the loose ones are after so many milliseconds beside what has walked.
fn settled(
    solids: &[Solid],
    moved: &[Moved],
    pushed: &BTreeMap<usize, Vector>,
    (width, height): (f64, f64),
    elapsed: Millis,
) -> Vec<(usize, Point)> {
    let mut world = PhysicsWorld {
        gravity: Vector::ZERO,
        ..PhysicsWorld::default()
    };
    let parameters = &mut world.integration_parameters;
    parameters.dt = 1.0 / STEPS.0 as f32;
    parameters.normalized_allowed_linear_error = 0.000_5;
    parameters.num_solver_iterations = 8;
    let mut taken = BTreeSet::new();
    let mut loose = Vec::new();
    for (index, (solid, moved)) in solids.iter().zip(moved).enumerate() {
        let mut at = vector(moved.at);
        if solid.body == Body::None {
            continue;
        }
        if !taken.insert((at.x.to_bits(), at.y.to_bits())) {
            at += aside(index);
        }
        let is_loose = solid.body == Body::Loose && solid.walk.is_none();
        let body = match is_loose {
            true => RigidBodyBuilder::dynamic(),
            false => RigidBodyBuilder::fixed(),
        };
        let push = pushed.get(&index).copied().unwrap_or_default();
        let body = body.translation(at).linvel(push).lock_rotations();
        let (handle, _) = world.insert(body.can_sleep(false), solid.disc());
        if is_loose {
            loose.push((index, handle));
        }
    }
    let far = Vector::new(width as f32, height as f32);
    for (at, normal) in [
        (Vector::ZERO, Vector::X),
        (Vector::ZERO, Vector::Y),
        (far, -Vector::X),
        (far, -Vector::Y),
    ] {
        let edge = ColliderBuilder::halfspace(Unit::new_unchecked(normal)).friction(0.0);
        world.insert(RigidBodyBuilder::fixed().translation(at), edge);
    }
    for _ in 0..(elapsed * STEPS.0).div_ceil(1000).clamp(1, STEPS.1) {
        world.step();
    }
    let place = |at: Vector| Point {
        x: f64::from(at.x),
        y: f64::from(at.y),
    };
    let settled = loose.into_iter();
    settled
        .map(|(index, it)| (index, place(world.bodies[it].translation())))
        .collect()
}

impl Solid {
    fn radius(&self) -> f64 {
        self.radius.max(0.01)
    }

    fn disc(&self) -> ColliderBuilder {
        ColliderBuilder::ball(self.radius() as f32)
            .friction(0.0)
            .restitution(0.0)
    }
}

fn vector(at: Point) -> Vector {
    Vector::new(at.x as f32, at.y as f32)
}

/// A few millimetres in a direction that differs from that of others in the same place.
fn aside(index: usize) -> Vector {
    let part = |factor: usize, size: usize| (index * factor % size) as f32 - (size / 2) as f32;
    Vector::new(part(37, 17), part(61, 19)) * 0.001
}
