//! What is asked of the Web SDK, and what its refusals mean.

use reqwest::Method;
use serde_json::{Value, json};

use super::super::http::{Trouble, encoded};
use super::super::{Context, Failure};
use super::Genetec;
use crate::crossing::Direction;
use crate::intake::vendors::guid;
use crate::intake::{AccessPoint, Headers, Person};
use crate::units::{Instant, Interval};

/// Entities asked for at once.
const PAGE: usize = 200;

/// GUIDs in one query, and events in one subscription: servers bound the length of a URL.
const IN_ONE_URL: usize = 20;

/// Rows handed over at once; a report has no pages.
const ROWS: usize = 1_000;

/// More pages than this are not one answer but a loop.
const MOST_PAGES: usize = 1_000;

/// What the server's refusal means and what to do.
pub(super) fn refusal(status: u16, body: &[u8]) -> Trouble {
    let words = message(body);
    let said = match words.as_str() {
        "" => String::new(),
        words => format!(" It says: {words}"),
    };
    let lower = words.to_lowercase();
    let connections = lower.contains("connection") && lower.contains("licen");
    match status {
        401 => Trouble::Refused(format!(
            "Security Center refuses the user name or password. Only native users can log in, not \
             those of Active Directory.{said}"
        )),
        403 if connections => Trouble::Refused(format!(
            "Security Center's licence allows no more SDK connections for this part number: close \
             the other one, or have more licensed.{said}"
        )),
        403 => Trouble::Refused(format!(
            "Security Center forbids it (403): its licence must list the part number \
             (GSC-1SDK-...) that the ApplicationId belongs to; the ApplicationId of the samples \
             (GSC-SDK) works on demonstration systems only. Look at the licence options in Config \
             Tool.{said}"
        )),
        404 => Trouble::Odd(format!(
            "there is no Web SDK at this address (404): compare port and base URI with the role of \
             type Web-based SDK in Config Tool.{said}"
        )),
        status => Trouble::Unreachable(format!("Security Center answers {status}.{said}")),
    }
}

