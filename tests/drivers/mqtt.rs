//! MQTT against a real broker. Without mosquitto these tests are skipped, loudly.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

use rumqttc::{AsyncClient, Event, MqttOptions, Outgoing, Packet, QoS};
use tailgate::intake::drivers::{Ended, Mqtt, MqttAccount, NotStored};
use tailgate::intake::{Delivery, Secret};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::world::{Driver, World};

/// Debian keeps it out of users' paths.
const PLACES: [&str; 3] = [
    "/usr/sbin/mosquitto",
    "/usr/bin/mosquitto",
    "/usr/local/sbin/mosquitto",
];

pub(super) struct Broker {
    pub(super) folder: tempfile::TempDir,
    port: u16,
    process: Child,
}

impl Broker {
    /// A broker on a free port, or nothing where there is none.
    async fn new(test: &str) -> Option<Self> {
        Self::with(test, |_| String::new()).await
    }

    /// The same with further settings, which are told its folder.
    pub(super) async fn with(test: &str, more: impl FnOnce(&Path) -> String) -> Option<Self> {
        let Some(program) = PLACES.iter().find(|place| Path::new(place).exists()) else {
            eprintln!("SKIPPED: {test} needs mosquitto (apt-get install mosquitto)");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let settings = format!(
            "persistence true\npersistence_location {}/\nlog_dest stderr\nlog_type all\nuser root\n\
             allow_anonymous true\nlistener {port} 127.0.0.1\n{}",
            folder.path().display(),
            more(folder.path())
        );
        std::fs::write(folder.path().join("conf"), settings).unwrap();
        let process = Self::run(program, folder.path()).await;
        Some(Self {
            folder,
            port,
            process,
        })
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

    /// Ends it as an operator would, and starts it again: it writes its sessions down in between.
    async fn restart(&mut self) {
        let id = self.process.id().unwrap().to_string();
        let killed = Command::new("kill")
            .args(["-TERM", &id])
            .status()
            .await
            .unwrap();
        assert!(killed.success());
        self.process.wait().await.unwrap();
        let program = PLACES
            .iter()
            .find(|place| Path::new(place).exists())
            .unwrap();
        self.process = Self::run(program, self.folder.path()).await;
    }

    /// Publishes, and returns when the broker has it.
    pub(super) async fn publish(&self, bodies: impl IntoIterator<Item = String>) {
        let options = MqttOptions::new("publisher", "127.0.0.1", self.port);
        let (client, mut events) = AsyncClient::new(options, 1000);
        let mut left = 0;
        for body in bodies {
            client
                .publish("doors/main", QoS::AtLeastOnce, false, body)
                .await
                .unwrap();
            left += 1;
        }
        while left > 0 {
            if let Event::Incoming(Packet::PubAck(_)) = events.poll().await.unwrap() {
                left -= 1;
            }
        }
        client.disconnect().await.unwrap();
        while let Ok(event) = events.poll().await {
            if event == Event::Outgoing(Outgoing::Disconnect) {
                break;
            }
        }
    }

    fn driver(&self) -> Arc<Mqtt> {
        let account = MqttAccount {
            host: "127.0.0.1".to_owned(),
            port: self.port,
            tls: None,
            identity: None,
            client_id: "tailgate-test".to_owned(),
            login: Some(("somebody".to_owned(), Secret::new("password"))),
            topics: vec!["doors/#".to_owned()],
        };
        Arc::new(Mqtt::new(account).unwrap())
    }
}

/// A port that was free just now.
pub(super) fn free_port() -> u16 {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    free.local_addr().unwrap().port()
}

fn run(world: &World, driver: &Arc<Mqtt>) -> Driver {
    let (driver, context) = (Arc::clone(driver), world.context.clone());
    Driver::start(|stop| async move { driver.run(context, stop).await })
}

/// Bodies in the order in which they first came: what was stored and not yet acknowledged when the
/// connection ended comes twice.
fn bodies(world: &World) -> Vec<String> {
    let mut known = Vec::new();
    for delivery in world.recorder.log().stored {
        let body = String::from_utf8(delivery.body).unwrap();
        if !known.contains(&body) {
            known.push(body);
        }
    }
    known
}

async fn came(world: &World, last: &str) {
    let is_last = |delivery: &Delivery| delivery.body == last.as_bytes();
    world
        .until("the last one came", |log| log.stored.iter().any(is_last))
        .await;
}

fn numbers(range: std::ops::Range<u32>) -> Vec<String> {
    range.map(|number| number.to_string()).collect()
}

#[tokio::test]
async fn messages_wait_at_the_broker_while_nobody_listens() {
    let Some(broker) = Broker::new("messages_wait_at_the_broker").await else {
        return;
    };
    let world = World::plain().await;
    let driver = broker.driver();
    let running = run(&world, &driver);
    world
        .until("it is subscribed", |log| !log.back.is_empty())
        .await;
    broker.publish(numbers(0..20)).await;
    let log = world.until("they came", |log| log.stored.len() == 20).await;
    assert_eq!(log.stored[0].target, "doors/main");
    assert_eq!(running.stop().await, Ended::Stopped);
    broker.publish(numbers(20..40)).await;
    let _again = run(&world, &driver);
    came(&world, "39").await;
    assert_eq!(bodies(&world), numbers(0..40));
}

#[tokio::test]
async fn a_message_that_was_not_stored_comes_again() {
    let Some(broker) = Broker::new("a_message_that_was_not_stored").await else {
        return;
    };
    let world = World::plain().await;
    let driver = broker.driver();
    let running = run(&world, &driver);
    world
        .until("it is subscribed", |log| !log.back.is_empty())
        .await;
    world.recorder.write(|log| log.broken = true);
    broker.publish(numbers(0..1)).await;
    let why = NotStored::Broken("the disk is full".to_owned());
    assert_eq!(
        running.ended().await,
        Ended::SinkBroken("the disk is full".to_owned()),
        "{why}"
    );
    world.recorder.write(|log| log.broken = false);
    let _again = run(&world, &driver);
    world
        .until("it came again", |log| log.stored.len() == 1)
        .await;
}

#[tokio::test]
async fn a_broker_that_restarts_is_found_again() {
    let Some(mut broker) = Broker::new("a_broker_that_restarts").await else {
        return;
    };
    let world = World::plain().await;
    let _driver = run(&world, &broker.driver());
    world
        .until("it is subscribed", |log| !log.back.is_empty())
        .await;
    broker.publish(numbers(0..3)).await;
    world.until("they came", |log| log.stored.len() == 3).await;
    broker.restart().await;
    let log = world.until("it is back", |log| log.back.len() == 2).await;
    assert!(!log.lost.is_empty());
    broker.publish(numbers(3..6)).await;
    came(&world, "5").await;
    assert_eq!(bodies(&world), numbers(0..6));
}

#[test]
fn settings_are_checked_all_at_once() {
    let account = MqttAccount {
        host: String::new(),
        port: 1883,
        tls: None,
        identity: None,
        client_id: String::new(),
        login: None,
        topics: vec!["a/#/b".to_owned()],
    };
    assert_eq!(Mqtt::new(account).unwrap_err().len(), 3);
}
