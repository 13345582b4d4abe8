//! A tracking server.

use serde_json::Value as Json;
use std::time::Duration;
use ureq::Agent;

use crate::export::ExportError;
use text::clean;

/// A tracking server and who asks it.
#[derive(Clone, Debug)]
pub struct Server {
    agent: Agent,
    /// `http://host:port`, without a slash at its end.
    base: String,
    authorization: Option<Secret>,
}

/// What must not be shown.
#[derive(Clone)]
struct Secret(String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(secret)")
    }
}

/// An answer that is no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub status: u16,
    /// MLflow's word for the cause; empty where it gave none.
    pub code: String,
    pub message: String,
}

/// More than any answer to what is asked here.
const MOST_BYTES: u64 = 16 << 20;

impl Server {
    /// The server at `url` (`http://…` or `https://…`), asked with a bearer token if there is one;
    /// each request must be answered within `patience`. Redirections are not followed.
    ///
    /// # Errors
    /// When the URL is none, or carries a password.
    pub fn new(url: &str, token: Option<String>, patience: Duration) -> Result<Self, ExportError> {
        let shown = clean(url);
        let Some(rest) = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"))
        else {
            return Err(ExportError::new(format!(
                "'{shown}' is no URL of a tracking server (such as http://127.0.0.1:5000)"
            )));
        };
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if host.contains('@') {
            return Err(ExportError::new(
                "a URL with a password would be seen in the list of processes: set \
                    MLFLOW_TRACKING_TOKEN"
                    .to_owned(),
            ));
        }
        if host.is_empty()
            || rest.contains(['?', '#'])
            || !url.bytes().all(|byte| byte.is_ascii_graphic())
        {
            return Err(ExportError::new(format!(
                "'{shown}' is no URL of a tracking server (such as http://127.0.0.1:5000)"
            )));
        }
        if token.as_ref().is_some_and(|token| {
            token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic())
        }) {
            return Err(ExportError::new(
                "MLFLOW_TRACKING_TOKEN is empty, or holds blanks or other characters that no token \
                    has".to_owned(),
            ));
        }
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(patience))
            .user_agent(concat!("kiln/", env!("CARGO_PKG_VERSION")))
            .build();
        let authorization = token.map(|token| Secret(format!("Bearer {token}")));
        Ok(Self { agent: config.into(), base: url.trim_end_matches('/').to_owned(), authorization })
    }

    pub(super) fn get(
        &self,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<Result<Json, Refused>, ExportError> {
        let mut request = self.agent.get(self.url(path));
        if let Some(Secret(value)) = &self.authorization {
            request = request.header("Authorization", value);
        }
        for (key, value) in query {
            request = request.query(key, value);
        }
        self.answer(path, request.call())
    }

    pub(super) fn post(
        &self,
        path: &str,
        body: &Json,
    ) -> Result<Result<Json, Refused>, ExportError> {
        let mut request = self.agent.post(self.url(path));
        if let Some(Secret(value)) = &self.authorization {
            request = request.header("Authorization", value);
        }
        self.answer(path, request.send_json(body))
    }

    fn url(&self, path: &str) -> String {
        format!("{}/api/2.0/mlflow/{path}", self.base)
    }

    fn answer(
        &self,
        path: &str,
        answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> Result<Result<Json, Refused>, ExportError> {
        let failed = |error: ureq::Error| {
            ExportError::new(format!("{}: {path}: {}", self.base, clean(&error.to_string())))
        };
        let mut answer = answer.map_err(failed)?;
        let status = answer.status().as_u16();
        let text = answer
            .body_mut()
            .with_config()
            .limit(MOST_BYTES)
            .lossy_utf8(true)
            .read_to_string()
            .map_err(failed)?;
        let json: Result<Json, _> = serde_json::from_str(&text);
        if (200..300).contains(&status) {
            let unread = |_| {
                ExportError::new(format!(
                    "{}: {path}: the answer is no JSON: is it an MLflow tracking server?",
                    self.base
                ))
            };
            return json.map_err(unread).map(Ok);
        }
        let json = json.unwrap_or_default();
        let field =
            |name: &str| json.get(name).and_then(Json::as_str).unwrap_or_default().to_owned();
        let message = if field("message").is_empty() { text } else { field("message") };
        Ok(Err(Refused {
            status,
            code: field("error_code"),
            message: format!("{}: {message}", self.base),
        }))
    }
}

impl Refused {
    /// For a person, with what the server said.
    pub(super) fn as_error(&self, path: &str) -> ExportError {
        let Self { status, code, message } = self;
        let message: String = message.chars().take(500).collect();
        let hint = match status {
            401 | 403 => " (set MLFLOW_TRACKING_TOKEN)",
            300..=399 => " (a redirection is not followed: name the server itself)",
            _ => "",
        };
        ExportError::new(format!(
            "the server refuses {path} with {status} {}{hint}: {}",
            clean(code),
            clean(&message)
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_server_or_carries_a_password_is_refused() {
        let new = |url: &str| {
            Server::new(url, None, Duration::from_secs(1))
                .map(|server| server.base)
                .map_err(|error| error.to_string())
        };
        assert_eq!(new("http://127.0.0.1:5000/").unwrap(), "http://127.0.0.1:5000");
        for url in [
            "127.0.0.1:5000",
            "ftp://host",
            "http://",
            "http://host/?a=b",
            "http://ho st",
            "file:///etc/passwd",
        ] {
            assert!(new(url).unwrap_err().contains("is no URL of a tracking server"), "{url}");
        }
        assert!(new("http://me:secret@host").unwrap_err().contains("MLFLOW_TRACKING_TOKEN"));
        assert!(!new("http://me:secret@host").unwrap_err().contains("secret@"));
    }

    #[test]
    fn a_token_is_not_shown() {
        let server =
            Server::new("https://host", Some("abc123".to_owned()), Duration::from_secs(1)).unwrap();
        assert!(!format!("{server:?}").contains("abc123"));
        assert!(
            Server::new("https://host", Some("a\nb".to_owned()), Duration::from_secs(1)).is_err()
        );
    }
}
