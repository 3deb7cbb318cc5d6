//! How many connections there are, and who goes when there are too many.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

/// One connection.
#[derive(Debug)]
pub(super) struct Connection {
    number: u64,
    evict: CancellationToken,
    /// The source it counts for, once it named one.
    claim: Mutex<Option<Claim>>,
}

/// A place among a source's connections, given back when dropped.
#[derive(Debug)]
struct Claim {
    source: Arc<str>,
    held: Arc<AtomicUsize>,
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.held.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Connection {
    /// Is cancelled when the connection has to go.
    pub fn evicted(&self) -> CancellationToken {
        self.evict.clone()
    }
}

/// All connections.
#[derive(Debug)]
pub(super) struct Connections {
    most: usize,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    next: u64,
    open: usize,
    /// Those that never brought an authentic delivery, oldest first.
    strangers: BTreeMap<u64, CancellationToken>,
    held: BTreeMap<Arc<str>, Arc<AtomicUsize>>,
}

impl Connections {
    /// At most `most` at once.
    pub fn new(most: usize) -> Self {
        Self {
            most: most.max(1),
            table: Mutex::default(),
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets one more in, if need be in place of the oldest stranger. `None`: there is no room and
    /// no stranger.
    pub fn admit(&self) -> Option<Arc<Connection>> {
        let mut table = self.table();
        if table.open >= self.most {
            let (_, evict) = table.strangers.pop_first()?;
            evict.cancel();
            // It leaves when its task runs; its place is given away now.
            table.open -= 1;
        }
        table.open += 1;
        table.next += 1;
        let (number, evict) = (table.next, CancellationToken::new());
        table.strangers.insert(number, evict.clone());
        Some(Arc::new(Connection {
            number,
            evict,
            claim: Mutex::default(),
        }))
    }

    /// A connection ended.
    pub fn leave(&self, connection: &Connection) {
        let mut table = self.table();
        table.strangers.remove(&connection.number);
        if !connection.evict.is_cancelled() {
            table.open -= 1;
        }
    }

    /// A connection brought an authentic delivery: it does not go for a stranger any more.
    pub fn trust(&self, connection: &Connection) {
        self.table().strangers.remove(&connection.number);
    }

    /// A connection turned out to speak for `source`, which may have `most`. Says whether it may.
    pub fn claim(&self, connection: &Connection, source: &Arc<str>, most: usize) -> bool {
        let mut claim = connection
            .claim
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if claim.as_ref().is_some_and(|claim| claim.source == *source) {
            return true;
        }
        let held = Arc::clone(self.table().held.entry(Arc::clone(source)).or_default());
        if held.fetch_add(1, Ordering::Relaxed) >= most {
            held.fetch_sub(1, Ordering::Relaxed);
            return false;
        }
        *claim = Some(Claim {
            source: Arc::clone(source),
            held,
        });
        true
    }

    /// What it said was not believed: it takes no place among the source's connections.
    pub fn unclaim(&self, connection: &Connection) {
        let mut claim = connection
            .claim
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *claim = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_stranger_makes_room() {
        let all = Connections::new(2);
        let (a, b) = (all.admit().expect("room"), all.admit().expect("room"));
        all.trust(&a);
        let c = all.admit().expect("in place of b");
        assert!(b.evicted().is_cancelled() && !a.evicted().is_cancelled());
        all.leave(&b);
        all.trust(&c);
        assert!(all.admit().is_none(), "nobody is a stranger");
        all.leave(&a);
        assert!(all.admit().is_some());
    }

    #[test]
    fn a_source_has_so_many_connections_and_no_more() {
        let all = Connections::new(9);
        let (a, b) = (all.admit().expect("room"), all.admit().expect("room"));
        let (x, y): (Arc<str>, Arc<str>) = ("x".into(), "y".into());
        assert!(all.claim(&a, &x, 1) && all.claim(&a, &x, 1));
        assert!(!all.claim(&b, &x, 1) && all.claim(&b, &y, 1));
        all.unclaim(&a);
        assert!(all.claim(&b, &x, 1));
        all.leave(&b);
        drop(b);
        assert!(all.claim(&a, &x, 1), "a place is given back");
    }
}
