//! Files as people write them, good and bad, against what is said of them.

mod real_clips;
