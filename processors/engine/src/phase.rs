//! The life of a task.

/// Where a task stands in its life. The arrows, and no others:
///
/// ```text
/// Created ──▶ Restoring ──▶ Running ──▶ Suspended ──▶ Closed
///    │            │  ▲          │            │
///    │            │  └──────────┴────────────┘   (state lost or in doubt: restored anew)
///    └────────────┴──────────────────────────────▶ Closed
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Assigned, its committed offset not known yet.
    Created,
    /// Its state is being read back from the changelog.
    Restoring,
    /// Takes records.
    Running,
    /// Takes no more records; what it staged is being committed or dropped.
    Suspended,
    /// Belongs to somebody else.
    Closed,
}

impl Phase {
    /// All phases, in the order of a life.
    pub const ALL: [Phase; 5] =
        [Phase::Created, Phase::Restoring, Phase::Running, Phase::Suspended, Phase::Closed];

    /// Whether a task may go from `self` to `next`.
    #[must_use]
    pub fn can_become(self, next: Phase) -> bool {
        matches!(
            (self, next),
            (Phase::Created | Phase::Running | Phase::Suspended, Phase::Restoring)
                | (Phase::Restoring, Phase::Running)
                | (Phase::Running, Phase::Suspended)
                | (Phase::Created | Phase::Restoring | Phase::Suspended, Phase::Closed)
        )
    }

    /// The word used in metrics and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Phase::Created => "created",
            Phase::Restoring => "restoring",
            Phase::Running => "running",
            Phase::Suspended => "suspended",
            Phase::Closed => "closed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_task_never_comes_back() {
        assert!(Phase::ALL.iter().all(|next| !Phase::Closed.can_become(*next)));
    }

    #[test]
    fn only_a_restored_task_runs() {
        let before: Vec<Phase> =
            Phase::ALL.into_iter().filter(|from| from.can_become(Phase::Running)).collect();
        assert_eq!(before, [Phase::Restoring]);
    }
}
