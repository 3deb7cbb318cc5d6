//! How fakes send webhooks.

use std::sync::Arc;
use std::time::Duration;

use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};

use super::FakeError;
use super::stage::Stage;

/// How long a receiver may take to answer. Both vendors keep theirs to themselves.
const PATIENCE: Duration = Duration::from_secs(10);

/// Sends webhooks.
#[derive(Debug, Clone)]
pub(super) struct Sender {
    client: reqwest::Client,
    stage: Arc<Stage>,
}

/// What a receiver answered.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
}

impl Answer {
    pub(super) fn is_good(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

impl Sender {
    pub(super) fn new(agent: &str, stage: &Arc<Stage>) -> Result<Self, FakeError> {
        // Whoever installed a provider before is welcome: any will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let build = || {
            reqwest::Client::builder()
                .user_agent(agent)
                .timeout(PATIENCE)
        };
        let client = build()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none());
        let client = client.build();
        Ok(Self {
            client: client.map_err(|error| FakeError::Client(error.to_string()))?,
            stage: Arc::clone(stage),
        })
    }

    pub(super) fn stage(&self) -> &Arc<Stage> {
        &self.stage
    }

    /// Posts once. `None`: nobody answered.
    pub(super) async fn post(
        &self,
        url: &str,
        headers: &[(&'static str, String)],
        body: Vec<u8>,
    ) -> Option<Answer> {
        let mut request = self.client.post(url).body(body);
        for (name, value) in headers {
            let name = HeaderName::from_static(name);
            request = request.header(name, HeaderValue::from_str(value).ok()?);
        }
        match request.send().await {
            Ok(reply) => Some(Answer {
                status: reply.status().as_u16(),
                headers: reply.headers().clone(),
            }),
            Err(error) => {
                tracing::info!("a webhook was not delivered: {error}");
                None
            }
        }
    }
}
