//! The cx-timelines program.
fn main() {}
