//! `tailgate check FILE...`: door, calibration, grants and truth files, all problems at once.
//!
//! Files given together are also checked against each other: doors that share a camera, grants
//! whose doors or readers are nobody's, directions that no portal has.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::{DONE, Failure, Outcome, UNUSABLE};
use crate::access::AccessKind;
use crate::config::{
    CalibrationSummary, FileKind, GrantFile, GrantReading, IntakeConfig, LiveConfig, Problem,
    Problems, SchemaOf, Severity, SiteConfig, Truth, check_calibration, load, load_intake,
    load_live, parse_zone, read_grants, read_truth, recognise, summarise_camera,
};
use crate::units::Instant;

/// Checks door, calibration, grants and truth files and says all that is wrong, with line and column.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Files; their kind is told from name and content. Files given together must fit together.
    #[arg(required_unless_present = "schema", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Print the JSON schema of a file format instead.
    #[arg(long, value_enum, value_name = "FORMAT", conflicts_with = "files")]
    schema: Option<SchemaOf>,
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
    /// Zone of local times in grants files, such as Europe/Berlin or +01:00.
    #[arg(long, value_name = "ZONE")]
    zone: Option<String>,
    /// Treat lines of grants files that can't be read as losses, not errors.
    #[arg(long)]
    lenient: bool,
}

/// What was found in one file.
#[derive(Debug, Serialize)]
struct FileReport {
    file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<FileKind>,
    ok: bool,
    /// What was understood, one line each.
    understood: Vec<String>,
    problems: Problems,
}

/// What was found in all files.
#[derive(Debug, Serialize)]
struct Report {
    ok: bool,
    errors: usize,
    warnings: usize,
    files: Vec<FileReport>,
}

/// Checks the files; exit code 1 if any can't be used.
pub fn run(args: &CheckArgs) -> Outcome {
    if let Some(schema) = args.schema {
        print!("{}", schema.text());
        return Ok(DONE);
    }
    let zone = args
        .zone
        .as_deref()
        .map(parse_zone)
        .transpose()
        .map_err(Failure::unusable)?;
    let reading = GrantReading {
        zone,
        lenient: args.lenient,
    };
    let report = check(&args.files, &reading);
    let mut out = io::stdout().lock();
    let written = if args.json {
        let text = serde_json::to_string_pretty(&report).unwrap_or_default();
        writeln!(out, "{text}")
    } else {
        print(&report, &mut out)
    };
    // A reader that went away (`| head`) is no failure of the check.
    drop(written);
    Ok(if report.ok { DONE } else { UNUSABLE })
}

fn check(paths: &[PathBuf], reading: &GrantReading) -> Report {
    let mut reports: Vec<FileReport> = paths.iter().map(|path| first_look(path)).collect();
    let of = |reports: &[FileReport], kind: FileKind| {
        let places = reports
            .iter()
            .enumerate()
            .filter(|(_, report)| report.kind == Some(kind));
        places.map(|(place, _)| place).collect::<Vec<_>>()
    };
    let doors = of(&reports, FileKind::Door);
    let site = check_doors(paths, &doors, &mut reports);
    for place in of(&reports, FileKind::Calibration) {
        let report = &mut reports[place];
        match check_calibration(&paths[place]) {
            Ok((summary, warnings)) => {
                report.understood = camera_lines(&summary);
                report.problems.extend(warnings);
            }
            Err(problems) => report.problems.extend(problems),
        }
    }
    for place in of(&reports, FileKind::Grants) {
        check_grants(&paths[place], reading, site.as_ref(), &mut reports[place]);
    }
    for place in of(&reports, FileKind::Truth) {
        check_truth(&paths[place], site.as_ref(), &mut reports[place]);
    }
    for place in of(&reports, FileKind::Intake) {
        check_intake(&paths[place], &mut reports[place]);
    }
    for place in of(&reports, FileKind::Site) {
        check_site(&paths[place], &mut reports[place]);
    }
    tell_once(&mut reports);
    let count = |severity: Severity| {
        let problems = reports.iter().flat_map(|report| report.problems.iter());
        problems
            .filter(|problem| problem.severity == severity)
            .count()
    };
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    Report {
        ok: errors == 0,
        errors,
        warnings,
        files: reports,
    }
}

