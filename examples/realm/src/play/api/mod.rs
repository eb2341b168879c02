//! The routes. Each has its place in the OpenAPI document that `/openapi.json` shows.

mod body;
mod commands;
mod health;
mod problem;
mod socket;
mod who;
mod zones;

use super::Play;
use axum::{
    Extension, Router,
    extract::{ConnectInfo, DefaultBodyLimit, Request, State},
    http::StatusCode,
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
};
use metaserve::{
    bounds::{Bucket, Origin, Prefix},
    time::now,
};
use parking_lot::Mutex;
pub(crate) use problem::Problem;
use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};
use utoipa::{
    Modify, OpenApi,
    openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
};
use utoipa_axum::{
    router::{OpenApiRouter, UtoipaMethodRouter},
    routes,
};

/// The longest body of a request, in bytes.
const BODY_BYTES: usize = 16 * 1024;

/// How many addresses are remembered for the bound on their requests.
const ADDRESSES: usize = 10_000;

/// How many seconds' requests an address may send at once, after so long a pause.
const BURST: u32 = 4;

#[derive(OpenApi)]
#[openapi(modifiers(&Ticket), info(
    title = "Realm: play",
    description = "What gateways and zone hosts serve to players' programs. Programs that can use a \
        WebSocket use `/ws`; all others bring a character into the world with `/enter`, send its \
        commands with numbers from 1, and ask for what has changed since a revision. The slashes of \
        a zone's id may be written as they are, or as `%2F`. A zone host sends requests for zones \
        of others on with 307. Every answer that is not a success is `{\"error\": \"a sentence\"}`; \
        429 and 503 say in `Retry-After` when to try again."
))]
struct Document;

/// How requests show the ticket of a log-in.
struct Ticket;

impl Modify for Ticket {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("ticket", SecurityScheme::Http(bearer));
    }
}

/// How many requests each address, or IPv6 /64, has sent lately, and when the last one was.
#[derive(Debug, Default)]
pub(super) struct Requests(Mutex<HashMap<Prefix, (Bucket, Instant)>>);

impl Requests {
    /// Whether an address may send another one.
    fn take(&self, address: IpAddr, now: Instant, per_second: f64) -> bool {
        let leaf = Origin::new(address).leaf();
        let mut buckets = self.0.lock();
        if buckets.len() >= ADDRESSES && !buckets.contains_key(&leaf) {
            let rest = Duration::from_secs(BURST.into());
            buckets.retain(|_, (_, last)| now.saturating_duration_since(*last) < rest);
            if buckets.len() >= ADDRESSES {
                buckets.clear();
            }
        }
        let (bucket, last) = buckets.entry(leaf).or_insert((Bucket::default(), now));
        *last = now;
        bucket.spend(now, per_second, f64::from(BURST) * per_second)
    }
}

/// The routes, and those beside them, with bounds.
pub(super) fn router(play: Arc<Play>, beside: Router) -> Router {
    let (routes, document) = routes().split_for_parts();
    routes
        .layer(Extension(Arc::new(document)))
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .with_state(play.clone())
        .merge(beside)
        .layer(from_fn_with_state(play, bounded))
}

fn routes() -> OpenApiRouter<Arc<Play>> {
    let routes = OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(socket::ws))
        .routes(routes!(health::health))
        .routes(routes!(health::openapi))
        .routes(routes!(zones::list))
        .routes(routes!(commands::enter))
        .routes(routes!(commands::leave));
    let routes = of_zone(routes, "", routes!(zones::find));
    let routes = of_zone(routes, "/objects", routes!(zones::objects));
    let routes = of_zone(routes, "/messages", routes!(zones::messages));
    let routes = of_zone(routes, "/move", routes!(commands::walk));
    let routes = of_zone(routes, "/say", routes!(commands::say));
    let routes = of_zone(routes, "/status", routes!(commands::status));
    of_zone(routes, "/activate", routes!(commands::activate))
}

/// Adds a route of a zone, whose id is one part of the path in the document, and may be written with
/// slashes as well.
fn of_zone(
    routes: OpenApiRouter<Arc<Play>>,
    tail: &str,
    (schemas, paths, methods): UtoipaMethodRouter<Arc<Play>>,
) -> OpenApiRouter<Arc<Play>> {
    routes
        .route(&format!("/zones/shared/{{map}}{tail}"), methods.clone())
        .route(
            &format!("/zones/solo/{{map}}/{{character}}{tail}"),
            methods.clone(),
        )
        .routes((schemas, paths, methods))
}

/// Refuses requests of an address that sends too many.
async fn bounded(State(play): State<Arc<Play>>, request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let client = peer.map(|it| play.client(it.0.ip(), request.headers()).address);
    let per_second = f64::from(play.settings.max_requests_per_second);
    if client.is_some_and(|it| !play.requests.take(it, now(), per_second)) {
        let why = "too many requests from your address: send fewer, or use a WebSocket";
        return Problem::new(StatusCode::TOO_MANY_REQUESTS, why).into_response();
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_network_is_bound_as_one_address_and_nobody_makes_others_begin_anew() {
        let (requests, now) = (Requests::default(), now());
        let take = |address: &str| requests.take(address.parse().unwrap(), now, 1.0);
        let taken = (0..9).filter(|it| take(&format!("2001:db8::{it}"))).count();
        assert_eq!(taken, 4);
        let later = now + Duration::from_secs(3);
        for network in 0..20_000 {
            let address =
                std::net::Ipv6Addr::from((0x2001_0db9_u128 << 96) | (network << 64)).into();
            let at = if network < 5_000 {
                now - Duration::from_secs(9)
            } else {
                later
            };
            requests.take(address, at, 1.0);
            if network == 10_000 {
                assert!(requests.0.lock().len() < ADDRESSES);
                assert!(!take("2001:db8::a"), "it is remembered");
            }
        }
        assert!(requests.0.lock().len() <= ADDRESSES);
    }
}
