//! The `corstap` program.

fn main() {}
