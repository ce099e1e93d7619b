//! The life of a task.

/// Where a task stands in its life. The arrows, and no others:
///
/// ```text
/// Created ──▶ Restoring ──▶ Running
/// ```
///
/// A task that gives up its partition is dropped, from wherever it stands: what it staged was committed or dropped before. So is
/// one whose state is lost or in doubt; another one begins in its place, over the emptied store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Assigned, its committed offset not known yet.
    Created,
    /// Its state is being read back from the changelog.
    Restoring,
    /// Takes records.
    Running,
}

impl Phase {
    /// All phases, in the order of a life.
    pub const ALL: [Phase; 3] = [Phase::Created, Phase::Restoring, Phase::Running];

    /// Whether a task may go from `self` to `next`.
    #[must_use]
    pub fn can_become(self, next: Phase) -> bool {
        matches!((self, next), (Phase::Created, Phase::Restoring) | (Phase::Restoring, Phase::Running))
    }

    /// The word used in metrics and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Phase::Created => "created",
            Phase::Restoring => "restoring",
            Phase::Running => "running",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_life_has_one_way_and_every_phase_lies_on_it() {
        let mut phase = Phase::Created;
        let mut way = vec![phase];
        loop {
            let next: Vec<Phase> = Phase::ALL.into_iter().filter(|next| phase.can_become(*next)).collect();
            let [only] = next[..] else {
                assert_eq!(next, [], "one way only");
                break;
            };
            phase = only;
            way.push(phase);
        }
        assert_eq!(way, Phase::ALL);
    }
}
