//! `tailgate calibrate propose TRACE...`: grid, roles and portals from where people walked, as TOML for
//! a person to confirm.

use std::fmt::Write as _;
use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;

use clap::Args;

use super::output::cannot;
use crate::app::walked::walked;
use crate::calibrate::propose::{Proposal, ProposedPortal, propose};
use crate::commands::{DONE, Failure, Outcome};
use crate::config;
use crate::floor::{Grid, GridSpec, PointInFloor, Portal, TileIndex, TileRole};

/// Depth of proposed portals, m: the default of door files.
const DEPTH_M: f64 = 0.3;

/// Proposes grid, roles and portals from traces of people walking. Printed as TOML: look at it, and
/// copy what is right into the door's file.
#[derive(Debug, Args)]
pub struct ProposeArgs {
    /// Traces of one camera (`tailgate replay --trace`).
    #[arg(required = true, value_name = "TRACE.jsonl")]
    traces: Vec<PathBuf>,
    /// Put people on the floor by this door's calibration instead of the trace's.
    #[arg(long, value_name = "DOOR.toml")]
    door: Option<PathBuf>,
    /// Edge of a tile, m.
    #[arg(long, value_name = "M", default_value_t = 0.5)]
    tile: f64,
    /// Print one JSON object instead of TOML.
    #[arg(long)]
    json: bool,
}

/// Proposes; exit code 1 if nobody walked.
pub fn run(args: &ProposeArgs) -> Outcome {
    if !(0.1..=5.0).contains(&args.tile) {
        return Err(Failure::unusable(
            "--tile: give a length of 0.1 to 5 m, for example 0.5",
        ));
    }
    let config = match &args.door {
        Some(door) => {
            let site = config::load(std::slice::from_ref(door))
                .map_err(|problems| Failure::unusable(problems.to_string()))?;
            Some(site.engine)
        }
        None => None,
    };
    let mut walks = Vec::new();
    let mut tracks = 0;
    for path in &args.traces {
        let file = File::open(path).map_err(|problem| cannot("read", path, &problem))?;
        let (seen, _) = walked(BufReader::new(file), config.clone())
            .map_err(|problem| cannot("read", path, &problem))?;
        walks.extend(seen.walks);
        tracks += seen.tracks;
    }
    let Some(proposal) = propose(&walks, args.tile) else {
        return Err(Failure::unusable(format!(
            "nobody walked a metre: {tracks} tracks in {} traces; give longer ones",
            args.traces.len()
        )));
    };
    if args.json {
        let text = serde_json::to_string_pretty(&proposal)
            .map_err(|problem| Failure::unusable(problem.to_string()))?;
        println!("{text}");
    } else {
        print!("{}", toml(&proposal));
    }
    Ok(DONE)
}

/// The proposal as a part of a door file, with what it rests on as comments.
fn toml(proposal: &Proposal) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write_toml(&mut text, proposal);
    text
}

fn write_toml(text: &mut String, proposal: &Proposal) -> std::fmt::Result {
    writeln!(
        text,
        "# Proposed from {} walk(s). Look at each line before you use it: nobody walked does not mean \
         that\n# nobody can, and which side is inside was guessed.\n",
        proposal.walks
    )?;
    plan(text, proposal)?;
    writeln!(text, "[calibration.grid]")?;
    writeln!(text, "tile_m = {}", proposal.tile_m)?;
    writeln!(text, "min_m = {}", point(proposal.min))?;
    writeln!(text, "max_m = {}", point(proposal.max))?;
    if !proposal.blocked.is_empty() {
        writeln!(
            text,
            "# Everybody walked round these; if desks or walls stand there:"
        )?;
        let corners = |[min, max]: &[PointInFloor; 2]| {
            let ring = [
                *min,
                PointInFloor { x: max.x, y: min.y },
                *max,
                PointInFloor { x: min.x, y: max.y },
            ];
            let ring = ring.map(point);
            format!("[{}]", ring.join(", "))
        };
        let polygons: Vec<String> = proposal.blocked.iter().map(corners).collect();
        writeln!(text, "# blocked_m = [{}]", polygons.join(", "))?;
    }
    if proposal.portals.is_empty() {
        writeln!(text, "\n# No portal: too few people passed any one place.")?;
    }
    for (number, portal) in (1..).zip(&proposal.portals) {
        let all = portal.inwards + portal.outwards;
        writeln!(
            text,
            "\n# {all} walks passed here, {} towards the proposed inside and {} away from it; {} \
             appeared or\n# vanished behind it. If inside is the other side, mirror inside_m.",
            portal.inwards, portal.outwards, portal.doorway
        )?;
        writeln!(text, "[[portal]]")?;
        writeln!(text, "name = \"portal-{number}\"")?;
        let [first, last] = portal.line.map(point);
        writeln!(text, "points_m = [{first}, {last}]")?;
        writeln!(text, "inside_m = {}", point(portal.inside))?;
        writeln!(text, "depth_m = {DEPTH_M}")?;
    }
    Ok(())
}

/// The floor seen from above, y upwards, one character a tile.
fn plan(text: &mut String, proposal: &Proposal) -> std::fmt::Result {
    let lines: Vec<Portal> = proposal.portals.iter().map(directed).collect();
    let spec = GridSpec {
        min: proposal.min,
        max: proposal.max,
        tile_m: proposal.tile_m,
        blocked: Vec::new(),
        walkable: Vec::new(),
    };
    let grid = Grid::new(spec, &lines);
    let is_hole = |at: PointInFloor| {
        let inside = |[min, max]: &&[PointInFloor; 2]| {
            (min.x..max.x).contains(&at.x) && (min.y..max.y).contains(&at.y)
        };
        proposal.blocked.iter().find(inside).is_some()
    };
    writeln!(
        text,
        "# The floor from above (o outside, i inside, = threshold, x nobody walked though all round, \
         . not walked):"
    )?;
    let (columns, rows) = grid.size();
    for row in (0..rows).rev() {
        let tile = |column: u16| {
            let tile = TileIndex { column, row };
            let walked = proposal.walked.get(usize::from(row));
            let walked = walked.and_then(|row| row.get(usize::from(column)));
            match (walked.is_some_and(|count| *count > 0), grid.role(tile)) {
                (_, TileRole::Threshold) => '=',
                (false, _) if is_hole(grid.centre(tile)) => 'x',
                (false, _) | (_, TileRole::Blocked) => '.',
                (true, TileRole::Inside) => 'i',
                (true, TileRole::Outside) => 'o',
            }
        };
        let line: String = (0..columns).map(tile).collect();
        writeln!(text, "#   {line}")?;
    }
    writeln!(text)
}

/// As a portal whose inside lies to its left.
fn directed(portal: &ProposedPortal) -> Portal {
    let mut line = portal.line.to_vec();
    let made = Portal {
        line: line.clone(),
        depth_m: DEPTH_M,
    };
    if made.read(portal.inside).side_m < 0.0 {
        line.reverse();
    }
    Portal {
        line,
        depth_m: DEPTH_M,
    }
}

fn point(at: PointInFloor) -> String {
    format!("[{:.2}, {:.2}]", at.x, at.y)
}
