//! Readers that nobody mapped: seen, counted, kept over a restart, and right once they are mapped.

use serde_json::Value;

use super::site::{GENETEC, KISI, Site};

const LIST: [&str; 5] = ["intake", "list", "--json", "intake.toml", "site"];
const REPLAY: [&str; 3] = ["intake", "replay", "intake.toml"];

fn rows(printed: &str) -> Vec<Value> {
    let rows = printed
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    rows.collect()
}

fn unknown(site: &Site) -> Vec<Value> {
    let rows = rows(&site.output(&LIST));
    let unknown = rows.into_iter().filter(|row| !row["unknown"].is_null());
    unknown.collect()
}

fn doors(site: &Site) -> Vec<Value> {
    let rows = rows(&site.output(&REPLAY));
    rows.into_iter().map(|row| row["door"].clone()).collect()
}

#[test]
fn a_reader_that_nobody_mapped_is_seen_and_its_events_count_once_it_is() {
    let kisi = KISI.replace("$PEOPLE", "");
    let front = "[[door]]\nname = \"front\"\nreaders = [{ id = \"101\" }]\n";
    let mut site = Site::new("kisi", &kisi, front);
    site.run();
    site.output(&["intake", "connect", "intake.toml", "site"]);
    site.happen("grant \"Front\" user 7");
    site.happen("grant \"Side\" user 7");
    site.happen("grant \"Side\" user 7");
    site.grants(3);
    let found = unknown(&site);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(
        (&found[0]["id"], &found[0]["name"]),
        (&"102".into(), &"Side".into())
    );
    assert_eq!(found[0]["unknown"]["events"], 2);
    let text = site.output(&["intake", "list", "intake.toml", "site"]);
    assert!(text.contains("belong to no door"), "{text}");
    assert_eq!(doors(&site), ["front".into(), Value::Null, Value::Null]);

    // Known to the next process before anything happens, and to whoever watches.
    site.run();
    assert_eq!(unknown(&site)[0]["unknown"]["events"], 2);
    let metrics = || {
        let text = ureq::get(format!("{}/metrics", site.intake_url)).call();
        text.unwrap().body_mut().read_to_string().unwrap()
    };
    site.until(&["intake", "gaps", "intake.toml"], |_| {
        let text = metrics();
        text.contains("tailgate_intake_unknown_readers{source=\"site\"} 1")
            && text.contains("tailgate_intake_unknown_reader_events{source=\"site\"} 2")
    });

    // Mapped: what was stored before belongs to its door now.
    let both = format!("{front}\n[[door]]\nname = \"side\"\nreaders = [{{ id = \"102\" }}]\n");
    site.configure(&kisi, &both);
    assert_eq!(unknown(&site), [] as [Value; 0]);
    assert_eq!(doors(&site), ["front", "side", "side"].map(Value::from));
}

/// Events of Security Center name the reader: door and way come from what the server lists.
#[test]
fn a_door_of_security_center_is_mapped_by_itself_with_both_of_its_sides() {
    let genetec = GENETEC.replace("$PEOPLE", "");
    let mut site = Site::new(
        "genetec",
        &genetec,
        "[[door]]\nname = \"none\"\nreaders = [{ id = \"x\" }]\n",
    );
    let listed = rows(&site.output(&LIST));
    let door = listed.iter().find(|row| row["name"] == "Front").unwrap();
    // As a person may copy it from somewhere else: without dashes, in capitals.
    let id = door["id"].as_str().unwrap().replace('-', "").to_uppercase();
    let map = format!("[[door]]\nname = \"front\"\nreaders = [{{ id = \"{id}\" }}]\n");
    site.configure(&genetec, &map);
    let listed = rows(&site.output(&LIST));
    let point = |name: &str| listed.iter().find(|row| row["name"] == name).unwrap();
    for (name, way) in [("Front - In", "in"), ("Front - Out", "out")] {
        assert_eq!(point(name)["door"], "front", "{listed:?}");
        assert_eq!(point(name)["direction"], way);
    }
    assert_eq!(point("Side - In")["door"], Value::Null);

    site.run();
    site.until(&["intake", "tail", "intake.toml"], |_| {
        site.log().contains("is open")
    });
    site.happen("grant \"Front\" user 7");
    site.grants(1);
    site.happen("grant \"Front\" out user 7");
    site.happen("grant \"Side\" user 7");
    let grants = site.grants(3);
    let told = |event: &Value| {
        let (door, way) = (&event["door_name"], &event["event"]["direction"]);
        (door.clone(), way.clone())
    };
    assert_eq!(
        told(&grants[0]),
        ("front".into(), "in".into()),
        "{grants:?}"
    );
    assert_eq!(
        told(&grants[1]),
        ("front".into(), "out".into()),
        "{grants:?}"
    );
    assert_eq!(grants[2]["door_name"], Value::Null);
    let found = unknown(&site);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0]["vendor_door"], point("Side")["id"]);
}
