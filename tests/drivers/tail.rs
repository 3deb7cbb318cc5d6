//! A file that grows.

use std::io::Write;
use std::sync::Arc;

use tailgate::intake::drivers::{Ended, Tail, TailAccount, TailForm};

use super::world::{Driver, World};

#[tokio::test]
async fn lines_are_handed_over_and_its_place_survives_a_restart() {
    let world = World::plain().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("grants.jsonl");
    let driver = Arc::new(Tail::new(TailAccount {
        path: path.clone(),
        state: folder.path().join("state"),
        form: TailForm::JsonLines,
    }));
    let run = || {
        let (driver, context) = (Arc::clone(&driver), world.context.clone());
        Driver::start(|stop| async move { driver.run(context, stop).await })
    };
    let running = run();
    // A file that is not there yet is a feed that is not there.
    world.until("it is missed", |log| log.lost.len() == 1).await;
    let mut file = std::fs::File::create(&path).unwrap();
    file.write_all(b"{\"id\":1}\n{\"id\":2}\n{\"id\"").unwrap();
    let log = world.until("lines came", |log| log.back.len() == 1).await;
    assert_eq!(log.stored.len(), 1);
    assert_eq!(running.stop().await, Ended::Stopped);
    file.write_all(b":3}\n").unwrap();
    let _again = run();
    let log = world
        .until("the rest came", |log| log.stored.len() == 2)
        .await;
    assert_eq!(log.stored[1].body, b"[{\"id\":3}]");
}
