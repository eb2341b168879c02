//! Tests of the program itself: where its settings come from, and how it ends.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use metaserve_lobby_bridge::{
    command_line::{self, Asked},
    settings::Bridge,
    vcmi,
};
use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    os::unix::net::UnixDatagram,
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};
use tokio_util::sync::CancellationToken;

fn program(file: &str) -> (tempfile::TempDir, Command) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("bridge.toml");
    fs::write(&path, file).expect("a file in it");
    let mut command = Command::new(env!("CARGO_BIN_EXE_metaserve-lobby-bridge"));
    command
        .arg("--config")
        .arg(path)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    (directory, command)
}

#[test]
fn the_environment_overrides_the_file() {
    let (_directory, mut command) = program("vcmi = \"127.0.0.1:0\"\nvcmi-capacity = 5");
    let output = command
        .env("METASERVE_BRIDGE_VCMI_CAPACITY", "0")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        said,
        "metaserve-lobby-bridge: METASERVE_BRIDGE_VCMI_CAPACITY: 0 is out of range: choose 1 or \
         more, up to 1000000\n"
    );
}

#[test]
fn an_address_in_use_is_an_error_that_names_it() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let (_directory, mut command) = program(&format!("vcmi = \"{address}\""));
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said.contains(&format!(
            "cannot listen on {address}: choose an address of this machine and a free port\n  \
             because: "
        )),
        "{said}"
    );
}

#[test]
fn flags_override_the_environment_and_sigterm_shuts_down_in_order() {
    let (_directory, mut command) = program("vcmi = \"127.0.0.1:0\"");
    command
        .env("METASERVE_BRIDGE_VCMI_CAPACITY", "0")
        .args(["--vcmi-capacity", "7"]);
    let mut child = command.spawn().unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
    let open = log
        .find_map(|line| line.ok().filter(|line| line.contains("is open")))
        .unwrap();
    assert!(open.contains("capacity=7"), "{open}");
    let address = address_in(&open);

    let mut guest = TcpStream::connect(address).unwrap();
    let ended = Command::new("kill")
        .arg(child.id().to_string())
        .status()
        .unwrap();
    assert!(ended.success());
    assert_eq!(guest.read(&mut [0]).unwrap(), 0, "the end of the stream");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// Makes the service manager's end of the notify socket.
fn manager(command: &mut Command) -> (tempfile::TempDir, UnixDatagram) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("notify");
    let socket = UnixDatagram::bind(&path).expect("a socket in it");
    command.env("NOTIFY_SOCKET", path);
    (directory, socket)
}

/// Logs in like a launcher from the time of the text lobby, and returns the first answer.
fn greeted(lobby: SocketAddr, name: &str) -> String {
    let mut launcher = TcpStream::connect(lobby).unwrap();
    let hello = format!("\u{5}\u{4}utf8<GREETINGS>{name}<VER>1.3.2");
    let length = u32::try_from(hello.len()).unwrap().to_le_bytes();
    launcher.write_all(&length).unwrap();
    launcher.write_all(hello.as_bytes()).unwrap();
    let mut told = vec![0; 64];
    let read = launcher.read(&mut told).unwrap();
    String::from_utf8_lossy(&told[..read]).into_owned()
}