fn message(body: &[u8]) -> String {
    let json = document(body);
    let places = ["/Rsp/Result/Message", "/rsp/result/message"];
    let said = json.as_ref().and_then(|json| {
        places
            .iter()
            .find_map(|place| json.pointer(place)?.as_str().map(str::to_owned))
    });
    let text = said.unwrap_or_else(|| {
        let text = String::from_utf8_lossy(body).into_owned();
        // An error page of the web server says nothing that helps.
        if text.trim_start().starts_with('<') {
            String::new()
        } else {
            text
        }
    });
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

/// JSON, whatever stands before its first bracket.
fn document(body: &[u8]) -> Option<Value> {
    let start = body.iter().position(|byte| *byte == b'{')?;
    serde_json::from_slice(&body[start..]).ok()
}

/// The result of an answer; `Fail` is trouble, in the server's words.
pub(super) fn result(body: &[u8]) -> Result<Value, Trouble> {
    let odd = || Trouble::Odd("Security Center's answer is no JSON with Rsp and Result".to_owned());
    let mut json = document(body).ok_or_else(odd)?;
    let answer = json.get_mut("Rsp").ok_or_else(odd)?;
    let good = answer["Status"]
        .as_str()
        .is_some_and(|word| word.eq_ignore_ascii_case("ok"));
    match good {
        true => Ok(answer["Result"].take()),
        false => Err(Trouble::Odd(format!(
            "Security Center says no: {}",
            message(body)
        ))),
    }
}

/// A GUID without dashes, as URLs need it.
pub(super) fn plain(guid: &str) -> String {
    guid.replace(['-', '{', '}'], "")
}

impl Genetec {
    /// All doors.
    pub async fn doors(&self, context: &Context) -> Result<Vec<AccessPoint>, Trouble> {
        let guids = self.guids(context, "Door").await?;
        let rows = self.entities(context, &guids, &["Guid", "Name"]).await?;
        Ok(rows.iter().filter_map(|row| point(row, None)).collect())
    }

    /// Everything that an event may name as its source: doors, and access points with their doors.
    pub async fn access_points(
        &self,
        context: &Context,
        doors: &[AccessPoint],
    ) -> Result<Vec<AccessPoint>, Trouble> {
        let mut points = doors.to_vec();
        let guids = self.guids(context, "AccessPoint").await?;
        let rows = self.points(context, &guids).await?;
        let door = |row: &Value| {
            let group = &row["AccessPointGroup"];
            group
                .as_str()
                .or_else(|| group["Guid"].as_str())
                .map(str::to_owned)
        };
        points.extend(rows.iter().filter_map(|row| {
            let point = point(row, door(row))?;
            let direction = side(row["AccessPointSide"].as_str());
            Some(AccessPoint { direction, ..point })
        }));
        Ok(points)
    }

    /// Access points with as many of the fields that are wanted as the server knows.
    async fn points(&self, context: &Context, guids: &[String]) -> Result<Vec<Value>, Trouble> {
        const ALL: [&str; 4] = ["Guid", "Name", "AccessPointGroup", "AccessPointSide"];
        for some in [4, 3] {
            match self.entities(context, guids, &ALL[..some]).await {
                Err(Trouble::Odd(why)) => {
                    let without = ALL[some - 1];
                    tracing::info!(
                        "{}: access points come without {without}: {why}",
                        context.source
                    );
                }
                other => return other,
            }
        }
        self.entities(context, guids, &ALL[..2]).await
    }

    /// Who a cardholder is. Only for sites that allow names. A server that does not know the GUID, or
    /// the fields, says no: then nobody is known.
    pub async fn person(&self, context: &Context, holder: &str) -> Result<Option<Person>, Trouble> {
        let guids = [holder.to_owned()];
        let full = ["Guid", "Name", "FirstName", "LastName", "EmailAddress"];
        let rows = match self.entities(context, &guids, &full).await {
            Err(Trouble::Odd(_)) => self.entities(context, &guids, &full[..2]).await,
            other => other,
        };
        let rows = match rows {
            Err(Trouble::Odd(_)) => return Ok(None),
            other => other?,
        };
        let Some(row) = rows.first() else {
            return Ok(None);
        };
        let text = |field: &str| {
            let text = row[field].as_str().map(str::trim);
            text.filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let first_last = || Some(format!("{} {}", text("FirstName")?, text("LastName")?));
        let person = Person {
            name: first_last().or_else(|| text("Name")),
            email: text("EmailAddress"),
        };
        Ok(Some(person).filter(|person| *person != Person::default()))
    }

    /// The GUIDs of all entities of a type.
    async fn guids(&self, context: &Context, kind: &str) -> Result<Vec<String>, Trouble> {
        let mut all: Vec<String> = Vec::new();
        for page in 1..=MOST_PAGES {
            let query = format!("EntityTypes@{kind},Page={page},PageSize={PAGE}");
            let path = format!("report/EntityConfiguration?q={}", encoded(&query));
            let (result, _) = self.ask(context, &path).await?;
            let rows = result.as_array().map(Vec::as_slice).unwrap_or_default();
            // A row too many says that there is another page, which begins with that row.
            for guid in rows
                .iter()
                .take(PAGE)
                .filter_map(|row| row["Guid"].as_str())
            {
                if !all.iter().any(|known| plain(known) == plain(guid)) {
                    all.push(guid.to_owned());
                }
            }
            if rows.len() <= PAGE {
                return Ok(all);
            }
        }
        Err(Trouble::Odd(format!(
            "the list of type {kind} does not end"
        )))
    }

    async fn entities(
        &self,
        context: &Context,
        guids: &[String],
        fields: &[&str],
    ) -> Result<Vec<Value>, Trouble> {
        let mut all = Vec::new();
        for guids in guids.chunks(IN_ONE_URL) {
            let each = guids
                .iter()
                .map(|guid| format!("entity={},{}", plain(guid), fields.join(",")));
            let query = each.collect::<Vec<_>>().join(",");
            let (result, _) = self
                .ask(context, &format!("entity?q={}", encoded(&query)))
                .await?;
            match result {
                Value::Array(rows) => all.extend(rows),
                one => all.push(one),
            }
        }
        Ok(all)
    }

    /// Subscribes the event types of the account at these doors.
    pub(super) async fn subscribe(
        &self,
        context: &Context,
        doors: &[String],
    ) -> Result<(), Trouble> {
        let each = doors.iter().flat_map(|door| {
            let event = move |kind: &String| format!("event({},{kind})", plain(door));
            self.account.events.iter().map(event)
        });
        let all: Vec<String> = each.collect();
        for some in all.chunks(IN_ONE_URL) {
            let path = format!("events/subscribe?q={}", encoded(&some.join(",")));
            self.ask(context, &path).await?;
        }
        Ok(())
    }

    /// Stores what the report has of a door in some time.
    pub(super) async fn back_fill(
        &self,
        context: &Context,
        door: &str,
        of: Interval,
    ) -> Result<(), Failure> {
        let (from, to) = (second(of.lo, 0), second(of.hi, 1));
        let query = format!("Doors@{},TimeRange.SetTimeRange({from},{to})", plain(door));
        let path = format!("report/DoorActivity?q={}", encoded(&query));
        let (result, body) = self.ask(context, &path).await?;
        let rows = match &result {
            Value::Array(rows) => rows.as_slice(),
            _ => &[],
        };
        if rows.is_empty() {
            return Ok(());
        }
        let kind = || Headers::new([("content-type", "text/json")]);
        if rows.len() <= ROWS {
            return context.store("backfill", kind(), body).await;
        }
        for rows in rows.chunks(ROWS) {
            let part = json!({"Rsp": {"Status": "Ok", "Result": rows}});
            context
                .store("backfill", kind(), part.to_string().into_bytes())
                .await?;
        }
        Ok(())
    }

    /// Puts a bookmark on a camera's recording, so that an operator finds the verdict there.
    pub async fn bookmark(
        &self,
        context: &Context,
        camera: &str,
        at: Instant,
        text: &str,
    ) -> Result<(), Trouble> {
        // Brackets and commas would end the argument.
        let text = text.replace(',', ";").replace(['(', ')'], " ");
        let action = format!(
            "AddCameraBookmark({},{},{text})",
            plain(camera),
            second(at, 0)
        );
        let path = format!("action?q={}", encoded(&action));
        self.request(context, Method::POST, &path).await.map(drop)
    }

    /// Raises a custom event, which Security Center can answer with an alarm or an action.
    pub async fn raise(
        &self,
        context: &Context,
        custom_event: u32,
        entity: &str,
        message: &str,
    ) -> Result<(), Trouble> {
        let (entity, message) = (plain(entity), encoded(message));
        let path = format!("events/RaiseCustomEvent/{custom_event}/{entity}/{message}");
        self.request(context, Method::POST, &path).await.map(drop)
    }
}

fn point(row: &Value, door: Option<String>) -> Option<AccessPoint> {
    Some(AccessPoint {
        // As events name it: lower case, with dashes.
        id: guid(row["Guid"].as_str()?),
        name: row["Name"].as_str().unwrap_or_default().to_owned(),
        door: door.as_deref().map(guid),
        direction: None,
    })
}

/// Which way a side of a door lets people pass. Other words than these say nothing certain.
fn side(word: Option<&str>) -> Option<Direction> {
    match word?.to_ascii_lowercase().as_str() {
        "in" | "entry" => Some(Direction::In),
        "out" | "exit" => Some(Direction::Out),
        _ => None,
    }
}

/// A whole second in the form that reports take, UTC.
fn second(at: Instant, later: i64) -> String {
    let seconds = at.as_us().div_euclid(1_000_000) + later;
    let at = jiff::Timestamp::from_second(seconds).unwrap_or_default();
    at.strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(status: u16, body: &str, expect: &str) {
        let words = refusal(status, body.as_bytes()).to_string();
        assert!(words.contains(expect), "{words}");
        assert!(words.lines().count() == 1, "{words}");
    }

    #[test]
    fn refusals_say_what_to_do() {
        let fail = |what: &str| json!({"Rsp": {"Status": "Fail", "Result": {"Message": what}}});
        let part = fail("The license does not contain the part number.").to_string();
        check(403, &part, "must list the part number");
        check(
            403,
            &part,
            "It says: The license does not contain the part number.",
        );
        let many = fail("The license allows no more SDK connections.").to_string();
        check(403, &many, "allows no more SDK connections");
        check(
            403,
            "<html>Forbidden</html>",
            "Look at the licence options in Config Tool.",
        );
        check(401, "", "Only native users");
        check(404, "", "port and base URI");
        check(503, "later", "answers 503. It says: later");
    }

    #[test]
    fn answers_may_begin_with_a_mark() {
        let body = "\u{feff}\r\n{\"Rsp\":{\"Status\":\"OK\",\"Result\":[1]}}";
        assert_eq!(result(body.as_bytes()), Ok(json!([1])));
        assert!(result(b"{\"Rsp\":{\"Status\":\"Fail\",\"Result\":{}}}").is_err());
        assert!(result(b"hello").is_err());
    }
}
