//! Set-up and chores of the project, standard library only.
fn main() {}
