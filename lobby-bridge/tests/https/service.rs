//! A separate service for each test, and a client.

use std::{net::SocketAddr, sync::Arc};

use metaserve::Identity;
use metaserve_lobby_bridge::{
    accounts::{self, Accounts, Administration, TOKEN_BYTES, default_database},
    aleph_one::https::{HOST, Service, Settings},
    bans::Guard,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinHandle,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier, pki_types::ServerName},
};
use tokio_util::sync::CancellationToken;

pub(crate) struct Running {
    pub(crate) at: SocketAddr,
    pub(crate) accounts: Accounts,
    pub(crate) directory: tempfile::TempDir,
    pub(crate) shutdown: CancellationToken,
    pub(crate) task: JoinHandle<()>,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Running {
    pub(crate) async fn new(change: impl FnOnce(&mut Settings)) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let url = default_database(directory.path());
        let options = accounts::Settings {
            bcrypt_cost: 4,
            ..accounts::Settings::default()
        };
        let accounts = Accounts::open(&url, options).await.expect("a new file");
        let operator = Administration::open(&url).await.expect("the same");
        operator
            .add("bob", "d\u{e9}j\u{e0} vu+1")
            .await
            .expect("an account");
        let mut settings = Settings {
            listen: "127.0.0.1:0".parse().expect("an address"),
            bans: Guard::none(),
            certificate: None,
            state_dir: directory.path().to_owned(),
            hosts: vec![HOST.to_owned()],
            sign_up: false,
            limits: Default::default(),
        };
        change(&mut settings);
        let service = Service::bind(settings, accounts.clone()).expect("a free port");
        let shutdown = CancellationToken::new();
        Self {
            at: service.local_address(),
            accounts,
            directory,
            task: tokio::spawn(service.run(shutdown.clone())),
            shutdown,
        }
    }

    /// Sends one request, and reads the answer to its end.
    pub(crate) async fn asks(&self, request: &[u8]) -> Answer {
        self.asks_in(request, ClientConfig::builder()).await
    }

    pub(crate) async fn asks_in(
        &self,
        request: &[u8],
        builder: ConfigBuilder<ClientConfig, WantsVerifier>,
    ) -> Answer {
        let own = self.directory.path().join("https");
        let certificate = Identity::load_or_create(&own, &[]).expect("it was made");
        let mut roots = RootCertStore::empty();
        roots
            .add(certificate.certificate().clone())
            .expect("a certificate");
        let client = builder.with_root_certificates(roots).with_no_client_auth();
        let name = ServerName::try_from("localhost").expect("a name");
        let stream = TcpStream::connect(self.at).await.expect("it listens");
        let connector = TlsConnector::from(Arc::new(client));
        let mut stream = connector
            .connect(name, stream)
            .await
            .expect("its certificate");
        stream.write_all(request).await.expect("it reads");
        let mut bytes = Vec::new();
        stream
            .read_to_end(&mut bytes)
            .await
            .expect("it answers and closes");
        let text = String::from_utf8(bytes).expect("UTF-8");
        let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
        Answer {
            status: head[9..12].parse().expect("a status"),
            head: head.to_lowercase(),
            body: body.to_owned(),
        }
    }

    pub(crate) async fn post(&self, path: &str, body: &[u8]) -> Answer {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: hall\r\nConnection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        self.asks(&[head.as_bytes(), body].concat()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        let head = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        self.asks(head.as_bytes()).await
    }

    pub(crate) async fn token(&self) -> [u8; TOKEN_BYTES] {
        let answer = self.post("/metaclient/login", GAME).await;
        answer.body.as_bytes().try_into().expect("exactly a token")
    }

    /// Opens the page that the game opens in a browser after a login.
    pub(crate) async fn opens_settings(&self) -> Answer {
        let hex: String = self
            .token()
            .await
            .iter()
            .map(|it| format!("{it:02X}"))
            .collect();
        self.get(&format!("/metaclient/settings?token={hex}")).await
    }

    pub(crate) fn knows(&self, password: &str) -> impl Future<Output = bool> {
        let (accounts, password) = (self.accounts.clone(), password.to_owned());
        let from = "192.0.2.1".parse().expect("an address");
        async move {
            accounts
                .check_password("bob", &password, from)
                .await
                .is_ok()
        }
    }
}

/// A request of Aleph One, with a password in MacRoman.
pub(crate) const GAME: &[u8] = b"password=d%8Ej%88%20vu%2B1&salt=abcdefghijklmno&username=bob";

pub(crate) fn secret_of(page: &Answer) -> &str {
    let (_, rest) = page
        .body
        .split_once("name=\"page\" value=\"")
        .expect("a form");
    rest.split_once('"').expect("a value").0
}
