//! `tailgate intake people`: who is known by name, and forgetting them.

use std::collections::BTreeMap;

use clap::{Args, Subcommand};

use super::super::{DONE, Failure, NOT_AS_EXPECTED, Outcome};
use super::tail::shown_person;
use super::{Opened, Place, unusable};
use crate::app::intake::source;
use crate::intake::inbox::{Forgotten, Whom};
use crate::intake::{Redactor, now, shown};

/// Lists the people who are known by name, and forgets them.
#[derive(Debug, Args)]
pub struct PeopleArgs {
    #[command(subcommand)]
    command: PeopleCommand,
}

#[derive(Debug, Subcommand)]
enum PeopleCommand {
    /// Lists who was looked up, and until when that is kept.
    List {
        #[command(flatten)]
        place: Place,
        /// Print a JSON array.
        #[arg(long)]
        json: bool,
    },
    /// Deletes names and e-mail addresses now, overwriting them; what is left are the vendor's ids.
    Forget {
        #[command(flatten)]
        place: Place,
        /// Only this source's.
        #[arg(long)]
        source: Option<String>,
        #[command(flatten)]
        whose: Whose,
    },
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Whose {
    /// This holder's, by the vendor's id.
    #[arg(long)]
    holder: Option<String>,
    /// Everybody's.
    #[arg(long)]
    everybody: bool,
}

/// Does the one asked for.
pub fn run(args: &PeopleArgs) -> Outcome {
    match &args.command {
        PeopleCommand::List { place, json } => list(place, *json),
        PeopleCommand::Forget {
            place,
            source,
            whose,
        } => {
            let whom = match &whose.holder {
                Some(holder) => Whom::Holder(source.clone(), holder.clone()),
                None => Whom::Everybody(source.clone()),
            };
            forget(place, &whom)
        }
    }
}

fn list(place: &Place, json: bool) -> Outcome {
    let Opened { reader, .. } = place.open()?;
    let people = reader.people(now()).map_err(unusable)?;
    if json {
        println!(
            "{}",
            serde_json::to_string_pretty(&people).unwrap_or_default()
        );
        return Ok(DONE);
    }
    for known in &people {
        let person = known.person().unwrap_or_default();
        println!(
            "{}  holder {}  {}  until {}",
            known.source,
            known.holder,
            shown_person(&person),
            shown(known.expires)
        );
    }
    if people.is_empty() {
        println!("nobody is known by name");
    }
    Ok(DONE)
}

fn forget(place: &Place, whom: &Whom) -> Outcome {
    let Opened { config, reader, .. } = place.open()?;
    let (Whom::Everybody(named) | Whom::Holder(named, _)) = whom;
    if let Some(named) = named
        && !config.sources.iter().any(|source| source.name == *named)
    {
        let what = format!("{named} is no source of {}", place.file.display());
        return Err(Failure::unusable(what));
    }
    let key = reader.key().map_err(unusable)?;
    let mut redactors = BTreeMap::new();
    for wanted in &config.sources {
        let source = source(&config.folder, wanted)
            .map_err(|problems| Failure::unusable(problems.join("\n")))?;
        redactors.insert(wanted.name.clone(), Redactor::new(&source, &key));
    }
    let redact = |source: &str, body: &[u8]| {
        let redactor = redactors.get(source)?;
        Some((redactor.body(body), redactor.digest(body)))
    };
    let forgotten = reader.forget(whom, &redact).map_err(unusable)?;
    let Forgotten {
        people,
        events,
        bodies,
        log_emptied,
    } = forgotten;
    println!(
        "forgotten: {people} looked up, {events} named by events; {bodies} raw bodies redacted"
    );
    if !log_emptied {
        println!(
            "somebody is reading the inbox, so that its log still holds what was deleted: say it again"
        );
        return Ok(NOT_AS_EXPECTED);
    }
    Ok(DONE)
}
