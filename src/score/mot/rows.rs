//! MOTChallenge text: one box a line, `frame,id,left,top,width,height,confidence[,class,...]`.

use crate::detection::BoxInImage;

/// Fewest columns a line can have and still say who is where.
const MIN_COLUMNS: usize = 6;
/// Problems reported for one file before the rest is only counted.
const MAX_PROBLEMS: usize = 20;

/// One line of a truth, detection or result file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MotRow {
    /// Frame number, from 1.
    pub frame: u32,
    /// Identity within the file; detections carry an arbitrary one.
    pub id: i64,
    /// The box, px.
    pub bbox: BoxInImage,
    /// Detector confidence; in truth files the flag: 0 means "do not count this box".
    /// 1 where the column is missing.
    pub confidence: f64,
    /// Class number of the benchmark (1: walking person). 1 where the column is missing.
    pub class: i32,
}

/// Reads a whole file. `file` is its name, for messages. Empty lines are skipped.
/// `Err`: one sentence for each bad line (the first twenty, then a count).
pub fn parse_rows(text: &str, file: &str) -> Result<Vec<MotRow>, Vec<String>> {
    let mut rows = Vec::new();
    let mut problems = Vec::new();
    let mut more = 0_usize;
    for (index, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        match parse_row(line) {
            Ok(row) => rows.push(row),
            Err(_) if problems.len() >= MAX_PROBLEMS => more += 1,
            Err(problem) => problems.push(format!("{file}:{}: {problem}", index + 1)),
        }
    }
    if problems.is_empty() {
        return Ok(rows);
    }
    if more > 0 {
        problems.push(format!("{file}: and {more} more lines that can't be read"));
    }
    Err(problems)
}

fn parse_row(line: &str) -> Result<MotRow, String> {
    let mut columns = [f64::NAN; 8];
    let mut count = 0;
    // Some tools write spaces instead of commas; what lies past the class column is not needed.
    let cells = line
        .split(|c: char| c == ',' || c.is_whitespace())
        .filter(|cell| !cell.is_empty());
    for (slot, cell) in columns.iter_mut().zip(cells) {
        *slot = cell
            .parse()
            .map_err(|_| format!("{cell:?} in column {} is not a number", count + 1))?;
        if !slot.is_finite() {
            return Err(format!("{cell:?} in column {} is not finite", count + 1));
        }
        count += 1;
    }
    if count < MIN_COLUMNS {
        return Err(format!(
            "{count} columns; write frame,id,left,top,width,height,confidence"
        ));
    }
    let [frame, id, left, top, width, height, confidence, class] = columns;
    if !(1.0..=f64::from(u32::MAX)).contains(&frame) {
        return Err(format!("frame {frame}: frames count from 1"));
    }
    if width < 0.0 || height < 0.0 {
        return Err(format!(
            "the box is {width} by {height}: neither may be negative"
        ));
    }
    Ok(MotRow {
        frame: frame as u32,
        id: id as i64,
        bbox: BoxInImage::new(left, top, left + width, top + height),
        confidence: if count > 6 { confidence } else { 1.0 },
        class: if count > 7 { class as i32 } else { 1 },
    })
}
