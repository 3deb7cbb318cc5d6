//! Genetec Security Center, over its Web SDK: one long-lived stream of events, and queries.
//!
//! Theory of operation: the stream is opened first and subscribed afterwards, since what happens
//! between the two would be lost the other way round. Subscriptions are taken to die with the stream,
//! so they are made anew after every reconnect. A stream that says nothing for [`SILENCE`], not even
//! that it lives, is dead. While one half of the driver reads the stream, the other lists doors and
//! access points, subscribes doors that are new, and reads the `DoorActivity` report of what may
//! have been missed.
//!
//! Certain: the paths, the order of opening and subscribing, the framing, Basic authentication with
//! `user;ApplicationId`, 403 for a part number that the licence lacks, the odd extra row of a page,
//! that `DoorActivity` takes no pages. Unknown: how often the server says that it lives (5 to 10 s
//! are seen), the zone of times in reports (UTC is asked for), which fields lead from an access point
//! to its door and say on which side of it it is (`AccessPointGroup` and `AccessPointSide` are asked
//! for, and done without if the server does not know them).

mod framer;
mod queries;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

pub use framer::{Framer, Item};

use super::http::{Call, Http, Trouble, base_url};
use super::reconcile::Reconcile;
use super::{Context, Ended, Failure, Gap};
use crate::intake::{Headers, Secret};
use crate::units::{Instant, Span};
use crate::wire::{Trust, explained};

/// A stream that is silent for so long is dead: three times what servers are seen to take.
const SILENCE: Span = Span::from_ms(30_000);

/// The event types that Camio's gateway asks for: the default filter.
pub const EVENTS: [&str; 7] = [
    "DoorOpenedForTooLong",
    "DoorOpen",
    "DoorManuallyUnlocked",
    "DoorUnlock",
    "DoorOpenWhileLockSecure",
    "DoorScheduledUnlock",
    "AccessGranted",
];

/// In which form events come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StreamForm {
    /// `text/json`: one line an event.
    #[default]
    Json,
    /// `text/xml`: a document over several lines.
    Xml,
}

/// An account at a Security Center.
#[derive(Debug, Clone)]
pub struct GenetecAccount {
    /// The Web SDK role's address with its base path, for example `https://server:4591/WebSdk`.
    pub url: String,
    /// Whose certificates are believed.
    pub trust: Trust,
    /// A native user; those of Active Directory cannot log in.
    pub user: String,
    /// That user's password.
    pub password: Secret,
    /// The ApplicationId of the production certificate.
    pub application: Secret,
    /// The event types to subscribe, [`EVENTS`] for most.
    pub events: Vec<String>,
    /// In which form events come.
    pub form: StreamForm,
}

/// The driver.
#[derive(Debug)]
pub struct Genetec {
    account: GenetecAccount,
    http: Http,
    /// `Basic ...`.
    credentials: Secret,
}

/// An open stream.
struct Stream {
    response: reqwest::Response,
    framer: Framer,
    id: String,
    /// Items that came together with the stream's name.
    early: Vec<Item>,
}

