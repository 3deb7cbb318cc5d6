//! `tailgate simulate SCRIPT...`: runs scene scripts through the engine, or renders them as clips;
//! `tailgate simulate --shots DIR` renders chance pictures with labels to train detectors on.

mod render;

use std::path::{Path, PathBuf};
use std::thread;

use clap::{Args, ValueEnum};

use super::{DONE, Failure, NOT_AS_EXPECTED, Outcome};
use crate::app::run::EngineRun;
use crate::sim::feed::{Level, feed};
use crate::sim::outcome::{differences, verdict_line};
use crate::sim::script::{Scene, parse};
use crate::sim::shots::{self, ShotOrder};
use crate::verdict::{GrantVerdict, Verdict};

/// Runs scene scripts (walkers, grants, noise and what must come out) through the engine.
#[derive(Debug, Args)]
pub struct SimulateArgs {
    /// Scene scripts.
    #[arg(required_unless_present = "shots")]
    scripts: Vec<PathBuf>,
    /// What the engine is given of each person.
    #[arg(long, value_enum, default_value = "footprints")]
    level: LevelArg,
    /// Render each script as a clip with its door, grants and truth into this folder (a folder of
    /// the script's name for each, if there are several) instead of playing it.
    #[arg(long, value_name = "DIR")]
    render: Option<PathBuf>,
    /// Render chance pictures for training into this folder, with their labels, instead.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["scripts", "render"])]
    shots: Option<PathBuf>,
    #[command(flatten)]
    order: ShotArgs,
    /// Print each script's verdicts, not only the differences.
    #[arg(long, short)]
    verbose: bool,
}

/// Which chance pictures.
#[derive(Debug, Args)]
#[command(next_help_heading = "Chance pictures (with --shots)")]
struct ShotArgs {
    /// Number of pictures; 200 unless said.
    #[arg(long, value_name = "N")]
    count: Option<usize>,
    /// Different seeds give different rooms, cameras and people; 1 unless said.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Size of the pictures, px; 416x256 unless said.
    #[arg(long, value_name = "WxH", value_parser = size)]
    size: Option<(u32, u32)>,
    /// Scenes rendered side by side, one a core unless said; the files do not depend on it.
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Every so many scenes one goes into `val`, 10 unless said; 0 for none.
    #[arg(long, value_name = "N")]
    val_every: Option<u64>,
    /// Pictures of one room through one camera; 2 unless said.
    #[arg(long, value_name = "N")]
    scene_shots: Option<usize>,
}

impl ShotArgs {
    /// The first that was given: clap cannot say that these need `--shots`, since scripts, which
    /// exclude it, are there.
    fn first_given(&self) -> Option<&'static str> {
        let given = [
            ("--count", self.count.is_some()),
            ("--seed", self.seed.is_some()),
            ("--size", self.size.is_some()),
            ("--threads", self.threads.is_some()),
            ("--val-every", self.val_every.is_some()),
            ("--scene-shots", self.scene_shots.is_some()),
        ];
        given
            .iter()
            .find(|(_, is_given)| *is_given)
            .map(|(name, _)| *name)
    }
}

/// A size written as `416x256`.
fn size(text: &str) -> Result<(u32, u32), String> {
    text.split_once('x')
        .and_then(|(w, h)| Some((w.parse().ok()?, h.parse().ok()?)))
        .filter(|(w, h)| (16..=8192).contains(w) && (16..=8192).contains(h))
        .ok_or_else(|| "not a width and a height from 16 to 8192 like 416x256".to_owned())
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LevelArg {
    /// Places on the floor.
    Footprints,
    /// Boxes in the scene's camera.
    Boxes,
}

/// Runs them; exit code 4 if one does not come out as written.
pub fn run(args: &SimulateArgs) -> Outcome {
    if let Some(folder) = &args.shots {
        return shoot(folder, &args.order);
    }
    if let Some(option) = args.order.first_given() {
        return Err(Failure::unusable(format!(
            "{option} is for chance pictures: it needs --shots DIR, and no scripts"
        )));
    }
    if let Some(folder) = &args.render {
        return render_all(&args.scripts, folder);
    }
    let level = match args.level {
        LevelArg::Footprints => Level::Footprints,
        LevelArg::Boxes => Level::Boxes,
    };
    let mut wrong = 0;
    for path in &args.scripts {
        let scene = load(path)?;
        let run = play(&scene, level)
            .map_err(|problem| Failure::unusable(format!("{}: {problem}", path.display())))?;
        let verdicts: Vec<&Verdict> = run.log.current_verdicts().collect();
        let grants: Vec<&GrantVerdict> = run.log.current_grants().collect();
        let lines = differences(&scene, &verdicts, &grants);
        let word = if lines.is_empty() { "ok   " } else { "WRONG" };
        println!("{word} {}: {}", path.display(), scene.title);
        if args.verbose || !lines.is_empty() {
            for verdict in &verdicts {
                println!("        {}", verdict_line(verdict));
            }
        }
        for line in &lines {
            println!("      - {line}");
        }
        wrong += usize::from(!lines.is_empty());
    }
    println!("{} scenes, {wrong} wrong", args.scripts.len());
    Ok(if wrong == 0 { DONE } else { NOT_AS_EXPECTED })
}

fn shoot(folder: &Path, args: &ShotArgs) -> Outcome {
    let usual = ShotOrder::default();
    let order = ShotOrder {
        folder: folder.to_owned(),
        count: args.count.unwrap_or(usual.count),
        seed: args.seed.unwrap_or(usual.seed),
        size_px: args.size.unwrap_or(usual.size_px),
        threads: args
            .threads
            .unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from)),
        val_every: args.val_every.unwrap_or(usual.val_every),
        pictures_a_scene: args.scene_shots.unwrap_or(usual.pictures_a_scene),
    };
    shots::write(&order).map_err(Failure::unusable)?;
    println!(
        "{}: {} pictures and annotations.json",
        folder.display(),
        order.count
    );
    Ok(DONE)
}

fn render_all(scripts: &[PathBuf], folder: &Path) -> Outcome {
    for path in scripts {
        let scene = load(path)?;
        let name = path.file_stem().unwrap_or_default();
        let folder = if scripts.len() == 1 {
            folder.to_owned()
        } else {
            folder.join(name)
        };
        render::render(&scene, &folder)
            .map_err(|problem| Failure::unusable(format!("{}: {problem}", path.display())))?;
        println!("{}: {}", folder.display(), scene.title);
    }
    Ok(DONE)
}

/// Reads a script from a file.
pub fn load(path: &Path) -> Result<Scene, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|problem| Failure::unusable(format!("{}: {problem}", path.display())))?;
    parse(&text).map_err(|problems| {
        let lines: Vec<String> = problems
            .iter()
            .map(|problem| format!("{}: {problem}", path.display()))
            .collect();
        Failure::unusable(lines.join("\n"))
    })
}

/// Plays a scene through the engine.
pub fn play(scene: &Scene, level: Level) -> Result<EngineRun, String> {
    let fed = feed(scene, level)?;
    let mut run = EngineRun::new(fed.config, fed.events).map_err(|problems| problems.join("\n"))?;
    let io = |problem: std::io::Error| problem.to_string();
    run.begin(crate::units::Instant::ZERO).map_err(io)?;
    for (at, input) in &fed.inputs {
        run.feed_events(*at).map_err(io)?;
        run.step(*at, input).map_err(io)?;
    }
    run.end(fed.end).map_err(io)?;
    Ok(run)
}
