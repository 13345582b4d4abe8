//! Which names a `Host` header may have. A page of another site that makes a browser take its
//! name is this machine's (DNS rebinding) sends its own name.

use std::net::IpAddr;

/// Whether a request for `host` (with or without a port), which came to `local`, is meant for this
/// server: it names the address that it came to, this machine from inside, or one of `allowed`.
pub(super) fn is_own(host: &str, local: IpAddr, allowed: &[String]) -> bool {
    let name = without_port(host);
    if name.eq_ignore_ascii_case("localhost")
        || allowed.iter().any(|allowed| allowed.eq_ignore_ascii_case(name))
    {
        return true;
    }
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    address.parse::<IpAddr>().is_ok_and(|address| {
        address == local.to_canonical()
            || (address.is_loopback() && local.to_canonical().is_loopback())
    })
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port))
            if port.bytes().all(|byte| byte.is_ascii_digit())
                && (!name.contains(':') || name.ends_with(']')) =>
        {
            name
        }
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_names_are_the_address_localhost_and_what_is_allowed() {
        let allowed = ["kiln.internal".to_owned()];
        let own = |host, local: &str| is_own(host, local.parse().unwrap(), &allowed);
        for host in [
            "127.0.0.1",
            "127.0.0.1:8080",
            "localhost:1",
            "LOCALHOST",
            "[::1]:8080",
            "kiln.internal",
            "Kiln.Internal:80",
        ] {
            assert!(own(host, "127.0.0.1"), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "evil.example:8080",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "10.0.0.1",
            "127.0.0.1@evil:1",
            "[::1",
        ] {
            assert!(!own(host, "127.0.0.1"), "{host}");
        }
        assert!(
            own("10.0.0.5:80", "10.0.0.5")
                && own("10.0.0.5", "::ffff:10.0.0.5")
                && !own("127.0.0.1", "10.0.0.5")
        );
        assert!(own("[fd00::1]:80", "fd00::1"));
    }
}
