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
use std::collections::BTreeSet;

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
    (width, height): (f64, f64),
    elapsed: Millis,
    settles: bool,
) -> Vec<Moved> {
    let inside = |at, solid: &Solid| bounds::inside(at, solid.radius, (width, height));
    let mut bodies = Bodies::new(solids, (width as f32, height as f32));
    let mut has_pushed = false;
    let mut moved = Vec::with_capacity(solids.len());
    for (index, solid) in solids.iter().enumerate() {
        let mut hit = None;
        let mut at = solid.at;
        if let Some(walk) = solid.walk {
            let far = walk.x.hypot(walk.y);
            let most = (bounds::SPEED * elapsed as f64 / 1000.0).min(far);
            let (mut part, mut free) = (most / far, most);
            if solid.body != Body::None
                && let Some((by, distance)) = bodies.cast(index, solid, walk, most)
            {
                has_pushed |= bodies.push(by, solid, walk);
                (part, free) = (distance / far, distance);
                hit = Some(by);
            }
            if free > 0.0 {
                at = Point {
                    x: at.x + walk.x * part,
                    y: at.y + walk.y * part,
                };
            }
            at = inside(at, solid);
            bodies.place(index, at);
        }
        let stopped = hit.map_or(Stop::Edge, Stop::Solid);
        let has_stopped = solid.walk.is_some() && at == solid.at;
        moved.push(Moved {
            at,
            stopped: has_stopped.then_some(stopped),
        });
    }
    if has_pushed || settles {
        bodies.settle(elapsed);
        for (index, solid) in solids.iter().enumerate() {
            if let Some(at) = bodies.settled(index) {
                moved[index].at = inside(at, solid);
            }
        }
        // Whoever pushes something away goes on.
        let gives_way = |it: usize| moved[it].at != solids[it].at;
        let stopped: Vec<_> = moved
            .iter()
            .map(|it| match it.stopped {
                Some(Stop::Solid(by)) if gives_way(by) => None,
                stopped => stopped,
            })
            .collect();
        for (moved, stopped) in moved.iter_mut().zip(stopped) {
            moved.stopped = stopped;
        }
    }
    moved
}

/// The bodies of one tick.
struct Bodies {
    world: PhysicsWorld,
    /// For each of the list, if it is in the way.
    handles: Vec<Option<(RigidBodyHandle, ColliderHandle)>>,
}

impl Bodies {
    fn new(solids: &[Solid], (width, height): (f32, f32)) -> Self {
        let mut world = PhysicsWorld {
            gravity: Vector::ZERO,
            ..PhysicsWorld::default()
        };
        let parameters = &mut world.integration_parameters;
        parameters.normalized_allowed_linear_error = 0.000_5;
        parameters.num_solver_iterations = 8;
        let mut taken = BTreeSet::new();
        let handles = solids.iter().enumerate().map(|(index, solid)| {
            let body = match (solid.body, solid.walk) {
                (Body::None, _) => return None,
                (Body::Walker, _) | (_, Some(_)) => RigidBodyBuilder::kinematic_position_based(),
                (Body::Fixed, None) => RigidBodyBuilder::fixed(),
                (Body::Loose, None) => RigidBodyBuilder::dynamic(),
            };
            let mut at = vector(solid.at);
            if !taken.insert((at.x.to_bits(), at.y.to_bits())) {
                at += aside(index);
            }
            let body = body.translation(at).lock_rotations().can_sleep(false);
            let disc = ColliderBuilder::ball(solid.radius.max(0.01) as f32)
                .friction(0.0)
                .restitution(0.0)
                .user_data(index as u128);
            Some(world.insert(body, disc))
        });
        let handles = handles.collect();
        for (at, normal) in [
            (Vector::ZERO, Vector::X),
            (Vector::ZERO, Vector::Y),
            (Vector::new(width, height), -Vector::X),
            (Vector::new(width, height), -Vector::Y),
        ] {
            let edge = ColliderBuilder::halfspace(Unit::new_unchecked(normal)).user_data(u128::MAX);
            world.insert(RigidBodyBuilder::fixed().translation(at), edge);
        }
        world.detect_collisions(&(), &());
        Self { world, handles }
    }

    /// What the next metres of a walk hit first, and after how many of them.
    fn cast(&self, index: usize, solid: &Solid, walk: Point, most: f64) -> Option<(usize, f64)> {
        let (own, _) = self.handles[index]?;
        let options = ShapeCastOptions {
            max_time_of_impact: most as f32,
            target_distance: GAP,
            stop_at_penetration: false,
            compute_impact_geometry_on_penetration: true,
        };
        let is_solid = |_, it: &Collider| it.user_data != u128::MAX;
        let filter = QueryFilter::exclude_kinematic()
            .exclude_rigid_body(own)
            .predicate(&is_solid);
        let (hit, impact) = self.world.query_pipeline_with_filter(filter).cast_shape(
            &Pose::from_translation(vector(solid.at)),
            vector(walk).normalize(),
            &Ball::new(solid.radius.max(0.01) as f32),
            options,
        )?;
        let hit = usize::try_from(self.world.colliders.get(hit)?.user_data).ok()?;
        Some((hit, f64::from(impact.time_of_impact)))
    }

    /// Pushes something that was hit. Whether it can be pushed.
    fn push(&mut self, index: usize, by: &Solid, walk: Point) -> bool {
        let handle = self.handles[index].map(|(body, _)| body);
        let Some(body) = handle.and_then(|it| self.world.bodies.get_mut(it)) else {
            return false;
        };
        if !body.is_dynamic() {
            return false;
        }
        let direction = vector(walk).normalize();
        let away = (body.translation() - vector(by.at)).normalize_or(direction);
        let speed = PUSH * away.dot(direction).max(0.0);
        body.set_linvel(away * speed, true);
        true
    }

    /// Has something be elsewhere.
    fn place(&mut self, index: usize, at: Point) {
        if let Some((handle, _)) = self.handles[index]
            && let Some(body) = self.world.bodies.get_mut(handle)
        {
            body.set_translation(vector(at), true);
        }
    }

    fn settle(&mut self, elapsed: Millis) {
        let steps = (elapsed * STEPS.0).div_ceil(1000).clamp(1, STEPS.1);
        self.world.integration_parameters.dt = 1.0 / STEPS.0 as f32;
        for _ in 0..steps {
            self.world.step();
        }
    }

    /// Where a loose body is.
    fn settled(&self, index: usize) -> Option<Point> {
        let (handle, _) = self.handles[index]?;
        let body = self.world.bodies.get(handle).filter(|it| it.is_dynamic())?;
        let at = body.translation();
        Some(Point {
            x: f64::from(at.x),
            y: f64::from(at.y),
        })
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
