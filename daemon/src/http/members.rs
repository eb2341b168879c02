//! `GET /api/v1/members`: the other members of the cluster, as this daemon sees them.

use super::web::Web;
use crate::cluster::{MemberStatus, View};
use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use serde::Serialize;

/// The cluster. Without one, there are no other members, and no names.
#[derive(Default, Serialize)]
struct Members {
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<Names>,
    members: Vec<Member>,
}

#[derive(Serialize)]
struct Names {
    name: String,
    member: String,
    role: &'static str,
    /// Whether the list is as complete as it is going to be.
    joined: bool,
    /// Whether this daemon hears too few of the others.
    cut_off: bool,
}

#[derive(Serialize)]
struct Member {
    name: String,
    role: &'static str,
    state: &'static str,
    servers: usize,
    clients: u32,
    lag_seconds: f64,
}

pub(super) async fn list(State(web): State<Web>) -> Response {
    let members = web.shared.cluster.as_deref().map(Members::of);
    let json = serde_json::to_string(&members.unwrap_or_default());
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (kind, json.unwrap_or_default()).into_response()
}

impl Members {
    fn of(view: &View) -> Self {
        let seen = view.seen();
        let [name, member] = view.names.clone();
        Self {
            cluster: Some(Names {
                name,
                member,
                role: view.role.name(),
                joined: view.is_joined(),
                cut_off: seen.cut_off,
            }),
            members: seen.members.iter().map(Member::from).collect(),
        }
    }
}

impl From<&MemberStatus> for Member {
    fn from(it: &MemberStatus) -> Self {
        Self {
            name: it.name.to_string(),
            role: it.role.name(),
            state: it.state.name(),
            servers: it.servers,
            clients: it.clients,
            lag_seconds: it.lag.as_secs_f64(),
        }
    }
}
