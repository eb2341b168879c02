//! The number of instructions for a tick of the feed, counted by valgrind's callgrind: the same
//! each time, whatever else the machine does. `cargo bench -p metaserve --bench instructions`
//! prints them beside the expected numbers, and fails when a tick costs a tenth more.
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

/// One tick of a list, and the expected number of instructions.
struct Case {
    servers: usize,
    changed: usize,
    clients: usize,
    expected: u64,
}

const CASES: [Case; 5] = [
    case(1_000, 100, 0, 303_000),
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

/// The change that another version of the compiler may cause.
const TOLERANCE: f64 = 0.10;

/// The number of the case, set for the copy of this program that is counted.
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
            _ if change < -TOLERANCE => "cheaper: update the expected number",
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

/// The instructions of a case; `None` without valgrind.
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
    let (_, counted) = line.expect("callgrind prints what it has collected");
    Some(counted.trim().parse().expect("a number"))
}

fn run(case: &Case) -> ExitCode {
    let mut stage = Stage::new(case.servers);
    let feed = stage.feed();
    let mut clients: Vec<Subscription> = (0..case.clients).map(|_| feed.subscribe(None)).collect();
    serve(&mut clients);
    // Work that is done only once is not part of a tick.
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

/// The counted function. callgrind selects it by its name.
#[inline(never)]
fn counted_tick(stage: &Stage, clients: &mut [Subscription]) {
    stage.tick();
    std::hint::black_box(serve(clients));
}
