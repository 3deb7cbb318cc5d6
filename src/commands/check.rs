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
    CalibrationSummary, FileKind, GrantFile, GrantReading, Problem, Problems, SchemaOf, Severity,
    SiteConfig, Truth, check_calibration, load, parse_zone, read_grants, read_truth, recognise,
    summarise_camera,
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
    let plural =
        |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    writeln!(
        out,
        "{}: {}, {}",
        plural(report.files.len(), "file"),
        plural(report.errors, "error"),
        plural(report.warnings, "warning")
    )
}

fn door_lines(site: &SiteConfig, door: usize) -> Vec<String> {
    let config = &site.engine.doors[door];
    let mut lines = Vec::new();
    let readers = match config.readers.as_slice() {
        [] => "every grant that names no other door counts".to_owned(),
        readers => format!("readers {}", readers.join(", ")),
    };
    lines.push(format!(
        "door {} \"{}\": {readers}",
        config.name, site.titles[door]
    ));
    let policy = &config.policy;
    lines.push(format!(
        "a grant allows {} passage(s), from {} s before it to {} s after it",
        policy.passages_per_grant,
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
            if let Some(height_px) = view.person_px {
                line.push_str(&format!(", a person {height_px:.0} px tall"));
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
    let mut line = format!("{} events, {granted} of them grants", file.events.len());
    if file.lost > 0 {
        line.push_str(&format!(", {} lines left out", file.lost));
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
    let mut line = format!("{} crossings", truth.crossings.len());
    if !each.is_empty() {
        line.push_str(&format!(": {}", each.join(", ")));
    }
    let mut lines = vec![line];
    if let Some(verdicts) = &truth.verdicts {
        lines.push(format!("{} verdicts", verdicts.len()));
    }
    lines
}
