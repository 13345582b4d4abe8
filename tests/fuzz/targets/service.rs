//! What comes over the network to a service that runs in this process: bodies, and whatever is no
//! HTTP at all.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use kiln::serve::{Config, Limits, Registered, Selection, Server, Timeouts, start};
use lane_types::DeviceSpec;

use super::models::{frozen, model};

fn address() -> SocketAddr {
    static SERVER: OnceLock<Server> = OnceLock::new();
    let server = SERVER.get_or_init(|| {
        let config = Config {
            listen: "127.0.0.1:0".parse().unwrap(),
            selection: Selection::Champions,
            shadow: "shadow".into(),
            token: None,
            hosts: Vec::new(),
            limits: Limits::default(),
            timeouts: Timeouts {
                header: Duration::from_secs(1),
                body: Duration::from_secs(1),
                ..Timeouts::default()
            },
        };
        let catalog = Registered::new(frozen(), burn_lanes::open(DeviceSpec::Flex).unwrap());
        start(config, Arc::new(catalog), "2026-01-02T03:04:05Z").unwrap()
    });
    server.address()
}

/// The body of a request, with headers that are right.
pub(super) fn json(bytes: &[u8]) -> Result<(), String> {
    body("application/json", bytes)
}

pub(super) fn csv(bytes: &[u8]) -> Result<(), String> {
    body("text/csv", bytes)
}

fn body(kind: &str, bytes: &[u8]) -> Result<(), String> {
    let head = format!(
        "POST /v1/models/minute/predict HTTP/1.1\r\nHost: localhost\r\nConnection: \
            close\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
        bytes.len()
    );
    let answer = exchanged(&[head.as_bytes(), bytes].concat(), After::Listen)?;
    let status =
        String::from_utf8_lossy(&answer).split(' ').nth(1).map(str::to_owned).unwrap_or_default();
    // 503: the model was not loaded yet, or the machine is busy.
    if ["200", "400", "413", "422", "503"].contains(&status.as_str()) {
        Ok(())
    } else {
        Err(format!("status '{status}'"))
    }
}

/// Whatever is sent, and the service lives.
pub(super) fn raw(bytes: &[u8]) -> Result<(), String> {
    exchanged(bytes, After::HangUp)?;
    let health = exchanged(
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        After::Listen,
    )?;
    if health.starts_with(b"HTTP/1.1 200") {
        Ok(())
    } else {
        Err(format!("afterwards: {}", String::from_utf8_lossy(&health)))
    }
}

/// What a client does when it has sent its bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum After {
    Listen,
    /// Says that nothing more will come, which a service may take for a client that has gone.
    HangUp,
}

/// Sends bytes and reads until the service closes.
fn exchanged(bytes: &[u8], after: After) -> Result<Vec<u8>, String> {
    let mut stream = loop {
        match TcpStream::connect(address()) {
            Ok(stream) => break stream,
            // Thousands of connections a second use up the ports; they come back.
            Err(error) if error.kind() == ErrorKind::AddrNotAvailable => {
                std::thread::sleep(Duration::from_millis(200))
            }
            Err(error) => return Err(format!("no connection: {error}")),
        }
    };
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    // It may have refused, and closed, before all was sent.
    drop(stream.write_all(bytes));
    if after == After::HangUp {
        drop(stream.shutdown(Shutdown::Write));
    }
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
            Err("no end after 10 s".to_owned())
        }
        _ => Ok(answer),
    }
}

pub(super) fn bodies() -> Vec<Vec<u8>> {
    let card = model().card;
    let (window, columns) = (card.settings.data.window, card.settings.data.features.len());
    let row = format!("[{}]", vec!["0.5"; columns].join(","));
    let rows = format!("[{}]", vec![row.as_str(); window].join(","));
    let bar = |minute: usize| {
        let ts = 1_715_131_860 + 60 * minute;
        format!(
            r#"{{"ts": {ts}, "open": 3000, "high": 3001.5, "low": 2999, "close": 3000.5,
                "volume": 7}}"#
        )
    };
    let bars: Vec<String> = (0..card.warm_up() + window).map(bar).collect();
    [
        format!(r#"{{"features": {rows}, "coverage": 0.8}}"#),
        format!(r#"{{"bars": [{}]}}"#, bars.join(",")),
        format!(r#"{{"instances": [{{"features": {rows}}}, {{"features": {rows}}}]}}"#),
    ]
    .map(String::into_bytes)
    .to_vec()
}

pub(super) fn tables() -> Vec<Vec<u8>> {
    let card = model().card;
    let line =
        |minute: usize| format!("{},3000,3001.5,2999,3000.5,7\n", 1_715_131_860 + 60 * minute);
    let lines: String = (0..card.warm_up() + card.settings.data.window).map(line).collect();
    vec![format!("ts,open,high,low,close,volume\n{lines}").into_bytes()]
}

pub(super) fn requests() -> Vec<Vec<u8>> {
    let features = String::from_utf8(bodies().swap_remove(0)).unwrap();
    let post = format!(
        "POST /v1/models/minute@1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: \
            application/json\r\nContent-Length: {}\r\n\r\n{features}",
        features.len()
    );
    [
        "GET /v1/models HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\nGET /metrics \
            HTTP/1.1\r\nHost: localhost\r\n\r\n"
            .to_owned(),
        "POST /v1/models/minute/predict HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: \
            chunked\r\nContent-Type: application/json\r\n\r\n5\r\n{\"fea\r\n0\r\n\r\n"
            .to_owned(),
        post,
    ]
    .map(String::into_bytes)
    .to_vec()
}