fn end(mut child: Child) {
    let id = child.id().to_string();
    assert!(Command::new("kill").arg(id).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// A user saw a full disk end the program at its start.
#[test]
fn output_and_log_on_a_full_disk_do_not_matter() {
    let (_directory, mut command) = program("vcmi = \"127.0.0.1:0\"");
    let (_manager, socket) = manager(&mut command);
    let full = || File::create("/dev/full").unwrap();
    let child = command.stdout(full()).stderr(full()).spawn().unwrap();
    let mut told = [0; 64];
    let length = socket.recv(&mut told).unwrap();
    assert!(told[..length].starts_with(b"READY=1"));
    end(child);
}

/// After the first log line that could not be written, the lobby closed every connection, and did
/// not shut down when asked to.
#[test]
fn a_log_without_a_reader_does_not_affect_the_lobby() {
    let (_directory, mut command) = program("vcmi = \"127.0.0.1:0\"");
    let mut child = command.spawn().unwrap();
    let log = BufReader::new(child.stderr.take().unwrap());
    let open = log.lines().map_while(Result::ok);
    let open = open.filter(|line| line.contains("is open")).take(1);
    let address = open.map(|line| address_in(&line)).next().unwrap();
    // The reader of the log is gone.
    for name in ["ann", "bob", "cid"] {
        assert!(greeted(address, name).contains(":>>USERS"), "{name}");
    }
    end(child);
}

fn address_in(line: &str) -> SocketAddr {
    let (_, address) = line.split_once("address=").unwrap();
    address.split(' ').next().unwrap().parse().unwrap()
}

#[test]
fn a_mistyped_log_filter_is_an_error() {
    let (_directory, mut command) = program("vcmi = \"127.0.0.1:0\"\nlog = \"inof\"");
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("`inof` is not a level"), "{said}");
}

/// Otherwise a lobby that lost its state would look alive: it listens, and its process runs.
#[tokio::test]
async fn a_lobby_that_fails_ends_the_program_with_an_error_that_names_it() {
    let Ok(Asked::Service(given, _)) = command_line::ask(["bridge", "--vcmi", "127.0.0.1:0"])
    else {
        panic!("a lobby");
    };
    let mut bridge = Bridge::of(given.settle().unwrap().settings).unwrap();
    let lobby = vcmi::Settings {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        // Too long to compute when it ends.
        health_check: Duration::MAX,
        ..vcmi::Settings::default()
    };
    bridge.protocols = vec![Arc::new(lobby)];
    let ended = metaserve_lobby_bridge::run(bridge, CancellationToken::new()).await;
    let said = ended.unwrap_err().to_string();
    assert!(said.starts_with("the VCMI lobby at 127.0.0.1:"), "{said}");
    let why = "the owner of its state has stopped: it panicked";
    assert!(said.contains(why), "{said}");
}

const FIVE_MISTAKES: &str = "vcmi = \"127.0.0.1:0\"\nvcmi-capacty = 3\nvcmi-healthcheck = \"1s\"\n\
                             vcmi-pipes = true\nvcmi-statistics = \"maybe\"\nvcmi = \"[::]:1\"";

#[test]
fn five_mistakes_in_a_file_are_five_lines_of_check_and_start() {
    for (command, code) in [(&["check"][..], 1), (&[], 2)] {
        let (directory, mut program) = program(FIVE_MISTAKES);
        let output = program.args(command).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{said}");
        let file = directory.path().join("bridge.toml");
        for mistake in [
            "line 2: `vcmi-capacty` is not a setting: did you mean `vcmi-capacity`?",
            "line 3: `vcmi-healthcheck`: 1s is out of range: choose 10s or more, up to 1h",
            "line 4: `vcmi-pipes`: write a number, without quotes",
            "line 5: `vcmi-statistics`: \"maybe\": write on or off",
            "line 6: `vcmi` is given twice",
        ] {
            let mistake = format!("{}, {mistake}", file.display());
            assert!(said.contains(&mistake), "{mistake}: {said}");
        }
    }
}

#[test]
fn check_shows_where_values_come_from_and_warns_of_no_hub() {
    let file = "vcmi = \"127.0.0.1:0\"\naleph-one = \"127.0.0.1:0\"\nstate-dir = \"STATE\"";
    let state = tempfile::tempdir().unwrap();
    let file = file.replace("STATE", state.path().to_str().unwrap());
    let (_directory, mut command) = program(&file);
    // The first use creates it.
    let (_directory2, mut hub) = program(&file);
    assert!(
        hub.args(["account", "list"])
            .output()
            .unwrap()
            .status
            .code()
            == Some(1)
    );
    let (_directory3, mut hub) = program(&file);
    hub.args(["hub", "add", "hub.example", "4226"])
        .output()
        .unwrap();
    let (_directory4, mut hub) = program(&file);
    hub.args(["hub", "remove", "1"]).output().unwrap();
    let secret = "sqlite:secret.sqlite";
    let output = command.arg("check").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(
        said.contains("bridge.toml, line 1") && said.contains("no hub"),
        "{said}"
    );
    assert!(said.ends_with("the bridge would start\n"), "{said}");
    let (_directory5, mut command) = program(&file);
    command.env("METASERVE_BRIDGE_DATABASE", secret);
    let output = command.arg("check").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        said.contains("(not shown)") && !said.contains(secret),
        "{said}"
    );
}

