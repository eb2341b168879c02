//! How many instructions a tick of the feed takes, counted by valgrind's callgrind: the same each
//! time, whatever else the machine does. `cargo bench -p metaserve --bench instructions` prints
//! them beside those that are expected, and fails when a tick has become a tenth dearer.
//!
//! Without valgrind it says so, and counts nothing.
#![forbid(unsafe_code)]

mod stage;

use metaserve::feed::Subscription;
use stage::{Stage, serve};
use std::{
    env,
    process::{Command, ExitCode, Output},
};

/// One tick of a list, and the instructions that it took when this was last written down.
struct Case {
    servers: usize,
    changed: usize,
    clients: usize,
    expected: u64,
}

const CASES: [Case; 5] = [
    case(1_000, 100, 0, 197_000),
    case(1_000, 100, 100, 2_185_000),
    case(1_000, 100, 1_000, 2_657_000),
    case(1_000, 1_000, 100, 23_175_000),
    case(10_000, 100, 100, 2_175_000),
];

const fn case(servers: usize, changed: usize, clients: usize, expected: u64) -> Case {
    Case {
        servers,
        changed,
        clients,
        expected,
    }
}

/// What the compiler's next version may change.
const TOLERANCE: f64 = 0.10;

/// Set for the copy of this program that is counted: the number of its case.
const COUNTED: &str = "METASERVE_BENCH_CASE";

fn main() -> ExitCode {
    if let Some(number) = env::var_os(COUNTED) {
        let number: usize = number.to_string_lossy().parse().expect("a number");
        return run(&CASES[number]);
    }
    println!("instructions of one tick (servers, changed, clients), counted by callgrind");
    let mut worse = 0;
    for (number, case) in CASES.iter().enumerate() {
        let Some(counted) = count(number) else {
            println!("valgrind is not installed: nothing was counted (apt-get install valgrind)");
            return ExitCode::SUCCESS;
        };
        let change = counted as f64 / case.expected as f64 - 1.0;
        let verdict = match change {
            _ if change > TOLERANCE => "DEARER",
            _ if change < -TOLERANCE => "cheaper: write it down",
            _ => "as expected",
        };
        worse += usize::from(change > TOLERANCE);
        println!(
            "({:>6}, {:>5}, {:>5}) {counted:>12}, expected {:>12}, {:+.1}%: {verdict}",
            case.servers,
            case.changed,
            case.clients,
            case.expected,
            change * 100.0
        );
    }
    match worse {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

/// The instructions of a case; none without valgrind.
fn count(number: usize) -> Option<u64> {
    let Output { status, stderr, .. } = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .args(["--collect-atstart=no", "--toggle-collect=*counted_tick*"])
        .arg(env::current_exe().ok()?)
        .env(COUNTED, number.to_string())
        .output()
        .ok()?;
    let said = String::from_utf8_lossy(&stderr);
    assert!(status.success(), "{said}");
    let line = said.lines().find_map(|line| line.split_once("Collected :"));
    let (_, counted) = line.expect("callgrind says what it has collected");
    Some(counted.trim().parse().expect("a number"))
}

fn run(case: &Case) -> ExitCode {
    let mut stage = Stage::new(case.servers);
    let feed = stage.feed();
    let mut clients: Vec<Subscription> = (0..case.clients).map(|_| feed.subscribe(None)).collect();
    serve(&mut clients);
    // What is made once is not what a tick costs.
    for _ in 0..3 {
        stage.change(case.changed);
        counted_never(&stage, &mut clients);
    }
    stage.change(case.changed);
    counted_tick(&stage, &mut clients);
    ExitCode::SUCCESS
}

fn counted_never(stage: &Stage, clients: &mut [Subscription]) {
    stage.tick();
    std::hint::black_box(serve(clients));
}

/// What is counted. Its name is what callgrind is told.
#[inline(never)]
fn counted_tick(stage: &Stage, clients: &mut [Subscription]) {
    stage.tick();
    std::hint::black_box(serve(clients));
}
