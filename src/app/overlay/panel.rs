//! The strip under the picture: what the ledger holds now, and what happened last.

use super::canvas::{Canvas, Colour, TextSize};
use super::mood::Mood;
use crate::units::Instant;

/// Height of the strip, px.
pub const PANEL_HEIGHT: u32 = 124;

const PAPER: Colour = Colour(16, 20, 26, 255);
const INK: Colour = Colour(232, 238, 245, 255);
const SOFT: Colour = Colour(150, 162, 176, 255);
const CREDIT: Colour = Colour(46, 204, 113, 255);
/// Lines of the ticker.
const TICKER_LINES: usize = 4;

/// One live credit, as it is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct CreditChip {
    /// Holder or grant.
    pub who: String,
    /// Share of its time that is left, 0 to 1.
    pub left: f64,
    /// How long it is still good, s.
    pub left_s: f64,
}

/// One line of the ticker.
#[derive(Debug, Clone, PartialEq)]
pub struct TickerLine {
    /// When it happened.
    pub at: Instant,
    /// What, in a few words.
    pub text: String,
    /// How it looks.
    pub mood: Mood,
}

/// What the strip shows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PanelState {
    /// The door.
    pub title: String,
    /// The clock.
    pub time: String,
    /// Entries, exits, people without a grant.
    pub counts: [usize; 3],
    /// Credits that can be spent now, oldest first.
    pub credits: Vec<CreditChip>,
    /// What happened last, newest last.
    pub ticker: Vec<TickerLine>,
}

/// Draws the strip from `top` downwards.
pub fn draw(canvas: &mut Canvas, top: f64, state: &PanelState) {
    let width = f64::from(canvas.size().0);
    canvas.fill_rect(0.0, top, width, f64::from(PANEL_HEIGHT), PAPER);
    let left = 12.0;
    canvas.text(left, top + 8.0, TextSize::Medium, INK, &state.title);
    canvas.text(left, top + 32.0, TextSize::Medium, SOFT, &state.time);
    let [entries, exits, breaches] = state.counts;
    let counts = format!("in {entries}  out {exits}");
    canvas.text(left, top + 58.0, TextSize::Small, INK, &counts);
    let (text, colour) = match breaches {
        0 => ("no breach".to_owned(), Mood::Green.colour()),
        many => (format!("{many} WITHOUT GRANT"), Mood::Red.colour()),
    };
    canvas.text(left, top + 80.0, TextSize::Medium, colour, &text);
    credits(canvas, width * 0.30, width * 0.52, top, state);
    ticker(canvas, width * 0.54, width, top, state);
}

fn credits(canvas: &mut Canvas, left: f64, right: f64, top: f64, state: &PanelState) {
    canvas.text(left, top + 8.0, TextSize::Small, SOFT, "credits");
    if state.credits.is_empty() {
        canvas.text(left, top + 32.0, TextSize::Small, SOFT, "none");
    }
    let (row_height, length) = (24.0, right - left);
    for (row, credit) in state.credits.iter().take(TICKER_LINES - 1).enumerate() {
        let y = top + 30.0 + row as f64 * row_height;
        canvas.fill_rect(left, y, length, row_height - 4.0, CREDIT.fade(50));
        let share = credit.left.clamp(0.0, 1.0);
        canvas.fill_rect(left, y, length * share, row_height - 4.0, CREDIT.fade(150));
        let text = fit(&format!("{} {:.0} s", credit.who, credit.left_s), length);
        canvas.text(left + 5.0, y + 2.0, TextSize::Small, INK, &text);
    }
}

fn ticker(canvas: &mut Canvas, left: f64, right: f64, top: f64, state: &PanelState) {
    let first = state.ticker.len().saturating_sub(TICKER_LINES);
    for (row, line) in state.ticker[first..].iter().enumerate() {
        let y = top + 8.0 + row as f64 * 27.0;
        canvas.fill_rect(left, y + 2.0, 4.0, 18.0, line.mood.colour());
        let text = fit(&line.text, right - left - 24.0);
        canvas.text(left + 12.0, y + 2.0, TextSize::Small, INK, &text);
    }
}

/// The text, cut to a length in px.
fn fit(text: &str, length: f64) -> String {
    let most = (length / TextSize::Small.advance_px()).max(1.0) as usize;
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars()
        .take(most.saturating_sub(2))
        .chain("..".chars())
        .collect()
}