#[test]
fn check_opens_the_https_certificate_and_creates_nothing() {
    let state = tempfile::tempdir().unwrap();
    let file = format!(
        "aleph-one = \"127.0.0.1:0\"\naleph-one-https = \"127.0.0.1:0\"\nstate-dir = '{}'",
        state.path().display()
    );
    let check = |more: &str| {
        let (_directory, mut command) = program(&format!("{file}\n{more}"));
        let output = command.arg("check").output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (
            output.status.code(),
            text(&output.stdout),
            text(&output.stderr),
        )
    };
    let (code, said, problems) = check("");
    assert_eq!(code, Some(0), "{problems}");
    assert!(
        said.contains("HTTPS certificate: its own, which will be made at the first start"),
        "{said}"
    );
    // Nor is the database created.
    assert!(
        said.contains("which will be created, and has no hub"),
        "{said}"
    );
    assert_eq!(fs::read_dir(state.path()).unwrap().count(), 0);

    let names = ["games.example.org".to_owned()];
    metaserve::Identity::load_or_create(&state.path().join("https"), &names).unwrap();
    let (code, said, problems) = check("");
    assert_eq!(code, Some(0), "{problems}");
    let again = "it does not cover metaserver.lhowon.org, and will be made again";
    assert!(
        said.contains("names: games.example.org\n") && said.contains(again),
        "{said}"
    );

    let [chain, key] = ["cert.pem", "key.pem"].map(|it| state.path().join("https").join(it));
    let files = |chain: &Path, key: &Path| {
        let (chain, key) = (chain.display(), key.display());
        format!("aleph-one-cert = '{chain}'\naleph-one-key = '{key}'")
    };
    let (code, said, problems) = check(&files(&chain, &key));
    assert_eq!(code, Some(0), "{problems}");
    assert!(
        said.contains("it does not cover metaserver.lhowon.org: games"),
        "{said}"
    );

    let (code, _, problems) = check(&files(&chain, &state.path().join("none.pem")));
    assert_eq!(code, Some(1));
    let wrong = "cannot use the HTTPS certificate (--aleph-one-cert)";
    assert!(
        problems.contains(wrong) && problems.contains("none.pem"),
        "{problems}"
    );
}

#[test]
fn former_names_of_aleph_ones_settings_work_everywhere() {
    let (_directory, mut command) = program("myth = \"127.0.0.1:0\"\nmyth-players = 7");
    command.env("METASERVE_BRIDGE_MYTH_LOGINS", "8");
    let output = command.args(["--myth-per-address", "9", "check"]).output();
    let output = output.unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let said = String::from_utf8_lossy(&output.stdout);
    for (name, value, from) in [
        ("aleph-one", "127.0.0.1:0", "bridge.toml, line 1"),
        ("aleph-one-players", "7", "bridge.toml, line 2"),
        ("aleph-one-logins", "8", "METASERVE_BRIDGE_MYTH_LOGINS"),
        ("aleph-one-per-address", "9", "--aleph-one-per-address"),
    ] {
        let mut lines = said.lines();
        let line = lines.find(|line| line.split_whitespace().next() == Some(name));
        let line = line.unwrap();
        let is_so = line.contains(&format!(" {value} ")) && line.ends_with(from);
        assert!(is_so, "{line}");
    }
}

#[test]
fn a_reload_applies_valid_settings_and_names_mistakes() {
    let (directory, mut command) = program("vcmi = \"127.0.0.1:0\"");
    let mut child = command.spawn().unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut logged = |text: &str| log.find_map(|line| line.ok().filter(|it| it.contains(text)));
    let open = logged("is open").unwrap();
    let reload = |settings: &str| {
        fs::write(directory.path().join("bridge.toml"), settings).unwrap();
        let id = child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-HUP", &id])
                .status()
                .unwrap()
                .success()
        );
    };
    reload("vcmi = \"127.0.0.1:0\"\nlog = \"inof\"\nvcmi-capacity = 0");
    let stays = logged("keeping the running configuration").unwrap();
    assert!(
        stays.contains("line 2: `log`") && stays.contains("is not a level"),
        "{stays}"
    );
    let stays = logged("keeping the running configuration").unwrap();
    assert!(stays.contains("line 3: `vcmi-capacity`"), "{stays}");
    reload("vcmi = \"127.0.0.1:0\"\nlog = \"debug\"\nvcmi-capacity = 9");
    let line = logged("the configuration was reloaded").unwrap();
    assert!(line.ends_with("--log changed"), "{line}");
    let line = logged("needs a restart").unwrap();
    assert!(line.ends_with("--vcmi-capacity"), "{line}");
    assert!(greeted(address_in(&open), "ann").contains(":>>USERS"));
    drop(log);
    end(child);
}

#[test]
fn the_service_manager_gets_signs_of_life_from_all_lobbies() {
    let (directory, mut command) = program(
        "vcmi = \"127.0.0.1:0\"\naleph-one = \"127.0.0.1:0\"\naleph-one-room = [\"a=127.0.0.1:0\"]",
    );
    let path = directory.path().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    let patience = Some(Duration::from_secs(60));
    manager.set_read_timeout(patience).unwrap();
    let mut child = command
        .current_dir(&directory)
        .env("NOTIFY_SOCKET", &path)
        .env("WATCHDOG_USEC", "1000000")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut signs = 0;
    while signs < 3 {
        let mut message = [0; 1024];
        let length = manager.recv(&mut message).unwrap();
        signs += usize::from(message[..length].starts_with(b"WATCHDOG=1"));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}
