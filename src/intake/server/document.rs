//! The server's OpenAPI document, which is held to what the server really answers.

/// OpenAPI 3.1, JSON: every route, method and status.
pub const OPENAPI: &str = include_str!("../../../docs/schema/intake.openapi.json");

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::io::Write;
    use std::time::Duration;

    use serde_json::Value;

    use super::super::tests::{Rig, answer};
    use super::OPENAPI;

    /// A path as documented, a method, a status.
    type Answer = (String, String, u16);

    /// The paths that the document's templates stand for here.
    const PLACES: [(&str, &str); 4] = [
        ("/in/{source}", "/in/s"),
        ("/in/{source}/{token}", "/in/s/token"),
        ("/pacs/devices", "/pacs/devices"),
        ("/pacs/webhooks", "/pacs/webhooks"),
    ];

    /// What each source believes: a token of each kind in one request.
    const BELIEVED: &str =
        "X-Token: good\r\nAuthorization: Bearer north-token-0123456789abcdef0123\r\n";

    /// What the document says.
    fn documented() -> BTreeSet<Answer> {
        let document: Value = serde_json::from_str(OPENAPI).expect("JSON");
        assert_eq!(document["openapi"], "3.1.0");
        let mut all = BTreeSet::new();
        for (path, item) in document["paths"].as_object().expect("paths") {
            for (method, operation) in item.as_object().expect("operations") {
                let Some(responses) = operation["responses"].as_object() else {
                    continue;
                };
                for (status, response) in responses {
                    if let Some(place) = response["$ref"].as_str() {
                        let found = document.pointer(&place[1..]);
                        assert!(found.is_some(), "{path}: {place} leads nowhere");
                    }
                    let status = status.parse().expect("a status");
                    all.insert((path.clone(), method.clone(), status));
                }
            }
        }
        all
    }

    /// Asks, and notes what was answered.
    struct Asking<'a> {
        rig: &'a Rig,
        answered: &'a mut BTreeSet<Answer>,
    }

    impl Asking<'_> {
        #[track_caller]
        fn ask(&mut self, documented: &str, method: &str, rest: &str, expect: u16) {
            let place = PLACES.iter().find(|(template, _)| *template == documented);
            let path = place.map_or(documented, |(_, path)| path);
            self.at(documented, path, method, rest, expect);
        }

        #[track_caller]
        fn at(&mut self, documented: &str, path: &str, method: &str, rest: &str, expect: u16) {
            let upper = method.to_uppercase();
            let request =
                format!("{upper} {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{rest}");
            let mut stream = self.rig.connect();
            // A server that refuses early may close before everything is sent.
            drop(stream.write_all(request.as_bytes()));
            let (status, text) = answer(&mut stream);
            assert_eq!(status, expect, "{method} {path} {rest:?}: {text}");
            self.answered
                .insert((documented.to_owned(), method.to_owned(), status));
        }
    }

    /// A request's rest: headers that are believed, and a body.
    fn with(body: &str) -> String {
        format!("{BELIEVED}Content-Length: {}\r\n\r\n{body}", body.len())
    }

    fn ask_all(asking: &mut Asking<'_>) {
        let large = format!("{BELIEVED}X-Padding: {}\r\n\r\n", "x".repeat(9 << 10));
        for (path, _) in PLACES {
            for method in ["post", "put"] {
                let mut ask = |rest: &str, expect| asking.ask(path, method, rest, expect);
                ask(&with(r#"{"events":[]}"#), 200);
                ask("Content-Length: 0\r\n\r\n", 401);
                let chunked = format!("{BELIEVED}Transfer-Encoding: chunked\r\n\r\nnonsense\r\n");
                ask(&chunked, 400);
                ask(&with(&"x".repeat(70 << 10)), 413);
                ask(&format!("{BELIEVED}Content-Encoding: gzip\r\n\r\n"), 415);
                ask(&large, 431);
            }
        }
        for path in ["/in/{source}", "/in/{source}/{token}", "/pacs/webhooks"] {
            asking.ask(path, "get", "\r\n", 405);
            asking.ask(path, "get", &large, 431);
        }
        for method in ["post", "put", "get"] {
            asking.at("/in/{source}", "/in/t", method, "\r\n", 404);
            asking.at("/in/{source}/{token}", "/in/t/token", method, "\r\n", 404);
        }
        asking.ask("/pacs/devices", "get", &format!("{BELIEVED}\r\n"), 200);
        asking.ask("/pacs/devices", "get", "\r\n", 401);
        for path in ["/pacs/devices", "/healthz", "/readyz", "/metrics"] {
            asking.ask(path, "get", &large, 431);
        }
        for path in ["/healthz", "/readyz", "/metrics"] {
            asking.ask(path, "get", "\r\n", 200);
        }
    }

    /// A body that does not come; the connection stays open meanwhile.
    fn ask_slowly(rig: &Rig, answered: &mut BTreeSet<Answer>) {
        for (template, path) in PLACES {
            for method in ["post", "put"] {
                let upper = method.to_uppercase();
                let request = format!(
                    "{upper} {path} HTTP/1.1\r\nHost: h\r\n{BELIEVED}Content-Length: 9\r\n\r\n{{"
                );
                let mut stream = rig.connect();
                stream.write_all(request.as_bytes()).expect("sent");
                assert_eq!(answer(&mut stream).0, 408, "{method} {path}");
                answered.insert((template.to_owned(), method.to_owned(), 408));
            }
        }
    }

    fn ask_when_broken(rig: &Rig, answered: &mut BTreeSet<Answer>) {
        rig.break_disk();
        let mut asking = Asking { rig, answered };
        for (path, _) in PLACES {
            for method in ["post", "put", "get"] {
                asking.ask(path, method, &with("a granted r"), 503);
            }
        }
        asking.ask("/healthz", "get", "\r\n", 503);
        asking.ask("/readyz", "get", "\r\n", 503);
    }

    #[test]
    fn every_answer_of_the_server_is_documented_and_every_documented_one_is_given() {
        let mut answered = BTreeSet::new();
        let rig = Rig::new(|_, _, _| {});
        ask_all(&mut Asking {
            rig: &rig,
            answered: &mut answered,
        });
        ask_when_broken(&rig, &mut answered);
        let hurried = Rig::new(|server, _, _| server.body_time = Duration::from_millis(50));
        ask_slowly(&hurried, &mut answered);
        let alone = Rig::without_camio();
        let mut asking = Asking {
            rig: &alone,
            answered: &mut answered,
        };
        for method in ["post", "put"] {
            asking.ask("/pacs/devices", method, "\r\n", 404);
            asking.ask("/pacs/webhooks", method, "\r\n", 404);
        }
        asking.ask("/pacs/webhooks", "get", "\r\n", 404);
        let documented = documented();
        let missing: Vec<_> = answered.difference(&documented).collect();
        let never: Vec<_> = documented.difference(&answered).collect();
        assert!(missing.is_empty(), "not in the document: {missing:#?}");
        assert!(
            never.is_empty(),
            "documented and never answered: {never:#?}"
        );
    }

    #[test]
    fn other_methods_are_answered_like_get_and_head() {
        let rig = Rig::new(|_, _, _| {});
        let mut answered = BTreeSet::new();
        let mut asking = Asking {
            rig: &rig,
            answered: &mut answered,
        };
        for method in ["delete", "patch", "options", "head"] {
            asking.ask("/in/{source}", method, "\r\n", 405);
            asking.ask("/pacs/webhooks", method, "\r\n", 405);
        }
        asking.ask("/healthz", "head", "\r\n", 200);
        asking.ask("/healthz", "post", "\r\n", 404);
        asking.ask("/", "get", "\r\n", 404);
        asking.ask("/pacs", "get", "\r\n", 404);
    }
}
