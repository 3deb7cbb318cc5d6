//! A thread that looks: takes whichever frame has waited longest, and tells the judge who is in it.

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::Sender;

use super::clock::BoxClock;
use super::progress::Progress;
use super::told::{Seen, Told};
use super::waiting::{Waiting, Work};
use crate::app::sightings::yuv;
use crate::capture::live::SteadyClock;

/// How long a worker waits for a frame before it says that it is alive.
const PATIENCE: Duration = Duration::from_millis(500);

/// What a worker needs.
pub struct WorkerTask {
    /// Where frames wait.
    pub waiting: Arc<Waiting>,
    /// The judge.
    pub judge: Sender<Told>,
    /// The site's time.
    pub clock: BoxClock,
    /// That it is alive.
    pub progress: Progress,
}

impl WorkerTask {
    /// Looks until the line is closed, or the judge is gone.
    pub fn run(self) {
        while let Ok(work) = self.waiting.next(PATIENCE) {
            self.progress.tick();
            if let Some(work) = work
                && !self.look(work)
            {
                return;
            }
        }
    }

    /// Looks at one frame. `false`: nobody listens any more.
    fn look(&self, work: Work) -> bool {
        let Work {
            camera,
            job,
            mut eyes,
            counts,
        } = work;
        let taken_up_us = self.clock.now_us();
        let mut people = Vec::new();
        let found = match eyes.as_mut().filter(|_| job.look) {
            Some(eyes) => Some(eyes.detect(&yuv(&job.frame), &mut people)),
            None => None,
        };
        let looked = found.is_some();
        if let Some(Err(error)) = found {
            tracing::error!(camera, "a frame could not be looked at: {error}");
            // As if it had been dropped: the gap is what the judge must know of.
            self.waiting.done(camera, eyes);
            return true;
        }
        for person in &mut people {
            *person = person.quantised();
        }
        let counter = if looked {
            &counts.looked
        } else {
            &counts.skipped
        };
        counter.inc();
        let seen = Seen {
            camera,
            taken: job.taken,
            people,
            looked,
            arrived_us: job.arrived_us,
            decoded_us: job.decoded_us,
            taken_up_us,
            looked_us: self.clock.now_us(),
        };
        // Told before the next frame of this camera may be taken: its frames stay in order.
        let listens = self.judge.send(Told::Seen(seen)).is_ok();
        self.waiting.done(camera, eyes);
        listens
    }
}
