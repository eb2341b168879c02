//! What requests bring along.

use super::Problem;
use crate::{
    accounts::{role::Role, store::Account},
    addresses::Client,
    tickets::{Bearer, NotLetIn},
};
use axum::{
    Json,
    extract::{ConnectInfo, FromRequest, FromRequestParts, Path, Request},
    http::{StatusCode, header, request::Parts},
};
use metaserve::time::wall_clock;
use metaserve_ticket::Refused;
use serde::de::DeserializeOwned;
use std::{net::SocketAddr, sync::Arc};

/// A JSON body.
pub(super) struct Body<T>(pub(super) T);

/// The client.
pub(super) struct From(pub(super) Client);

/// An account that has logged in.
pub(super) struct LoggedIn(pub(super) Account);

/// A role of the world.
pub(super) struct Service;

/// The end of the path.
pub(super) struct Named<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Arc<Role>> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, role: &Arc<Role>) -> Result<Self, Problem> {
        match Json::from_request(request, role).await {
            Ok(Json(body)) => Ok(Self(body)),
            Err(rejection) => {
                let status = match rejection.status() {
                    StatusCode::UNPROCESSABLE_ENTITY => StatusCode::BAD_REQUEST,
                    status => status,
                };
                Err(Problem::new(status, rejection.body_text()))
            }
        }
    }
}

impl FromRequestParts<Arc<Role>> for From {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, role: &Arc<Role>) -> Result<Self, Problem> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let peer = peer.ok_or_else(|| {
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            Problem::new(status, "the address of the client is not known")
        })?;
        Ok(Self(role.client(peer.0.ip(), &parts.headers)))
    }
}

impl FromRequestParts<Arc<Role>> for LoggedIn {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, role: &Arc<Role>) -> Result<Self, Problem> {
        let ticket = ticket(parts)?;
        let bearer = role.tickets.bearer(ticket, wall_clock());
        let Bearer { account, .. } = bearer.map_err(|why| not_let_in(&why))?;
        let account = role.database.account(&account).await?;
        let gone = || {
            Problem::new(
                StatusCode::UNAUTHORIZED,
                "log in again: the account is gone",
            )
        };
        account.map(Self).ok_or_else(gone)
    }
}

impl FromRequestParts<Arc<Role>> for Service {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, role: &Arc<Role>) -> Result<Self, Problem> {
        let ticket = ticket(parts)?;
        let service = role.tickets.service(ticket, wall_clock());
        service.map(|()| Self).map_err(|why| not_let_in(&why))
    }
}

impl<T: DeserializeOwned + Send> FromRequestParts<Arc<Role>> for Named<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, role: &Arc<Role>) -> Result<Self, Problem> {
        match Path::from_request_parts(parts, role).await {
            Ok(Path(name)) => Ok(Self(name)),
            Err(rejection) => Err(Problem::new(rejection.status(), rejection.body_text())),
        }
    }
}

fn ticket(parts: &Parts) -> Result<&str, Problem> {
    let header = parts.headers.get(header::AUTHORIZATION);
    let header = header.and_then(|it| it.to_str().ok());
    let ticket = header.and_then(|it| {
        let (scheme, ticket) = it.split_once(' ')?;
        scheme
            .eq_ignore_ascii_case("bearer")
            .then_some(ticket.trim())
    });
    ticket.ok_or_else(|| {
        let error = "log in first: this needs a ticket, as in `Authorization: Bearer TICKET`";
        Problem::new(StatusCode::UNAUTHORIZED, error)
    })
}

fn not_let_in(why: &NotLetIn) -> Problem {
    let status = match why {
        NotLetIn::Ticket(Refused::Scope { .. }) => StatusCode::FORBIDDEN,
        _ => StatusCode::UNAUTHORIZED,
    };
    Problem::new(status, why.to_string())
}
