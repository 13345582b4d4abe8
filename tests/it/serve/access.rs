//! Who may ask: S1 to S6.

use clap::Parser;
use kiln::cmd::{Cli, Verb};

use super::client::{get, predict, raw, send};
use super::fake::{Running, TOKEN, WINDOW, config, with_token};

#[test]
fn listens_on_this_machine_alone_unless_told_otherwise() {
    let Verb::Serve(args) = Cli::try_parse_from(["kiln", "serve"]).unwrap().verb else {
        panic!("serve")
    };
    assert_eq!(args.listen, "127.0.0.1:8080".parse().unwrap());
    assert!(Running::plain().at.ip().is_loopback());
}

#[test]
fn others_are_let_in_with_a_token_only() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:80", "[::ffff:10.0.0.1]:80"] {
        let mut open = config();
        open.listen = address.parse().unwrap();
        let refused = open.check().unwrap_err().to_string();
        assert!(refused.contains("--token-file"), "{refused}");
        open.token = with_token().token;
        assert!(open.check().is_ok());
    }
}

#[test]
fn without_the_token_nothing_is_told() {
    let running = Running::new(with_token(), super::fake::Fake::one());
    let at = running.at;
    let with = |path: &str, line: &str| send(at, "GET", path, line, "");
    for path in [
        "/v1/models",
        "/v1/models/m",
        "/v1/models/m/drift",
        "/metrics",
        "/v1/models/m/predict",
        "/nothing",
        "/v1/models/unknown",
    ] {
        for line in [
            "",
            "Authorization: Bearer wrong-horse-battery-staple\r\n",
            "Authorization: correct-horse-battery-staple\r\n",
            "Authorization: Basic Y29ycmVjdA==\r\n",
        ] {
            let reply = with(path, line);
            assert_eq!(
                (reply.status, reply.code().as_str(), reply.header("www-authenticate")),
                (401, "unauthorized", Some("Bearer")),
                "{path}"
            );
            assert!(!reply.body.contains("champion") && !reply.body.contains("\"m\""), "{reply:?}");
        }
    }
    assert_eq!(predict(at, "m", WINDOW).status, 401);
    let line = format!("Authorization: Bearer {TOKEN}\r\n");
    assert_eq!(with("/v1/models", &line).status, 200);
    assert_eq!(
        send(
            at,
            "POST",
            "/v1/models/m/predict",
            &format!("{line}Content-Type: application/json\r\n"),
            WINDOW
        )
        .status,
        200
    );
    // One word each, for anyone who looks whether the service lives; and the page, which has no
    // model's name in it.
    for path in ["/healthz", "/readyz", "/openapi.json", "/docs/"] {
        let reply = get(at, path);
        assert_eq!(reply.status, 200, "{path}");
        assert!(!reply.body.contains(TOKEN));
    }
}

#[test]
fn a_page_of_another_name_is_not_answered() {
    let running = Running::new(
        kiln::serve::Config { hosts: vec!["kiln.internal".to_owned()], ..config() },
        super::fake::Fake::one(),
    );
    let at = running.at;
    for host in ["evil.example", "evil.example:8080", "127.0.0.1.evil.example", "10.1.2.3", ""] {
        let reply = send(at, "GET", "/v1/models", &format!("Host: {host}\r\n"), "");
        assert_eq!((reply.status, reply.code().as_str()), (421, "other_host"), "{host}");
        assert!(!reply.body.contains("champion"));
    }
    for host in [
        at.to_string(),
        "localhost".to_owned(),
        "localhost:1".to_owned(),
        "kiln.internal:80".to_owned(),
    ] {
        assert_eq!(
            send(at, "GET", "/v1/models", &format!("Host: {host}\r\n"), "").status,
            200,
            "{host}"
        );
    }
    assert_eq!(
        send(at, "GET", "http://evil.example/v1/models", "Host: localhost\r\n", "").status,
        421
    );
    assert_eq!(
        send(at, "GET", "/v1/models", "Host: localhost\r\nHost: evil.example\r\n", "").status,
        400
    );
    assert!(
        raw(at, b"GET /v1/models HTTP/1.1\r\nConnection: close\r\n\r\n")
            .starts_with("HTTP/1.1 400 ")
    );
}

#[test]
fn no_other_site_may_read_answers() {
    let running = Running::plain();
    for method in ["GET", "OPTIONS", "POST"] {
        for path in ["/v1/models", "/v1/models/m/predict", "/docs/"] {
            let lines = "Origin: https://evil.example\r\nAccess-Control-Request-Method: \
                POST\r\nContent-Type: text/plain\r\n";
            let reply = send(running.at, method, path, lines, "");
            assert!(!reply.head.to_ascii_lowercase().contains("access-control"), "{reply:?}");
            assert!(method != "OPTIONS" || reply.status == 405, "{reply:?}");
            assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
        }
    }
}

#[test]
fn unknown_paths_and_methods_get_a_short_answer() {
    let running = Running::plain();
    for (method, path, status, code) in [
        ("GET", "/", 404, "not_found"),
        ("GET", "/v2/models", 404, "not_found"),
        ("GET", "/v1/models/m/predict/x", 404, "not_found"),
        ("GET", "/docs/../../etc/passwd", 404, "not_found"),
        ("GET", "/docs/nothing.js", 404, "not_found"),
        ("POST", "/v1/models", 405, "method_not_allowed"),
        ("GET", "/v1/models/m/predict", 405, "method_not_allowed"),
        ("DELETE", "/v1/models/m", 405, "method_not_allowed"),
        ("PUT", "/v1/models/m/predict", 405, "method_not_allowed"),
        ("TRACE", "/healthz", 405, "method_not_allowed"),
    ] {
        let reply = send(running.at, method, path, "", "");
        assert_eq!((reply.status, reply.code().as_str()), (status, code), "{method} {path}");
        for secret in [".rs", "/root", "/home", "src/", "panicked", "etc"] {
            assert!(!reply.body.contains(secret), "{reply:?}");
        }
    }
}
