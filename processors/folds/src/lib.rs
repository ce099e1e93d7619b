//! The processors: one folder for each.