/// A report with nothing but the file's kind, or why it can't be read.
fn first_look(path: &Path) -> FileReport {
    let file = path.display().to_string();
    let mut problems = Problems::new();
    let kind = match std::fs::read(path) {
        Ok(bytes) => {
            let kind = recognise(path, &bytes);
            if kind.is_none() {
                let help =
                    "name door and calibration files .toml, grants .csv or .jsonl, truth .json";
                problems.file_error(&file, "is of no known kind", help);
            }
            kind
        }
        Err(error) => {
            problems.file_error(
                &file,
                format!("can't be read: {error}"),
                "check path and rights",
            );
            None
        }
    };
    FileReport {
        ok: kind.is_some(),
        file,
        kind,
        understood: Vec::new(),
        problems,
    }
}

/// All door files together, so that they are held against each other too.
fn check_doors(
    paths: &[PathBuf],
    places: &[usize],
    reports: &mut [FileReport],
) -> Option<SiteConfig> {
    let files: Vec<PathBuf> = places.iter().map(|place| paths[*place].clone()).collect();
    if files.is_empty() {
        return None;
    }
    let (site, problems) = match load(&files) {
        Ok(site) => {
            let warnings = site.warnings.clone();
            (Some(site), warnings)
        }
        Err(problems) => (None, problems),
    };
    for problem in &problems {
        // What is wrong in a calibration that isn't given itself is told with the first door.
        let own = reports
            .iter()
            .position(|report| report.file == problem.file);
        let place = own.unwrap_or(places[0]);
        reports[place].problems.push(problem.clone());
    }
    if let Some(site) = &site {
        for (door, place) in places.iter().enumerate() {
            reports[*place].understood = door_lines(site, door);
        }
    }
    site
}

fn check_grants(
    path: &Path,
    reading: &GrantReading,
    site: Option<&SiteConfig>,
    report: &mut FileReport,
) {
    let Ok(bytes) = std::fs::read(path) else {
        return;
    };
    match read_grants(&report.file, &bytes, reading) {
        Ok((file, warnings)) => {
            report.problems.extend(warnings);
            report.understood = grant_lines(&file);
            if let Some(site) = site {
                // Any start will do: only the doors are of interest here.
                match file.events(site, Some(Instant::ZERO)) {
                    Ok((_, more)) | Err(more) => report.problems.extend(more),
                }
            }
        }
        Err(problems) => report.problems.extend(problems),
    }
}

fn check_intake(path: &Path, report: &mut FileReport) {
    match load_intake(path) {
        Ok(config) => {
            report.understood = intake_lines(&config);
            report.problems.extend(config.warnings);
        }
        Err(problems) => report.problems.extend(problems),
    }
}

fn check_site(path: &Path, report: &mut FileReport) {
    match load_live(path) {
        Ok(config) => {
            report.understood = site_lines(&config);
            report.problems.extend(config.warnings);
        }
        Err(problems) => report.problems.extend(problems),
    }
}

fn check_truth(path: &Path, site: Option<&SiteConfig>, report: &mut FileReport) {
    let Ok(bytes) = std::fs::read(path) else {
        return;
    };
    match read_truth(&report.file, &bytes) {
        Ok((truth, warnings)) => {
            report.problems.extend(warnings);
            report.understood = truth_lines(&truth);
            if let Some(site) = site {
                report
                    .problems
                    .extend(strange_directions(&truth, site, &report.file));
            }
        }
        Err(problems) => report.problems.extend(problems),
    }
}