impl Genetec {
    /// A driver for an account. `Err`: what is wrong with the settings.
    pub fn new(mut account: GenetecAccount) -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        match base_url(&account.url) {
            Ok(url) => account.url = url,
            Err(problem) => problems.push(format!("url: {problem}")),
        }
        if account.user.contains([';', ':', '\\', '@']) {
            problems.push(format!(
                "user: {:?} is no native user of Security Center: the Web SDK knows no others",
                account.user
            ));
        }
        if account.application.expose().is_empty() {
            problems.push("application: the ApplicationId is empty".to_owned());
        }
        if account.events.is_empty() {
            problems.push("events: none is named, so that nothing would come".to_owned());
        }
        let user = account.user.as_bytes();
        let (application, password) = (account.application.expose(), account.password.expose());
        let pair = [user, b";", application, b":", password].concat();
        let credentials = Secret::new(format!("Basic {}", STANDARD.encode(pair)));
        let http = Http::new(&account.trust, None);
        match http.map_err(|problem| problems.push(problem)) {
            Ok(http) if problems.is_empty() => {
                let hidden = vec![account.password.clone(), account.application.clone()];
                Ok(Self {
                    account,
                    http: http.hiding(hidden),
                    credentials,
                })
            }
            _ => Err(problems),
        }
    }

    /// Works until it is stopped or the sink breaks. The stream is closed at the server, too.
    pub async fn run(&self, context: Context, stop: CancellationToken) -> Ended {
        let mut open = None;
        let ended = stop
            .run_until_cancelled(self.forever(&context, &mut open))
            .await;
        if let Some(id) = open {
            self.close(&context, &id).await;
        }
        ended.unwrap_or(Ended::Stopped)
    }

    async fn forever(&self, context: &Context, open: &mut Option<String>) -> Ended {
        let mut reconcile = Reconcile::default();
        let (mut failures, mut heard) = (0, context.now());
        loop {
            let before = heard;
            let ended = self
                .converse(context, &mut reconcile, &mut heard, open)
                .await;
            open.take();
            let trouble = match ended {
                Failure::SinkBroken(why) => return Ended::SinkBroken(why),
                Failure::Trouble(trouble) => trouble,
            };
            tracing::warn!("{}: {trouble}", context.source);
            let why = trouble.to_string();
            context
                .sink
                .contact_lost(&context.source, heard, &why)
                .await;
            // A stream that worked for a while earns a quick reconnect.
            failures = if heard > before { 0 } else { failures };
            context.rest(&trouble, failures).await;
            failures += 1;
        }
    }

    /// One stream, from its opening to its end.
    async fn converse(
        &self,
        context: &Context,
        reconcile: &mut Reconcile,
        heard: &mut Instant,
        open: &mut Option<String>,
    ) -> Failure {
        let stream = match self.open(context).await {
            Ok(stream) => stream,
            Err(trouble) => return trouble.into(),
        };
        *open = Some(stream.id.clone());
        tracing::info!("{}: stream {} is open", context.source, stream.id);
        let ended = tokio::try_join!(
            self.listen(context, stream, heard),
            self.look_after(context, reconcile),
        );
        match ended {
            Err(failure) => failure,
            Ok(((), ())) => Failure::Trouble(Trouble::Odd("the stream ended".to_owned())),
        }
    }

    /// Opens the stream and waits for its name.
    async fn open(&self, context: &Context) -> Result<Stream, Trouble> {
        let accept = match self.account.form {
            StreamForm::Json => "text/json",
            StreamForm::Xml => "text/xml",
        };
        let url = format!("{}/events", self.account.url);
        let call = self.call(Call::get(url))?.header("accept", accept);
        let response = tokio::select! {
            response = self.http.open(&call) => response?,
            () = context.clock.sleep(SILENCE) => {
                let what = "Security Center did not open the stream in time";
                return Err(Trouble::Unreachable(what.to_owned()));
            }
        };
        let status = response.status().as_u16();
        if status != 200 {
            let words = response.text().await.unwrap_or_default();
            let refusal = queries::refusal(status, words.as_bytes());
            return Err(refusal.hiding(&self.http.hidden_of(&call)));
        }
        let mut stream = Stream {
            response,
            framer: Framer::default(),
            id: String::new(),
            early: Vec::new(),
        };
        while stream.id.is_empty() {
            for item in stream.next(context, &self.account.url).await? {
                match item {
                    Item::ConnectionId(id) => stream.id = id,
                    other => stream.early.push(other),
                }
            }
        }
        Ok(stream)
    }

    /// Reads the stream until it fails.
    async fn listen(
        &self,
        context: &Context,
        mut stream: Stream,
        heard: &mut Instant,
    ) -> Result<(), Failure> {
        let mut items = std::mem::take(&mut stream.early);
        loop {
            for item in items {
                self.take(context, item).await?;
                *heard = context.now();
            }
            items = stream.next(context, &self.account.url).await?;
        }
    }

    async fn take(&self, context: &Context, item: Item) -> Result<(), Failure> {
        let (kind, body) = match item {
            Item::Json(body) => ("text/json", body),
            Item::Xml(body) => ("text/xml", body),
            Item::KeepAlive | Item::ConnectionId(_) => {
                context.sink.alive(&context.source, context.now());
                return Ok(());
            }
            Item::TooLong => {
                let what = "an event was too long to be read; the report has it";
                return Err(Failure::Trouble(Trouble::Odd(what.to_owned())));
            }
            Item::Unknown(line) => {
                let line = String::from_utf8_lossy(&line);
                tracing::warn!(
                    "{}: the stream has a strange line: {line:.100}",
                    context.source
                );
                return Ok(());
            }
        };
        let headers = Headers::new([("content-type", kind)]);
        context.store("stream", headers, body).await
    }

    /// Lists, subscribes and reads the report; again every five minutes. Once there are
    /// subscriptions, what fails here does not end the stream.
    async fn look_after(
        &self,
        context: &Context,
        reconcile: &mut Reconcile,
    ) -> Result<(), Failure> {
        let mut subscribed: Vec<String> = Vec::new();
        let (mut failures, mut gap) = (0, Gap::Ended);
        loop {
            match self.compare(context, reconcile, &mut subscribed).await {
                Ok(()) => {
                    failures = 0;
                    context.pause(gap).await;
                    gap = Gap::None;
                }
                Err(Failure::Trouble(trouble)) if !subscribed.is_empty() => {
                    tracing::warn!("{}: {trouble}", context.source);
                    context.rest(&trouble, failures).await;
                    failures += 1;
                }
                Err(failure) => return Err(failure),
            }
        }
    }

    async fn compare(
        &self,
        context: &Context,
        reconcile: &mut Reconcile,
        subscribed: &mut Vec<String>,
    ) -> Result<(), Failure> {
        let doors = self.doors(context).await?;
        let new = doors.iter().map(|door| &door.id);
        let new: Vec<String> = new.filter(|id| !subscribed.contains(id)).cloned().collect();
        self.subscribe(context, &new).await?;
        if subscribed.is_empty() {
            context
                .sink
                .contact_back(&context.source, context.now())
                .await;
        }
        subscribed.extend(new);
        let points = self.access_points(context, &doors).await?;
        context.sink.access_points(&context.source, points).await;
        let window = reconcile.window(context);
        for door in &doors {
            self.back_fill(context, &door.id, window).await?;
        }
        reconcile.done(context, window).await;
        Ok(())
    }

    async fn close(&self, context: &Context, id: &str) {
        let url = format!(
            "{}/events/closeconnection/{}",
            self.account.url,
            queries::plain(id)
        );
        let call = match self.call(Call::send(Method::POST, url, None)) {
            Ok(call) => call.header("accept", "text/json"),
            Err(_) => return,
        };
        // The server notices by itself, later.
        if let Err(trouble) = self.http.call(context, &call).await {
            tracing::info!("{}: the stream was not closed: {trouble}", context.source);
        }
    }

    fn call(&self, call: Call) -> Result<Call, Trouble> {
        call.secret("authorization", self.credentials.expose())
    }

    /// The result of a query. Its bytes come with it.
    async fn ask(&self, context: &Context, path: &str) -> Result<(Value, Vec<u8>), Trouble> {
        self.request(context, Method::GET, path).await
    }

    async fn request(
        &self,
        context: &Context,
        method: Method,
        path: &str,
    ) -> Result<(Value, Vec<u8>), Trouble> {
        let url = format!("{}/{path}", self.account.url);
        let call = self
            .call(Call::send(method, url, None))?
            .header("accept", "text/json");
        let reply = self.http.call(context, &call).await?;
        if !reply.is_good() {
            let refusal = queries::refusal(reply.status, &reply.body);
            return Err(refusal.hiding(&self.http.hidden_of(&call)));
        }
        let result = queries::result(&reply.body);
        let result = result.map_err(|trouble| trouble.hiding(&self.http.hidden_of(&call)))?;
        Ok((result, reply.body))
    }
}

impl Stream {
    /// The next items. Fails when the stream ends, breaks, or is silent for too long.
    async fn next(&mut self, context: &Context, url: &str) -> Result<Vec<Item>, Trouble> {
        let silence = context.clock.sleep(SILENCE);
        let chunk = tokio::select! {
            chunk = self.response.chunk() => chunk,
            () = silence => {
                let seconds = SILENCE.as_us() / 1_000_000;
                let what = format!("the stream was silent for {seconds} s, without a KeepAlive");
                return Err(Trouble::Unreachable(what));
            }
        };
        match chunk {
            Ok(Some(bytes)) => Ok(self.framer.push(&bytes)),
            Ok(None) => Err(Trouble::Unreachable(
                "the server ended the stream".to_owned(),
            )),
            Err(error) => {
                let what = format!("the stream broke: {}", explained(url, &error));
                Err(Trouble::Unreachable(what))
            }
        }
    }
}
