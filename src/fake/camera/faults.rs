//! What is wrong with a camera: `drop=0.01,stall_at=3:2,skew_ms=250`.
//!
//! It deliberately holds no state: the player does.

/// A camera's faults; by default it has none. Seconds are those of the session.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Faults {
    /// Share of RTP packets that are lost, 0 to 1.
    pub drop: f64,
    /// Share of RTP packets in which a byte is changed, 0 to 1.
    pub corrupt: f64,
    /// Share of RTP packets before which one of another session comes, 0 to 1.
    pub foreign: f64,
    /// Share of RTP packets that come twice, 0 to 1.
    pub dup: f64,
    /// Share of RTP packets that change places with the next one, 0 to 1.
    pub reorder: f64,
    /// From when, and for how long, nothing is sent; without a length, for ever.
    pub stall: Option<(f64, Option<f64>)>,
    /// When the connection is closed without a word.
    pub close_at_s: Option<f64>,
    /// How far the camera's wall clock is ahead, ms.
    pub skew_ms: f64,
    /// How much faster its clock goes, parts in a million.
    pub drift_ppm: f64,
    /// When its stamps jump, and by how many seconds.
    pub jump: Option<(f64, f64)>,
    /// After how many seconds its 32-bit stamps run over.
    pub wrap_at_s: Option<f64>,
    /// Its stamps stand still.
    pub stuck: bool,
    /// It sends no sender reports: nobody knows its wall clock.
    pub no_reports: bool,
    /// Its wall clock was never set: reports begin in 1970.
    pub unset_clock: bool,
    /// So many requests to play are answered 503 first.
    pub busy: u32,
    /// A session begins at this second of the clip, as one joins a camera in the middle of what it sends.
    pub join_at_s: f64,
    /// So long after a connection broke its session is still thought alive, and no other admitted, s.
    pub stale_s: f64,
    /// The clip is played once and the session ended; otherwise it begins again.
    pub once: bool,
}

impl Faults {
    /// Reads `name=value,...`; a flag stands alone.
    ///
    /// # Errors
    /// Every part that makes no sense, each with what would.
    pub fn parse(text: &str) -> Result<Self, Vec<String>> {
        let mut faults = Self::default();
        let parts = text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty());
        let problems: Vec<String> = parts.filter_map(|part| faults.set(part).err()).collect();
        if problems.is_empty() {
            Ok(faults)
        } else {
            Err(problems)
        }
    }

    fn set(&mut self, part: &str) -> Result<(), String> {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        match name {
            "drop" => self.drop = share(name, value)?,
            "corrupt" => self.corrupt = share(name, value)?,
            "foreign" => self.foreign = share(name, value)?,
            "dup" => self.dup = share(name, value)?,
            "reorder" => self.reorder = share(name, value)?,
            "stall_at" => {
                let (from, length) = value.split_once(':').unwrap_or((value, ""));
                let length = (!length.is_empty()).then(|| number(name, length));
                self.stall = Some((number(name, from)?, length.transpose()?));
            }
            "close_at" => self.close_at_s = Some(number(name, value)?),
            "skew_ms" => self.skew_ms = number(name, value)?,
            "drift_ppm" => self.drift_ppm = number(name, value)?,
            "jump_at" => {
                let (at, by) = value
                    .split_once(':')
                    .ok_or("jump_at wants two numbers of seconds: jump_at=5:-30")?;
                self.jump = Some((number(name, at)?, number(name, by)?));
            }
            "wrap_at" => self.wrap_at_s = Some(number(name, value)?),
            "busy" => self.busy = number(name, value)? as u32,
            "join_at" => self.join_at_s = number(name, value)?,
            "stale" => self.stale_s = number(name, value)?,
            "stuck" => self.stuck = true,
            "no_reports" => self.no_reports = true,
            "unset_clock" => self.unset_clock = true,
            "once" => self.once = true,
            _ => {
                return Err(format!(
                    "no fault is called {name}: there are drop, corrupt, foreign, dup, reorder, \
                     stall_at, close_at, skew_ms, drift_ppm, jump_at, wrap_at, busy, join_at, stale, \
                     stuck, no_reports, unset_clock, once"
                ));
            }
        }
        Ok(())
    }
}

fn number(name: &str, text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|number: &f64| number.is_finite())
        .ok_or_else(|| format!("{name}={text}: a number is wanted"))
}

fn share(name: &str, text: &str) -> Result<f64, String> {
    let share = number(name, text)?;
    if (0.0..=1.0).contains(&share) {
        return Ok(share);
    }
    Err(format!("{name}={text}: a share from 0 to 1 is wanted"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_read_and_slips_are_named_all_at_once() {
        let faults = Faults::parse("drop=0.01, stall_at=3:2,jump_at=5:-30,once").expect("right");
        assert_eq!(
            faults,
            Faults {
                drop: 0.01,
                stall: Some((3.0, Some(2.0))),
                jump: Some((5.0, -30.0)),
                once: true,
                ..Faults::default()
            }
        );
        let slips = Faults::parse("drop=2,jump_at=5,flap").expect_err("three slips");
        assert_eq!(slips.len(), 3, "{slips:?}");
    }
}
