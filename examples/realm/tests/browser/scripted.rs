//! A gateway that says what a test has it say: what a real one says only when it is broken or
//! hostile, and what a browser sends to the letter.

use crate::browser::patiently;
use axum::{
    Json, Router,
    extract::{
        Request, State,
        ws::{Message, WebSocket, WebSocketUpgrade},
    },
    http::{StatusCode, Uri, header},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{any, get, post},
};
use parking_lot::Mutex;
use realm::{messages::Down, object::Seen, page};
use serde_json::{Value, json};
use std::{net::SocketAddr, sync::Arc};
use tokio::{net::TcpListener, sync::mpsc};
use tokio_util::task::AbortOnDropHandle;

pub(crate) const SESSION: &str = "session-of-the-first-0001";

/// It knows one account, whose one character is Ann.
pub(crate) struct Scripted {
    pub(crate) address: SocketAddr,
    /// All that was requested, with its query.
    pub(crate) requested: Arc<Mutex<Vec<Uri>>>,
    sockets: mpsc::UnboundedReceiver<WebSocket>,
    refreshes: mpsc::UnboundedReceiver<Value>,
    _task: AbortOnDropHandle<()>,
}

#[derive(Clone)]
struct Ends {
    requested: Arc<Mutex<Vec<Uri>>>,
    sockets: mpsc::UnboundedSender<WebSocket>,
    refreshes: mpsc::UnboundedSender<Value>,
    seconds: u64,
}

/// One connection of a browser.
pub(crate) struct Socket(WebSocket);

impl Scripted {
    /// Its tickets are valid for so many seconds.
    pub(crate) async fn start(seconds: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sockets_in, sockets) = mpsc::unbounded_channel();
        let (refreshes_in, refreshes) = mpsc::unbounded_channel();
        let ends = Ends {
            requested: Arc::default(),
            sockets: sockets_in,
            refreshes: refreshes_in,
            seconds,
        };
        let requested = ends.requested.clone();
        let router = Router::new()
            .route("/ws", any(upgrade))
            .route(
                "/health",
                get(|| async { Json(json!({ "log": "A log of paper." })) }),
            )
            .route(
                "/api/sessions",
                post(log_in).delete(|| async { StatusCode::NO_CONTENT }),
            )
            .route("/api/sessions/refresh", post(refresh))
            .route("/api/characters", get(characters))
            .fallback(file)
            .layer(from_fn_with_state(ends.clone(), remember))
            .with_state(ends);
        let serve = async move { axum::serve(listener, router).await.unwrap() };
        Self {
            address,
            requested,
            sockets,
            refreshes,
            _task: AbortOnDropHandle::new(tokio::spawn(serve)),
        }
    }

    /// The next connection.
    pub(crate) async fn socket(&mut self) -> Socket {
        let socket = patiently("a connection", self.sockets.recv()).await;
        Socket(socket.unwrap())
    }

    /// The next connection, with Ann in the world.
    pub(crate) async fn play(&mut self, done: u64, objects: Vec<Seen>) -> Socket {
        let mut socket = self.socket().await;
        loop {
            let hello = socket.hear().await;
            if hello["type"] == "hello" {
                break;
            }
            // It watches, until somebody plays.
            assert_eq!(hello["type"], "watch");
            socket.say(&snapshot(1, Vec::new())).await;
            socket = self.socket().await;
        }
        socket.welcome(SESSION, done, objects).await;
        socket
    }

    /// The refresh token that the next refresh comes with.
    pub(crate) async fn refreshed(&mut self) -> Value {
        patiently("a refresh", self.refreshes.recv()).await.unwrap()
    }
}

impl Socket {
    /// The next frame of the browser.
    pub(crate) async fn hear(&mut self) -> Value {
        loop {
            let message = patiently("a frame", self.0.recv()).await;
            match message.expect("the browser is still there").unwrap() {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Close(_) => panic!("the browser has closed"),
                _ => {}
            }
        }
    }

    pub(crate) async fn say(&mut self, frame: &Down) {
        self.say_text(&serde_json::to_string(frame).unwrap()).await;
    }

    pub(crate) async fn say_text(&mut self, text: &str) {
        self.0.send(Message::Text(text.into())).await.unwrap();
    }

    pub(crate) async fn ack(&mut self, seq: u64) {
        self.say(&Down::Ack { seq }).await;
    }

    /// What comes after `hello`.
    pub(crate) async fn welcome(&mut self, session: &str, done: u64, objects: Vec<Seen>) {
        self.say(&Down::Ready {
            session: session.parse().unwrap(),
            account: "ann".parse().unwrap(),
        })
        .await;
        assert_eq!(self.hear().await["character"], "Ann");
        self.say(&Down::Entered {
            character: "Ann".parse().unwrap(),
            zone: "shared/meadow".parse().unwrap(),
            seq: done,
        })
        .await;
        self.say(&snapshot(7, objects)).await;
    }
}

/// A meadow with these objects.
pub(crate) fn snapshot(rev: u64, objects: Vec<Seen>) -> Down {
    Down::Snapshot {
        zone: "shared/meadow".parse().unwrap(),
        rev,
        objects,
        place: None,
        sheet: Some(realm::object::Sheet::default()),
        done: 0,
        walks: false,
    }
}

pub(crate) fn delta(rev: u64, changed: Vec<Seen>) -> Down {
    Down::Delta {
        rev,
        changed,
        gone: Vec::new(),
        events: Vec::new(),
    }
}

pub(crate) fn seen(id: &str, kind: &str, name: &str, x: f64, y: f64) -> Seen {
    Seen {
        id: id.parse().unwrap(),
        kind: kind.into(),
        name: name.into(),
        x,
        y,
        radius: 0.4,
        status: String::new(),
        health: None,
        level: None,
    }
}

/// Ann herself.
pub(crate) fn ann() -> Seen {
    seen("@ann", "player", "Ann", 5.0, 5.0)
}

async fn remember(State(ends): State<Ends>, request: Request, next: Next) -> Response {
    ends.requested.lock().push(request.uri().clone());
    next.run(request).await
}

async fn upgrade(State(ends): State<Ends>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(|socket| async move {
        // Nobody may wait for it any more.
        let _ = ends.sockets.send(socket);
    })
}

fn given(ends: &Ends, number: usize) -> Json<Value> {
    let (ticket, refresh) = (format!("ticket-{number}"), format!("refresh-{number}"));
    Json(json!({ "ticket": ticket, "refresh": refresh, "expires_in": ends.seconds }))
}

async fn log_in(State(ends): State<Ends>, Json(body): Json<Value>) -> Response {
    match body["password"].as_str() {
        Some("right") => given(&ends, 1).into_response(),
        _ => {
            let why = json!({ "error": "<b>wrong</b>", "field": "password" });
            (StatusCode::UNAUTHORIZED, Json(why)).into_response()
        }
    }
}

async fn refresh(State(ends): State<Ends>, Json(body): Json<Value>) -> Response {
    // Nobody may wait for it any more.
    let _ = ends.refreshes.send(body["refresh"].clone());
    given(&ends, 2).into_response()
}

async fn characters() -> Json<Value> {
    Json(json!({ "characters": [{ "name": "Ann", "zone": "shared/meadow", "level": 1 }] }))
}

async fn file(uri: Uri) -> Response {
    match page::FILES.iter().find(|it| it.path == uri.path()) {
        Some(file) => {
            let headers = [
                (header::CONTENT_TYPE, file.content_type),
                (header::CONTENT_SECURITY_POLICY, page::SECURITY_POLICY),
            ];
            (headers, file.text).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