/// Directions of a truth file that no portal of the doors knows: nothing would ever match.
fn strange_directions(truth: &Truth, site: &SiteConfig, file: &str) -> Problems {
    let portals = &site.engine.portals;
    let known: Vec<&str> = portals
        .iter()
        .flat_map(|portal| [&*portal.in_name, &*portal.out_name])
        .collect();
    let mut problems = Problems::new();
    let mut told: Vec<&str> = Vec::new();
    for crossing in &truth.crossings {
        let direction = crossing.direction.as_str();
        if known.contains(&direction) || told.contains(&direction) {
            continue;
        }
        told.push(direction);
        problems.push(Problem {
            severity: Severity::Warning,
            file: file.to_owned(),
            place: None,
            key: "crossings".to_owned(),
            what: format!("the direction \"{direction}\" is no portal's"),
            help: "write in the door's [[portal]]: `names = { in = \"...\", out = \"...\" }`"
                .into(),
        });
    }
    problems
}

/// A problem that two files share (a calibration given itself and named by a door) is told once.
fn tell_once(reports: &mut [FileReport]) {
    let mut told: Vec<Problem> = Vec::new();
    for report in reports {
        let mut kept = Problems::new();
        for problem in &report.problems {
            if !told.contains(problem) {
                told.push(problem.clone());
                kept.push(problem.clone());
            }
        }
        report.ok = report.ok && !report.problems.has_errors();
        report.problems = kept.sorted();
    }
}

fn print(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    for file in &report.files {
        let word = if file.ok { "ok   " } else { "WRONG" };
        let kind = match file.kind {
            Some(FileKind::Door) => "door",
            Some(FileKind::Calibration) => "calibration",
            Some(FileKind::Grants) => "grants",
            Some(FileKind::Truth) => "truth",
            Some(FileKind::Intake) => "intake",
            Some(FileKind::Site) => "site",
            None => "unknown kind",
        };
        writeln!(out, "{word} {} ({kind})", file.file)?;
        for line in &file.understood {
            writeln!(out, "      {line}")?;
        }
        for problem in &file.problems {
            writeln!(out, "{problem}")?;
        }
    }
    writeln!(
        out,
        "{}: {}, {}",
        plural(report.files.len(), "file"),
        plural(report.errors, "error"),
        plural(report.warnings, "warning")
    )
}

