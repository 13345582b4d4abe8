//! `kiln serve` under load: the real binary on loopback, models of the seed experiment's shape
//! (hidden 32, 2 layers, window 60, five features, 93 bars a request).
//!
//! ```text
//! cargo bench --bench serve -- --rate 1000 --steady 30 --full 600 --reloads 1000 --connections 32
//! ```
//!
//! `steady`: so many requests a second, each due at its own time; a latency counts from when the
//! request was due, so that a server that stops for a while is not asked less (what is called
//! coordinated omission). It holds the client's own lateness too, which `sent` shows. `full`: every
//! connection asks again as soon as it is answered. `reloads`: promotions between two versions
//! while `steady` goes on. Client and server share the machine. A regression means: p99 of `steady`
//! above 2 ms, memory that grows in `full`, or any failed request.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints, and fails by panicking"
)]

#[path = "../tests/it/serve/folder.rs"]
#[expect(dead_code, reason = "tests use more of it")]
mod folder;
#[path = "serve/load.rs"]
mod load;

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use folder::{NAME, Registry};
use load::{Load, Pace, Result};

/// What is measured.
struct Plan {
    rate: u64,
    steady: u64,
    full: u64,
    reloads: u32,
    connections: usize,
    flags: Vec<String>,
}

fn main() {
    let plan = plan();
    let registry = Registry::new(2);
    let server = Started::new(&registry, &plan.flags);
    let bars = folder::bars();
    let body = folder::request(&bars, 300, folder::forecaster(1).needs());
    let load = |pace, seconds| Load {
        at: server.at,
        model: NAME,
        body: &body,
        connections: plan.connections,
        pace,
        seconds,
    };
    println!(
        "{} bytes a request, {} connections, flags {:?}",
        body.len(),
        plan.connections,
        plan.flags
    );
    println!(
        "| phase | requests | failed | requests/s | p50 ms | p99 ms | p99.9 ms | most ms | sent \
            late p99 ms | resident MiB, first → last (most) |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    load(Pace::Rate(plan.rate), 2).run(&AtomicBool::new(false));
    if plan.steady > 0 {
        row(
            "steady",
            &load(Pace::Rate(plan.rate), plan.steady).run(&AtomicBool::new(false)),
            &[server.resident()],
        );
    }
    if plan.full > 0 {
        // The allocator and the pools have what they need after a while; from then on memory is to
        // stay.
        load(Pace::Full, (plan.full / 10).clamp(1, 20)).run(&AtomicBool::new(false));
        let over = AtomicBool::new(false);
        let (result, resident) = std::thread::scope(|scope| {
            let watched = scope.spawn(|| watch(&server, &over));
            let result = load(Pace::Full, plan.full).run(&AtomicBool::new(false));
            over.store(true, Ordering::Relaxed);
            (result, watched.join().unwrap())
        });
        row("full", &result, &resident);
    }
    if plan.reloads > 0 {
        let over = AtomicBool::new(false);
        let (result, resident) = std::thread::scope(|scope| {
            let loaded = scope.spawn(|| load(Pace::Rate(plan.rate), u64::MAX).run(&over));
            let first = server.resident();
            let started = Instant::now();
            for number in 0..plan.reloads {
                let version = 2 - number % 2;
                registry.promote("champion", version);
                server.wait_for(version);
            }
            println!("{} reloads in {:.1} s", plan.reloads, started.elapsed().as_secs_f64());
            over.store(true, Ordering::Relaxed);
            (loaded.join().unwrap(), vec![first, server.resident()])
        });
        row("reloads", &result, &resident);
    }
}

fn row(phase: &str, result: &Result, resident: &[f64]) {
    let Result { answered, failed, seconds, latency, late } = result;
    let per_second = *answered as f64 / seconds;
    let [p50, p99, p999, most] = [0.5, 0.99, 0.999, 1.0].map(|share| latency.at(share));
    let (first, last) = (resident.first().unwrap(), resident.last().unwrap());
    let top = resident.iter().copied().fold(0.0, f64::max);
    println!(
        "| {phase} | {answered} | {failed} | {per_second:.0} | {p50:.2} | {p99:.2} | {p999:.2} | \
            {most:.2} | {:.2} | {first:.1} → {last:.1} ({top:.1}) |",
        late.at(0.99)
    );
}

fn watch(server: &Started, over: &AtomicBool) -> Vec<f64> {
    let mut resident = vec![server.resident()];
    while !over.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_millis(500));
        resident.push(server.resident());
    }
    resident
}

fn plan() -> Plan {
    let mut plan =
        Plan { rate: 1000, steady: 3, full: 3, reloads: 20, connections: 32, flags: Vec::new() };
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    while let Some(name) = arguments.next() {
        let mut number = || {
            arguments
                .next()
                .and_then(|value| value.parse::<u64>().ok())
                .unwrap_or_else(|| panic!("{name} NUMBER"))
        };
        match &name[..] {
            "--rate" => plan.rate = number().max(1),
            "--steady" => plan.steady = number(),
            "--full" => plan.full = number(),
            "--reloads" => plan.reloads = u32::try_from(number()).unwrap(),
            "--connections" => plan.connections = usize::try_from(number()).unwrap().max(1),
            "--" => plan.flags = arguments.by_ref().collect(),
            other => panic!(
                "'{other}' is none of --rate, --steady, --full, --reloads, --connections, -- FLAGS \
                    OF kiln serve"
            ),
        }
    }
    plan
}

/// The server's process.
struct Started {
    child: Child,
    at: SocketAddr,
}

impl Started {
    fn new(registry: &Registry, flags: &[String]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_kiln"))
            .args(["serve", "--listen", "127.0.0.1:0", "--poll", "20ms", "--models"])
            .arg(registry.root())
            .args(flags)
            .stdout(Stdio::piped())
            // A line a request is made, as always, and kept nowhere: ten minutes of them would fill
            // the disk.
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let at = line.trim().trim_start_matches("listening on http://").parse().unwrap();
        Self { child, at }
    }

    /// MiB.
    fn resident(&self) -> f64 {
        let status =
            fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
        line.split_whitespace().next().and_then(|kib| kib.parse::<f64>().ok()).unwrap_or(f64::NAN)
            / 1024.0
    }

    fn wait_for(&self, version: u32) {
        let started = Instant::now();
        while load::version(self.at, NAME) != version {
            assert!(started.elapsed() < Duration::from_secs(30), "version {version} is not served");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
