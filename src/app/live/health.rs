//! Where others ask how the box is: /healthz, /readyz, /metrics, /status.
//!
//! It deliberately serves nothing that changes anything, and no secret.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::metrics::Metrics;
use super::progress::Pulse;
use super::status::Board;
use crate::intake::Desk;

/// A thread that did nothing for this long hangs: ten times what the slowest of them waits.
pub const MOST_SILENCE: Duration = Duration::from_secs(10);

/// What OpenMetrics text is called.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// How OpenMetrics text ends.
const END: &str = "# EOF\n";

/// What is asked about.
#[derive(Debug, Clone)]
pub struct Health {
    /// Whether every thread gets on.
    pub pulse: Pulse,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// How it stands.
    pub board: Board,
    /// The intake, if there is one.
    pub desk: Option<Arc<Desk>>,
}

impl Health {
    /// Answers until told to stop.
    ///
    /// # Errors
    /// If the socket breaks.
    pub async fn serve(
        self,
        listener: TcpListener,
        stop: CancellationToken,
    ) -> std::io::Result<()> {
        let router = Router::new()
            .route("/healthz", get(healthz))
            .route("/readyz", get(readyz))
            .route("/metrics", get(metrics))
            .route("/status", get(status))
            .with_state(self);
        axum::serve(listener, router)
            .with_graceful_shutdown(stop.cancelled_owned())
            .await
    }

    /// What is wrong with the process itself, a line each; cameras that are down are not.
    pub fn troubles(&self) -> Vec<String> {
        let stuck = self.pulse.stuck(MOST_SILENCE).into_iter();
        let stuck = stuck.map(|(thread, silence)| {
            format!("{thread} has not moved for {:.1} s", silence.as_secs_f64())
        });
        let poison = self.desk.as_ref().and_then(|desk| desk.inbox().poison());
        stuck.chain(poison.map(|why| why.to_string())).collect()
    }
}

async fn healthz(State(health): State<Health>) -> impl IntoResponse {
    verdict(&health.troubles(), "ok\n")
}

async fn readyz(State(health): State<Health>) -> impl IntoResponse {
    let mut troubles = health.troubles();
    if health.desk.as_ref().is_some_and(|desk| desk.is_busy()) {
        troubles.push("the intake is behind".to_owned());
    }
    verdict(&troubles, "ready\n")
}

fn verdict(troubles: &[String], fine: &str) -> (StatusCode, String) {
    if troubles.is_empty() {
        return (StatusCode::OK, fine.to_owned());
    }
    (StatusCode::SERVICE_UNAVAILABLE, troubles.join("\n") + "\n")
}

async fn metrics(State(health): State<Health>) -> impl IntoResponse {
    let mut text = health.metrics.text();
    if let Some(desk) = &health.desk {
        // One exposition: the first one's end is not the end.
        text.truncate(text.len() - if text.ends_with(END) { END.len() } else { 0 });
        text.push_str(&desk.metrics().text());
    }
    ([(header::CONTENT_TYPE, OPEN_METRICS)], text)
}

async fn status(State(health): State<Health>) -> impl IntoResponse {
    let mut status = health.board.now();
    let stuck = health.pulse.stuck(MOST_SILENCE).into_iter();
    status.stuck = stuck
        .map(|(thread, silence)| (thread, silence.as_secs_f64()))
        .collect();
    Json(status)
}