fn plural(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

fn site_lines(config: &LiveConfig) -> Vec<String> {
    let cameras = config.cameras.iter().map(|camera| {
        let doors = camera.site.engine.doors.iter();
        let doors: Vec<&str> = doors.map(|door| door.name.as_str()).collect();
        format!("camera \"{}\" watches {}", camera.name, doors.join(", "))
    });
    let intake = match &config.intake {
        Some(intake) => plural(intake.sources.len(), "access-control source"),
        None => "no access control: every entry is one without a grant".to_owned(),
    };
    cameras.chain([intake]).collect()
}

fn door_lines(site: &SiteConfig, door: usize) -> Vec<String> {
    let config = &site.engine.doors[door];
    let mut lines = Vec::new();
    let readers = match config.readers.as_slice() {
        [] => "every grant that names no other door counts".to_owned(),
        readers => format!("readers {}", readers.join(", ")),
    };
    let title = match &site.titles[door] {
        title if *title == config.name => String::new(),
        title => format!(" \"{title}\""),
    };
    lines.push(format!("door {}{title}: {readers}", config.name));
    let policy = &config.policy;
    lines.push(format!(
        "a grant allows {}, from {} s before it to {} s after it",
        plural(usize::from(policy.passages_per_grant), "passage"),
        policy.early.as_s(),
        policy.window.as_s()
    ));
    let portals = site
        .engine
        .portals
        .iter()
        .filter(|portal| usize::from(portal.door.0) == door);
    let mut cameras = Vec::new();
    for portal in portals {
        let summary = summarise_camera(&site.engine, portal.camera);
        if !cameras.contains(&portal.camera) {
            cameras.push(portal.camera);
            lines.extend(summary.iter().flat_map(camera_lines));
        }
        let mut line = format!(
            "portal {}: {:.2} m long, settled {} m off the line, \"{}\" is going in",
            portal.name,
            portal.portal.length_m(),
            portal.portal.depth_m,
            portal.in_name
        );
        if let Some(view) = summary.and_then(|summary| summary.view_of(&portal.portal)) {
            line.push_str(&format!(
                "; {:.1} mm of floor to a pixel",
                1000.0 * view.metres_per_px
            ));
            if let Some(person_px) = view.person_px {
                line.push_str(&format!(", a person {person_px:.0} px large"));
            }
        }
        lines.push(line);
    }
    lines
}

fn camera_lines(camera: &CalibrationSummary) -> Vec<String> {
    let mut lines = Vec::new();
    let (width, height) = camera.image_px;
    lines.push(match &camera.pose {
        Some(pose) => format!(
            "camera {width} x {height} px, {:.2} m above the floor, looking {:.1} degrees down, focal \
             length {:.0} px",
            pose.height_m,
            pose.pitch_rad.to_degrees(),
            pose.focal_px
        ),
        None => format!("camera {width} x {height} px, its place is not known"),
    });
    // Four points always fit: only a fifth can contradict.
    let agreeing = match camera.control_points {
        4 => "a fifth would test them".to_owned(),
        _ => format!("agreeing within {:.1} px", camera.residual_px),
    };
    lines.push(format!(
        "{} control points, {agreeing}; lengths known within {:.0} %",
        camera.control_points,
        100.0 * camera.uncertainty
    ));
    if let Some((columns, rows)) = camera.grid {
        let blocked = match camera.blocked {
            0 => "none".to_owned(),
            count => count.to_string(),
        };
        let tile_m = camera.tile_m;
        lines.push(format!(
            "floor of {columns} x {rows} tiles of {tile_m} m, {blocked} blocked"
        ));
    }
    lines
}

fn grant_lines(file: &GrantFile) -> Vec<String> {
    let granted = file
        .events
        .iter()
        .filter(|event| event.kind == AccessKind::Granted)
        .count();
    let mut line = format!(
        "{}, {granted} of them granted",
        plural(file.events.len(), "event")
    );
    if file.lost > 0 {
        line.push_str(&format!(", {} left out", plural(file.lost, "line")));
    }
    let mut lines = vec![line];
    let times = file.time_range();
    if let Some((first, last)) = times {
        lines.push(format!("from {first} to {last}"));
    }
    if file.needs_start() {
        lines.push("times are wall time: the clip's start must be known".to_owned());
    }
    if !file.unread.is_empty() {
        lines.push(format!("not read: {}", file.unread.join(", ")));
    }
    lines
}

fn intake_lines(config: &IntakeConfig) -> Vec<String> {
    let secured = if config.server.tls.is_some() {
        "TLS"
    } else {
        "no TLS"
    };
    let mut lines = vec![format!("listens on {}, {secured}", config.server.listen)];
    for source in &config.sources {
        let vendor = source.vendor.vendor();
        lines.push(format!(
            "source {} ({vendor}): sends to /in/{}",
            source.name, source.name
        ));
    }
    for door in &config.doors {
        let readers: Vec<&str> = door.readers.iter().map(|reader| &*reader.id).collect();
        lines.push(match readers.as_slice() {
            [] => format!("door {}: whatever belongs to no other door", door.name),
            readers => format!("door {}: readers {}", door.name, readers.join(", ")),
        });
    }
    lines
}

fn truth_lines(truth: &Truth) -> Vec<String> {
    let mut directions: Vec<(&str, usize)> = Vec::new();
    for crossing in &truth.crossings {
        match directions
            .iter_mut()
            .find(|(name, _)| *name == crossing.direction)
        {
            Some((_, count)) => *count += 1,
            None => directions.push((&crossing.direction, 1)),
        }
    }
    let each: Vec<String> = directions
        .iter()
        .map(|(name, count)| format!("{count} {name}"))
        .collect();
    let mut line = plural(truth.crossings.len(), "crossing");
    if !each.is_empty() {
        line.push_str(&format!(": {}", each.join(", ")));
    }
    let mut lines = vec![line];
    if let Some(verdicts) = &truth.verdicts {
        lines.push(plural(verdicts.len(), "verdict"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALIBRATION: &str = "image_px = [768, 432]\n\
        points_px = [[60, 425], [150, 275], [640, 275], [740, 425]]\n\
        points_m = [[-1.22, 1.94], [-1.02, 2.7], [1.11, 2.7], [1.34, 1.94]]\n";
    const DOOR: &str = "[door]\nname = \"front\"\nreaders = [\"r1\"]\n\n\
        [camera]\ncalibration = \"calibration.toml\"\n\n\
        [[portal]]\nname = \"main\"\npoints_px = [[590, 262], [625, 431]]\n\
        inside_px = [700, 300]\n";

    /// The report on files, as text or as JSON, with the folder's name taken out.
    fn report(files: &[(&str, &str)], names: &[&str], json: bool) -> String {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let paths: Vec<PathBuf> = names.iter().map(|name| folder.path().join(name)).collect();
        let report = check(&paths, &GrantReading::default());
        let text = if json {
            serde_json::to_string_pretty(&report).unwrap()
        } else {
            let mut out = Vec::new();
            print(&report, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        text.replace(&format!("{}/", folder.path().display()), "")
    }

    #[test]
    fn good_files_are_summed_up() {
        let files = [
            ("door.toml", DOOR),
            ("calibration.toml", CALIBRATION),
            (
                "grants.csv",
                "time,reader,shift\n2026-01-05T08:31:00Z,r1,early\n1767601800,r1,late\n",
            ),
            (
                "truth.json",
                "{\"crossings\": [{\"t_s\": 19, \"dir\": \"in\"}]}",
            ),
        ];
        let names = ["door.toml", "calibration.toml", "grants.csv", "truth.json"];
        insta::assert_snapshot!(report(&files, &names, false), @r#"
        ok    door.toml (door)
              door front: readers r1
              a grant allows 1 passage, from 1 s before it to 10 s after it
              camera 768 x 432 px, 3.02 m above the floor, looking 44.3 degrees down, focal length 935 px
              4 control points, a fifth would test them; lengths known within 10 %
              floor of 14 x 11 tiles of 0.5 m, none blocked
              portal main: 0.86 m long, settled 0.3 m off the line, "in" is going in; 4.6 mm of floor to a pixel, a person 391 px large
        ok    calibration.toml (calibration)
              camera 768 x 432 px, 3.02 m above the floor, looking 44.3 degrees down, focal length 935 px
              4 control points, a fifth would test them; lengths known within 10 %
        ok    grants.csv (grants)
              2 events, 2 of them granted
              from 2026-01-05T08:30:00Z to 2026-01-05T08:31:00Z
              times are wall time: the clip's start must be known
              not read: shift
        ok    truth.json (truth)
              1 crossing: 1 in
        4 files: 0 errors, 0 warnings
        "#);
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let door = DOOR
            .replace("inside_px", "inside")
            .replace("[camera]", "[camera]\nnmae = 1");
        let files = [
            ("door.toml", door.as_str()),
            (
                "calibration.toml",
                &CALIBRATION.replace("[60, 425]", "[60, 4250]"),
            ),
            ("grants.csv", "time,kind\nnoon,granted\n18,\n"),
            ("truth.json", "{\"crossings\": [{\"t_s\": 19}]}"),
            ("clip.mp4", "\0"),
        ];
        let names = [
            "door.toml",
            "grants.csv",
            "truth.json",
            "clip.mp4",
            "nowhere.toml",
        ];
        insta::assert_snapshot!(report(&files, &names, false), @r#"
        WRONG door.toml (door)
        door.toml:6:1: error: camera.nmae: is an unknown key
            help: did you mean `name`?
        door.toml:9:1: error: portal[0].inside_px: is missing
            help: add `inside_px = [x, y]`: any point of the floor on the secured side
        door.toml:12:1: error: portal[0].inside: is an unknown key
            help: did you mean `inside_m` or `inside_px`?
        calibration.toml:2:14: error: points_px[0]: (60, 4250) lies outside the picture of 768 x 432 px
            help: points are [x, y] in pixels from the top left corner of the picture of image_px
        WRONG grants.csv (grants)
        grants.csv:2:1: error: time: "noon" is no time
            help: write 2026-01-05T08:30:00Z, seconds or milliseconds since 1970, or seconds since the clip's start (12.5 or +12.5)
        grants.csv:3:4: error: kind: is empty
            help: write `granted` if it was one: it is never guessed
        WRONG truth.json (truth)
        truth.json:1:16: error: crossings[0].dir: is missing
            help: add `dir = "..."`: Which way, as the portal's names call it
        WRONG clip.mp4 (unknown kind)
        clip.mp4: error: is of no known kind
            help: name door and calibration files .toml, grants .csv or .jsonl, truth .json
        WRONG nowhere.toml (unknown kind)
        nowhere.toml: error: can't be read: No such file or directory (os error 2)
            help: check path and rights
        5 files: 9 errors, 0 warnings
        "#);
    }

    #[test]
    fn files_that_do_not_fit_together_are_warned_of() {
        let files = [
            ("door.toml", DOOR),
            ("calibration.toml", CALIBRATION),
            ("grants.jsonl", "{\"time\": 18, \"reader\": \"r2\"}\n"),
            (
                "truth.json",
                "{\"crossings\": [{\"t_s\": 19, \"dir\": \"L2R\"}]}",
            ),
        ];
        insta::assert_snapshot!(report(&files, &["door.toml", "grants.jsonl", "truth.json"], true), @r#"
        {
          "ok": true,
          "errors": 0,
          "warnings": 2,
          "files": [
            {
              "file": "door.toml",
              "kind": "door",
              "ok": true,
              "understood": [
                "door front: readers r1",
                "a grant allows 1 passage, from 1 s before it to 10 s after it",
                "camera 768 x 432 px, 3.02 m above the floor, looking 44.3 degrees down, focal length 935 px",
                "4 control points, a fifth would test them; lengths known within 10 %",
                "floor of 14 x 11 tiles of 0.5 m, none blocked",
                "portal main: 0.86 m long, settled 0.3 m off the line, \"in\" is going in; 4.6 mm of floor to a pixel, a person 391 px large"
              ],
              "problems": []
            },
            {
              "file": "grants.jsonl",
              "kind": "grants",
              "ok": true,
              "understood": [
                "1 event, 1 of them granted",
                "from +18.000 s to +18.000 s"
              ],
              "problems": [
                {
                  "severity": "warning",
                  "file": "grants.jsonl",
                  "line": 1,
                  "column": 1,
                  "what": "1 of 1 events (1 grants) belong to no door here and count for nothing; the first names the reader \"r2\"",
                  "help": "doors here: front; a door's name, title or readers must match the file's"
                }
              ]
            },
            {
              "file": "truth.json",
              "kind": "truth",
              "ok": true,
              "understood": [
                "1 crossing: 1 L2R"
              ],
              "problems": [
                {
                  "severity": "warning",
                  "file": "truth.json",
                  "key": "crossings",
                  "what": "the direction \"L2R\" is no portal's",
                  "help": "write in the door's [[portal]]: `names = { in = \"...\", out = \"...\" }`"
                }
              ]
            }
          ]
        }
        "#);
    }

    #[test]
    fn a_shared_slip_is_told_once() {
        let bad = CALIBRATION.replace("[768, 432]", "[768]");
        let files = [("door.toml", DOOR), ("calibration.toml", bad.as_str())];
        let text = report(&files, &["door.toml", "calibration.toml"], false);
        assert_eq!(text.matches("image_px: must be").count(), 1, "{text}");
        assert!(text.contains("WRONG calibration.toml"), "{text}");
    }
}
