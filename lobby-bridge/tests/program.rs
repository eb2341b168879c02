//! The program itself: what it takes from where, and how it ends.

#![cfg(unix)]

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    net::{SocketAddr, TcpStream},
    process::{Command, Stdio},
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
    let (_, address) = open.split_once("address=").unwrap();
    let address: SocketAddr = address.split(' ').next().unwrap().parse().unwrap();

    let mut guest = TcpStream::connect(address).unwrap();
    let ended = Command::new("kill")
        .arg(child.id().to_string())
        .status()
        .unwrap();
    assert!(ended.success());
    assert_eq!(guest.read(&mut [0]).unwrap(), 0, "the end of the stream");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
