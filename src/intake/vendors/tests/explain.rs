//! What a map's writer is told of a sample.

use super::*;
use crate::intake::vendors::{GenericSettings, explain};

fn told_of(settings: &VendorSettings, body: &[u8]) -> String {
    let VendorSettings::Generic(map) = settings else {
        return "no map".to_owned();
    };
    told_of_map(map, body)
}

fn told_of_map(map: &GenericSettings, body: &[u8]) -> String {
    let tried = match explain(map, &delivery("sample", None, body)) {
        Ok(tried) => tried,
        Err(problems) => return problems.join("\n"),
    };
    let mut lines = String::new();
    let id = |text: &String| {
        if text.len() == 64 {
            "HASH".to_owned()
        } else {
            text.clone()
        }
    };
    for event in &tried {
        lines += &format!("event at {:?}\n", event.pointer);
        for field in &event.fields {
            let raw = field.raw.as_deref().unwrap_or("nothing");
            let result = match &field.result {
                Ok(result) => format!("-> {}", id(result)),
                Err(problem) => format!("!! {problem}"),
            };
            lines += &format!("  {} {} = {raw} {result}\n", field.field, field.pointer);
        }
        lines += &match &event.event {
            Ok(reported) => format!("  => {:?}\n", reported.event.kind),
            Err(problem) => format!("  => unreadable: {problem}\n"),
        };
    }
    lines
}

#[test]
fn each_field_with_its_place_its_text_and_its_meaning() {
    let folder = payloads().join("generic");
    let map = fs::read_to_string(folder.join("local-time.toml")).unwrap();
    let body = fs::read(folder.join("local-time.json")).unwrap();
    let told = told_of(&toml::from_str(&map).unwrap(), &body);
    let first_two: Vec<&str> = told.split_inclusive("event at").take(3).collect();
    insta::assert_snapshot!(first_two.concat(), @r#"
    event at "/batch/rows/0"
      id /batch/rows/0/no = 1 -> 1
      time /batch/rows/0/when = "05.01.2026 08:30:00" -> 2026-01-05T07:30:00Z to 2026-01-05T07:30:01Z
      kind /batch/rows/0/what = "ZUTRITT" -> Granted
      grant_only_if /batch/rows/0/ok = true -> holds
      direction /batch/rows/0/reader = "T1-A" -> In
      reader /batch/rows/0/reader = "T1-A" -> T1-A
      holder /batch/rows/0/person/nr = 12 -> 12
      person_name /batch/rows/0/person/name = "Ada Example" -> Ada Example
      => Granted
    event at "/batch/rows/1"
      id /batch/rows/1/no = 2 -> 2
      time /batch/rows/1/when = "05.01.2026 08:30:00" -> 2026-01-05T07:30:00Z to 2026-01-05T07:30:01Z
      kind /batch/rows/1/what = "ZUTRITT" -> Other
      grant_only_if /batch/rows/1/ok = false !! is none of ["true"]: no grant
      direction /batch/rows/1/reader = "T1-A" -> In
      reader /batch/rows/1/reader = "T1-A" -> T1-A
      holder /batch/rows/1/person/nr = 13 -> 13
      person_name /batch/rows/1/person/name = nothing !! there is no text or number
      => Other
    event at
    "#);
}

#[test]
fn what_is_wrong_with_the_whole() {
    let map = json!({"vendor": "generic", "secrets": [], "authentication": {"by": "path"},
                     "events": "/rows", "time": {"pointer": "/at"},
                     "kind": {"always": "other"}});
    let map: VendorSettings = serde_json::from_value(map).unwrap();
    insta::assert_snapshot!(told_of(&map, b"{}"), @"there are no events at /rows");
    insta::assert_snapshot!(told_of(&map, b"{\"rows\":[{}]}"), @r#"
    event at "/rows/0"
      id  = nothing -> HASH
      time /rows/0/at = nothing !! there is no time
      kind  = nothing -> Other
      => unreadable: there is no time at /at
    "#);
    insta::assert_snapshot!(told_of(&map, b"{"), @"no JSON: EOF while parsing an object at line 1 column 1");
}
