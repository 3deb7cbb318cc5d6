//! MQTT against a real broker. Without mosquitto these tests are skipped, loudly.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;

use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, Packet, Publish, QoS};
use tailgate::notify::trial;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::{Running, breach, made, now, settings, test_alert};

/// Debian keeps it out of users' paths.
const PLACES: [&str; 3] = [
    "/usr/sbin/mosquitto",
    "/usr/bin/mosquitto",
    "/usr/local/sbin/mosquitto",
];

struct Broker {
    folder: tempfile::TempDir,
    program: &'static str,
    port: u16,
    process: Child,
}

impl Broker {
    /// A broker on a free port, or nothing where there is none.
    async fn new(test: &str) -> Option<Self> {
        let Some(program) = PLACES.iter().find(|place| Path::new(place).exists()) else {
            eprintln!("SKIPPED: {test} needs mosquitto (apt-get install mosquitto)");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let conf = format!(
            "log_dest stderr\nlog_type all\nuser root\nallow_anonymous true\n\
             listener {port} 127.0.0.1\n"
        );
        std::fs::write(folder.path().join("conf"), conf).unwrap();
        let process = run(program, folder.path()).await;
        Some(Self {
            folder,
            program,
            port,
            process,
        })
    }

    async fn restart(&mut self) {
        self.process.kill().await.unwrap();
        self.process = run(self.program, self.folder.path()).await;
    }

    fn table(&self, more: &str) -> String {
        format!(
            "[[alerts.mqtt]]\nname = \"home\"\nhost = \"127.0.0.1\"\nport = {}\n{more}",
            self.port
        )
    }

    /// Somebody who listens to everything, subscribed.
    async fn listener(&self, name: &str) -> (AsyncClient, EventLoop) {
        let (client, mut events) =
            AsyncClient::new(MqttOptions::new(name, "127.0.0.1", self.port), 100);
        client.subscribe("#", QoS::AtLeastOnce).await.unwrap();
        loop {
            if let Event::Incoming(Packet::SubAck(_)) = events.poll().await.unwrap() {
                return (client, events);
            }
        }
    }
}

async fn run(program: &str, folder: &Path) -> Child {
    let mut process = Command::new(program)
        .arg("-c")
        .arg(folder.join("conf"))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
    while let Some(line) = lines.next_line().await.unwrap() {
        if line.contains("running") {
            break;
        }
    }
    // It must not be stopped by a full pipe.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    process
}

/// The next message, whatever else happens.
async fn message(events: &mut EventLoop) -> Publish {
    loop {
        if let Event::Incoming(Packet::Publish(message)) = events.poll().await.unwrap() {
            return message;
        }
    }
}

/// Listens until a message under this topic came; what came, by topic.
async fn until(
    events: &mut EventLoop,
    topic: &str,
    payload: &str,
) -> BTreeMap<String, Vec<String>> {
    let mut came: BTreeMap<String, Vec<String>> = BTreeMap::new();
    loop {
        let message = message(events).await;
        let text = String::from_utf8(message.payload.to_vec()).unwrap();
        let is_last = message.topic == topic && text.contains(payload);
        came.entry(message.topic).or_default().push(text);
        if is_last {
            return came;
        }
    }
}

#[tokio::test]
async fn home_assistant_finds_doors_and_hears_of_breaches() {
    let Some(broker) = Broker::new("home_assistant_finds_doors").await else {
        return;
    };
    let (client, mut events) = broker.listener("home-assistant").await;
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path(), &broker.table(""));
    let running = Running::start(&settings, folder.path());
    let came = until(&mut events, "tailgate/availability", "online").await;
    let config = "homeassistant/binary_sensor/tailgate_hq_front/tailgating/config";
    let config: serde_json::Value = serde_json::from_str(&came[config][0]).unwrap();
    assert_eq!(config["device"]["name"], "Front door");
    assert!(came.contains_key("homeassistant/sensor/tailgate_hq_front/verdict/config"));

    let notices: Vec<_> = (1..=3).map(|number| breach("front", number)).collect();
    running.outbox.put(&notices).unwrap();
    let mut came = BTreeMap::new();
    for _ in 0..9 {
        let message = message(&mut events).await;
        let text = String::from_utf8(message.payload.to_vec()).unwrap();
        came.entry(message.topic)
            .or_insert_with(Vec::new)
            .push(text);
    }
    assert_eq!(came["tailgate/doors/front/tailgating"], ["ON"; 3]);
    let bodies = notices
        .iter()
        .map(|n| String::from_utf8(n.body.clone()).unwrap());
    let bodies: Vec<_> = bodies.collect();
    assert_eq!(came["tailgate/doors/front/alert"], bodies);
    let verdict = &came["tailgate/doors/front/verdict"][2];
    let verdict: serde_json::Value = serde_json::from_str(verdict).unwrap();
    assert_eq!(
        (&verdict["kind"], &verdict["id"]),
        (&"tailgating".into(), &"verdict/front/3/1".into())
    );

    // Home Assistant starts anew: it is told anew.
    let birth = "homeassistant/status";
    client
        .publish(birth, QoS::AtLeastOnce, false, "online")
        .await
        .unwrap();
    let came = until(&mut events, "tailgate/availability", "online").await;
    assert!(came.len() >= 3, "{came:?}");
    // It ends in order: it says so.
    drop(running);
    until(&mut events, "tailgate/availability", "offline").await;
}

#[tokio::test]
async fn a_broker_that_was_away_gets_everything_when_it_is_back() {
    let Some(mut broker) = Broker::new("a_broker_that_was_away").await else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let table = broker.table("home_assistant = false\nprefix = \"site/tailgate/\"\n");
    let settings = settings(folder.path(), &table);
    let running = Running::start(&settings, folder.path());
    let (_client, mut events) = broker.listener("before").await;
    until(&mut events, "site/tailgate/availability", "online").await;
    broker.process.kill().await.unwrap();
    let notices: Vec<_> = (1..=3).map(|number| breach("front", number)).collect();
    running.outbox.put(&notices).unwrap();
    broker.restart().await;
    let (_client, mut events) = broker.listener("after").await;
    let alerts = "site/tailgate/doors/front/alert";
    let came = until(&mut events, alerts, "verdict/front/3/1").await;
    let order: Vec<_> = came[alerts]
        .iter()
        .map(|body| serde_json::from_str::<serde_json::Value>(body).unwrap()["id"].clone())
        .collect();
    let mut first = Vec::new();
    for id in order {
        if !first.contains(&id) {
            first.push(id);
        }
    }
    // Who listens only since the restart may have missed the first ones, never their order.
    let ids: Vec<_> = notices
        .iter()
        .map(|n| serde_json::Value::from(&*n.id))
        .collect();
    assert!(ids.ends_with(&first), "{first:?}");
    assert!(
        !came.keys().any(|topic| topic.starts_with("homeassistant")),
        "{came:?}"
    );
}

#[tokio::test]
async fn a_trial_says_what_a_broker_says() {
    let Some(broker) = Broker::new("a_trial_says_what_a_broker_says").await else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    for (table, expect) in [
        (broker.table(""), "home: delivered to mqtt://127.0.0.1:"),
        (
            broker.table("tls = true\n"),
            "not delivered by mqtts://127.0.0.1:",
        ),
    ] {
        let settings = settings(folder.path(), &table);
        let sinks = made(&settings, folder.path()).unwrap();
        let said = trial(&sinks, &test_alert(), now()).await;
        let said = said[0].to_string();
        assert!(said.contains(expect), "{said}");
    }
}
