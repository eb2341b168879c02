//! The HTTPS service, as the game and a browser use it.

use std::{net::SocketAddr, sync::Arc};

use metaserve::{Identity, tls::certificate::Certificate};
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
    rustls::{
        ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier, crypto::ring,
        pki_types::ServerName, version,
    },
};
use tokio_util::sync::CancellationToken;

struct Running {
    at: SocketAddr,
    accounts: Accounts,
    directory: tempfile::TempDir,
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Running {
    async fn new(change: impl FnOnce(&mut Settings)) -> Self {
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

    /// Sends one request and reads the answer to its end.
    async fn asks(&self, request: &[u8]) -> Answer {
        self.asks_in(request, ClientConfig::builder()).await
    }

    async fn asks_in(
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

    async fn post(&self, path: &str, body: &[u8]) -> Answer {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: hall\r\nConnection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        self.asks(&[head.as_bytes(), body].concat()).await
    }

    async fn get(&self, path: &str) -> Answer {
        let head = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        self.asks(head.as_bytes()).await
    }

    async fn token(&self) -> [u8; TOKEN_BYTES] {
        let answer = self.post("/metaclient/login", GAME).await;
        answer.body.as_bytes().try_into().expect("exactly a token")
    }

    /// What the game opens in a browser after that.
    async fn opens_settings(&self) -> Answer {
        let hex: String = self
            .token()
            .await
            .iter()
            .map(|it| format!("{it:02X}"))
            .collect();
        self.get(&format!("/metaclient/settings?token={hex}")).await
    }

    fn knows(&self, password: &str) -> impl Future<Output = bool> {
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

/// As Aleph One writes it, with a password in MacRoman.
const GAME: &[u8] = b"password=d%8Ej%88%20vu%2B1&salt=abcdefghijklmno&username=bob";

fn secret_of(page: &Answer) -> &str {
    let (_, rest) = page
        .body
        .split_once("name=\"page\" value=\"")
        .expect("a form");
    rest.split_once('"').expect("a value").0
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_exchanged_for_a_token_that_works_once() {
    let it = Running::new(|_| {}).await;
    let from = "192.0.2.1".parse().unwrap();
    for body in [
        GAME,
        b"password=d%C3%A9j%C3%A0+vu%2B1&salt=&username=bob",
        b"password=d\x8ej\x88 vu%2b1&username=b%6Fb",
    ] {
        let answer = it.post("/metaclient/login", body).await;
        assert_eq!((answer.status, answer.body.len()), (200, 16));
        assert!(answer.body.bytes().all(|it| it.is_ascii_alphanumeric()));
        let token = answer.body.as_bytes().try_into().unwrap();
        assert!(it.accounts.check_token("bob", &token, from).await.is_ok());
        assert!(it.accounts.check_token("bob", &token, from).await.is_err());
    }
    it.shutdown.cancel();
    it.task.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_know_the_password_gets_nothing() {
    let it = Running::new(|_| {}).await;
    for body in [
        &b"password=wrong&salt=&username=bob"[..],
        b"password=d%8Ej%88%20vu%2B1&salt=&username=Bob",
        b"password=x&salt=&username=nobody",
        b"",
        b"%%%&=&&=&\xff",
    ] {
        let answer = it.post("/metaclient/login", body).await;
        assert_eq!((answer.status, answer.body.as_str()), (403, ""), "{body:?}");
    }
    assert_eq!(it.get("/metaclient/login").await.status, 405);
    assert_eq!(it.get("/").await.status, 404);
    let long = [b"password=".to_vec(), vec![b'x'; 10_000]].concat();
    assert_eq!(it.post("/metaclient/login", &long).await.status, 413);
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_of_old_and_new_tls_are_served() {
    let it = Running::new(|_| {}).await;
    for versions in [&[&version::TLS12][..], &[&version::TLS13]] {
        let builder = ClientConfig::builder_with_protocol_versions(versions);
        let request = b"GET /metaclient/settings HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        assert_eq!(it.asks_in(request, builder).await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_ends() {
    let it = Running::new(|_| {}).await;
    let mut body = String::new();
    for _ in 0..11 {
        body = it
            .post("/metaclient/login", b"password=guess&username=bob")
            .await
            .body;
    }
    assert_eq!(body, "");
    let right = it.post("/metaclient/login", GAME).await;
    assert_eq!((right.status, right.body.as_str()), (403, ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_make_accounts_only_where_they_may() {
    let it = Running::new(|_| {}).await;
    let body = b"email=a%40b&password=secret&username=ann";
    let answer = it.post("/metaclient/signup", body).await;
    assert_eq!(answer.status, 403);
    assert!(answer.body.contains("operator"), "{}", answer.body);

    let it = Running::new(|settings| settings.sign_up = true).await;
    assert_eq!(it.post("/metaclient/signup", body).await.body, "OK");
    let login = b"password=secret&salt=&username=ann";
    assert_eq!(it.post("/metaclient/login", login).await.body.len(), 16);
    for (body, why) in [
        (&body[..], "taken"),
        (b"email=&password=secret&username=guest", "guest"),
        (b"email=&password=&username=new", "1 to 15 characters"),
        (b"email=&password=x&username=a%20b", "ASCII"),
    ] {
        let answer = it.post("/metaclient/signup", body).await;
        assert!(answer.body.contains(why), "{}", answer.body);
    }
    let mut answer = String::new();
    for n in 0..5 {
        let body = format!("email=&password=secret&username=u{n}");
        answer = it.post("/metaclient/signup", body.as_bytes()).await.body;
    }
    assert!(answer.contains("Too many"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_player_changes_his_password_with_a_fresh_token() {
    let it = Running::new(|_| {}).await;
    let mut page = it.opens_settings().await;
    assert!(page.body.contains("<b>bob</b>"), "{}", page.body);
    assert!(
        page.head
            .contains("content-security-policy: default-src 'none'"),
        "{}",
        page.head
    );
    assert!(page.head.contains("cache-control: no-store"));
    for (password, again, why) in [
        ("one", "two", "differ"),
        ("", "", "1 to 15"),
        ("%E4%B8%96", "%E4%B8%96", "MacRoman"),
    ] {
        let body = format!(
            "page={}&password={password}&again={again}",
            secret_of(&page)
        );
        page = it.post("/metaclient/settings", body.as_bytes()).await;
        assert!(page.body.contains(why), "{}", page.body);
    }
    let body = format!("page={}&password=n%C3%A9w&again=n%C3%A9w", secret_of(&page));
    let done = it.post("/metaclient/settings", body.as_bytes()).await;
    assert!(done.body.contains("is changed"), "{}", done.body);
    assert!(it.knows("n\u{e9}w").await && !it.knows("d\u{e9}j\u{e0} vu+1").await);
    let again = it.post("/metaclient/settings", body.as_bytes()).await;
    assert_eq!(again.status, 403, "a page works once");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_changes_a_password_without_a_token() {
    let it = Running::new(|_| {}).await;
    let hex = |token: &[u8]| {
        token
            .iter()
            .map(|it| format!("{it:02X}"))
            .collect::<String>()
    };
    for query in [
        "",
        "?token=",
        "?token=4",
        &format!("?token={}", "00".repeat(16)),
    ] {
        let page = it.get(&format!("/metaclient/settings{query}")).await;
        assert!(!page.body.contains("<form"), "{query}: {}", page.body);
    }
    for body in [
        "",
        "page=&password=x&again=x",
        "page=guess&password=x&again=x",
    ] {
        let answer = it.post("/metaclient/settings", body.as_bytes()).await;
        assert_eq!(answer.status, 403);
    }
    // A browser that looks ahead does not use it up; a second look does not find it.
    let path = format!("/metaclient/settings?token={}", hex(&it.token().await));
    let head = format!("HEAD {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert_eq!(it.asks(head.as_bytes()).await.status, 200);
    assert!(it.get(&path).await.body.contains("<form"));
    assert!(!it.get(&path).await.body.contains("<form"));
    assert!(it.knows("d\u{e9}j\u{e0} vu+1").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_cannot_bring_markup_into_the_page() {
    let it = Running::new(|_| {}).await;
    let url = default_database(it.directory.path());
    let operator = Administration::open(&url).await.unwrap();
    operator.add("<i>\"'&", "secret").await.unwrap();
    let body = b"password=secret&username=%3Ci%3E%22%27%26";
    let token = it.post("/metaclient/login", body).await.body;
    let hex: String = token.bytes().map(|it| format!("{it:02X}")).collect();
    let page = it.get(&format!("/metaclient/settings?token={hex}")).await;
    assert!(
        page.body.contains("&lt;i&gt;&quot;&#39;&amp;"),
        "{}",
        page.body
    );
    assert!(!page.body.contains("<i>"));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_host_does_not_take_all_places() {
    let it = Running::new(|settings| settings.limits.each_host = 1).await;
    let holder = TcpStream::connect(it.at).await.unwrap();
    // The second is closed unheard.
    let mut second = TcpStream::connect(it.at).await.unwrap();
    assert_eq!(second.read(&mut [0; 1]).await.unwrap_or(0), 0);
    it.shutdown.cancel();
    it.task.await.unwrap();
    drop(holder);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_certificate_is_shown_to_new_connections() {
    let files = tempfile::tempdir().unwrap();
    let [chain, key] = ["cert.pem", "key.pem"].map(|it| files.path().join(it));
    let old = Identity::load_or_create(files.path(), &["localhost".into()]).unwrap();
    let it =
        Running::new(|settings| settings.certificate = Some((chain.clone(), key.clone()))).await;
    assert_eq!(shown(it.at).await, old.certificate().as_ref());
    let other = tempfile::tempdir().unwrap();
    let new = Identity::load_or_create(other.path(), &["localhost".into()]).unwrap();
    std::fs::copy(other.path().join("key.pem"), &key).unwrap();
    std::fs::copy(other.path().join("cert.pem"), &chain).unwrap();
    while shown(it.at).await != new.certificate().as_ref() {
        tokio::task::yield_now().await;
    }
}

/// The certificate that the service shows now.
async fn shown(at: SocketAddr) -> Vec<u8> {
    use tokio_rustls::rustls::client::danger::{
        HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
    };
    use tokio_rustls::rustls::{
        DigitallySignedStruct, Error, SignatureScheme,
        pki_types::{CertificateDer, UnixTime},
    };
    #[derive(Debug)]
    struct Anyone;
    impl ServerCertVerifier for Anyone {
        fn verify_server_cert(
            &self,
            _: &CertificateDer<'_>,
            _: &[CertificateDer<'_>],
            _: &ServerName<'_>,
            _: &[u8],
            _: UnixTime,
        ) -> Result<ServerCertVerified, Error> {
            Ok(ServerCertVerified::assertion())
        }
        fn verify_tls12_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Ok(HandshakeSignatureValid::assertion())
        }
        fn verify_tls13_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Ok(HandshakeSignatureValid::assertion())
        }
        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            let provider = ring::default_provider();
            provider
                .signature_verification_algorithms
                .supported_schemes()
        }
    }
    let client = ClientConfig::builder()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anyone))
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").expect("a name");
    let stream = TcpStream::connect(at).await.expect("it listens");
    let stream = TlsConnector::from(Arc::new(client))
        .connect(name, stream)
        .await;
    let stream = stream.expect("a handshake");
    let (_, tls) = stream.get_ref();
    tls.peer_certificates().expect("a certificate")[0].to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_banned_is_told_so() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("bans.txt");
    std::fs::write(&file, "127.0.0.1 until 2999-01-01T00:00:00Z\n").unwrap();
    let service = Running::new(|it| it.bans = Guard::open(&file).unwrap()).await;
    let answer = service.post("/metaclient/login", GAME).await;
    assert_eq!(answer.status, 403);
    assert!(
        answer.body.contains("banned from this server until 2999-"),
        "{}",
        answer.body
    );
}

/// Aleph One checks the host name whatever its players have switched off.
#[tokio::test]
async fn the_services_own_certificate_is_for_the_names_that_games_have_built_in() {
    let directory = tempfile::tempdir().unwrap();
    // As it was made before names were looked at.
    let state = directory.path().join("https");
    let old = Identity::load_or_create(&state, &["localhost".to_owned()]).unwrap();
    let bind = async |hosts: &[&str]| {
        let url = default_database(directory.path());
        let accounts = Accounts::open(&url, accounts::Settings::default());
        let settings = Settings {
            listen: "127.0.0.1:0".parse().unwrap(),
            bans: Guard::none(),
            certificate: None,
            state_dir: directory.path().to_owned(),
            hosts: hosts.iter().map(|host| host.to_string()).collect(),
            sign_up: false,
            limits: Default::default(),
        };
        let service = Service::bind(settings, accounts.await.unwrap()).unwrap();
        service.fingerprint()
    };
    let names = || {
        Certificate::read(&state.join("cert.pem"))
            .unwrap()
            .remove(0)
            .names
    };
    let new = bind(&[HOST]).await;
    assert_ne!(new, old.fingerprint());
    assert!(names().contains(&HOST.to_owned()), "{:?}", names());
    assert_eq!(bind(&[HOST]).await, new, "it is kept");
    let rebuilt = bind(&[HOST, "games.example.org"]).await;
    assert_ne!(rebuilt, new);
    for name in [HOST, "games.example.org", "localhost"] {
        assert!(names().contains(&name.to_owned()), "{:?}", names());
    }
    assert_eq!(
        bind(&[HOST]).await,
        rebuilt,
        "it is for more than is needed"
    );
}
