// SPDX-License-Identifier: Apache-2.0

//! Life cycle of a task.

/// Phase of a task. These transitions are the only ones:
///
/// ```text
/// Created ──▶ Restoring ──▶ Running
/// ```
///
/// A task that loses its partition is dropped in any phase; its staged changes were committed or dropped before. A task whose
/// state is lost or in doubt is dropped too, and a new one starts with the emptied store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Assigned; the committed offset is not known yet.
    Created,
    /// The state is being restored from the changelog.
    Restoring,
    /// Takes records.
    Running,
}

impl Phase {
    /// All phases, in order.
    pub const ALL: [Phase; 3] = [Phase::Created, Phase::Restoring, Phase::Running];

    /// Whether a task may go from `self` to `next`.
    #[must_use]
    pub fn can_become(self, next: Phase) -> bool {
        matches!((self, next), (Phase::Created, Phase::Restoring) | (Phase::Restoring, Phase::Running))
    }

    /// Name in metrics and logs.
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
