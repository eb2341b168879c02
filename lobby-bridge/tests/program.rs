//! The program itself: what it takes from where, and how it ends.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    os::unix::net::UnixDatagram,
    process::{Child, Command, Stdio},
    time::Duration,
};

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
fn the_environment_wins_over_the_file() {
    let (_directory, mut command) = program("vcmi = \"127.0.0.1:0\"\nvcmi-capacity = 5");
    let output = command
        .env("METASERVE_BRIDGE_VCMI_CAPACITY", "0")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        said,
        "metaserve-lobby-bridge: `vcmi-capacity` must be at least 1\n"
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
        said.contains(&format!("cannot listen on {address}\n  because: ")),
        "{said}"
    );
}

#[test]
fn flags_win_over_the_environment_and_sigterm_ends_it_in_order() {
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

/// The service manager's end of what the program tells it.
fn manager(command: &mut Command) -> (tempfile::TempDir, UnixDatagram) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("notify");
    let socket = UnixDatagram::bind(&path).expect("a socket in it");
    command.env("NOTIFY_SOCKET", path);
    (directory, socket)
}

/// A launcher of the text-lobby era that has logged in: what it is told first.
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

/// A full disk ended the program at its start.
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

/// The lobby closed every connection from its first line on that could not be written, and did not
/// end when it was asked to.
#[test]
fn a_log_that_nobody_reads_any_longer_costs_the_lobby_nothing() {
    let (_directory, mut command) = program("vcmi = \"127.0.0.1:0\"");
    let mut child = command.spawn().unwrap();
    let log = BufReader::new(child.stderr.take().unwrap());
    let open = log.lines().map_while(Result::ok);
    let open = open.filter(|line| line.contains("is open")).take(1);
    let address = open.map(|line| address_in(&line)).next().unwrap();
    // The reader is gone.
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

/// A lobby whose state is lost would look alive: it listens, its process lives.
#[test]
fn a_lobby_that_fails_ends_the_program_with_an_error_that_names_it() {
    // So long that the end of it cannot be computed.
    let never = i64::MAX;
    let (_directory, mut command) = program(&format!(
        "vcmi = \"127.0.0.1:0\"\nvcmi-healthcheck = {never}"
    ));
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let named = |line: &str| {
        line.contains("the VCMI lobby at 127.0.0.1:")
            && line.contains("the owner of its state has stopped: it panicked")
    };
    let logged = said
        .lines()
        .any(|line| line.contains("ERROR") && named(line));
    let told = said
        .lines()
        .any(|line| line.starts_with("metaserve-lobby-bridge: ") && named(line));
    assert!(logged && told, "{said}");
}

#[test]
fn a_service_manager_is_shown_that_the_lobbies_live() {
    let (directory, mut command) =
        program("vcmi = \"127.0.0.1:0\"\nmyth = \"127.0.0.1:0\"\nmyth-room = [\"a=127.0.0.1:0\"]");
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
