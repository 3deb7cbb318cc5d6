//! `tailgate score GT RESULT`: MOT metrics of tracked boxes against ground truth.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::{DONE, Failure, Outcome};
use crate::score::mot::{MotRow, MotScore, Sequence, TruthRules, parse_rows, score};

/// Scores tracked boxes (MOTChallenge text) by HOTA, IDF1 and MOTA.
#[derive(Debug, Args)]
pub struct ScoreArgs {
    /// Ground truth: frame, id, left, top, width, height, counted, class, visibility.
    truth: PathBuf,
    /// Tracks: frame, id, left, top, width, height, score.
    tracks: PathBuf,
    /// Which rows of the truth count.
    #[arg(long, value_enum, default_value = "all")]
    rules: RulesArg,
    /// First frame scored.
    #[arg(long, default_value_t = 1)]
    from: u32,
    /// Last frame scored (by default the last of either file).
    #[arg(long)]
    to: Option<u32>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum RulesArg {
    /// Every row that is marked as counted.
    All,
    /// Pedestrians only, distractors excused, as the MOT17 benchmark does.
    Mot17,
}

/// Scores.
pub fn run(args: &ScoreArgs) -> Outcome {
    let (truth, tracks) = (rows(&args.truth)?, rows(&args.tracks)?);
    let last = truth
        .iter()
        .chain(&tracks)
        .map(|row| row.frame)
        .max()
        .unwrap_or(args.from);
    let rules = match args.rules {
        RulesArg::All => TruthRules::Flagged,
        RulesArg::Mot17 => TruthRules::Mot17,
    };
    let frames = args.from..=args.to.unwrap_or(last);
    let sequence = Sequence::new(&truth, &tracks, rules, frames)
        .map_err(|problems| Failure::unusable(problems.join("\n")))?;
    print!("{}", printed(&score(&sequence), args.json));
    Ok(DONE)
}

fn rows(path: &Path) -> Result<Vec<MotRow>, Failure> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|problem| Failure::unusable(format!("cannot read {name}: {problem}")))?;
    parse_rows(&text, &name).map_err(|problems| Failure::unusable(problems.join("\n")))
}

fn printed(score: &MotScore, json: bool) -> String {
    let (hota, identity, clear) = (&score.hota, &score.identity, &score.clear);
    if json {
        let object = serde_json::json!({
            "hota": hota.hota, "det_a": hota.det_a, "ass_a": hota.ass_a,
            "idf1": identity.idf1, "mota": clear.mota,
            "false_boxes": clear.false_boxes, "missed": clear.missed,
            "switches": clear.switches,
        });
        return format!("{object:#}\n");
    }
    format!(
        "HOTA {:.3}  (DetA {:.3}, AssA {:.3})\nIDF1 {:.3}\nMOTA {:.3}  ({} false, {} missed, {} \
         switches)\n",
        hota.hota,
        hota.det_a,
        hota.ass_a,
        identity.idf1,
        clear.mota,
        clear.false_boxes,
        clear.missed,
        clear.switches
    )
}
