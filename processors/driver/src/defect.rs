//! Drivers that are wrong on purpose: a simulation that finds nothing in them would find nothing at all. Each stands for a mistake
//! that a worker could make, or has made.

use crate::Driver;
use crate::action::GroupOffsets;
use crate::job::Pending;

/// One thing that a simulated worker does wrong. Those of the second list are the caller's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Defect {
    /// The state is applied to the store before the transaction is committed.
    StoreBeforeCommit,
    /// After a commit without an answer the producer is kept, and its commit is sent again.
    KeepsProducer,
    /// After a commit without an answer it is taken for done.
    TrustsCommit,
    /// After a commit without an answer it is taken for done if the group stands where it would stand then.
    TrustsOffsets,
    /// After an abort the consumer does not go back.
    StaysAfterAbort,
    /// A new task begins with the state on the disk as it is, without the changelog's tail.
    TrustsDisk,
    /// What a record has left whose schema, or that of one that came with it, was not known is kept, and it is taken again.
    KeepsHalfARecord,
    /// Where records are gone it goes on with those that there are, without a word.
    SkipsGaps,
    /// Where the coordinator answers with an error for a partition, nothing was ever committed of it.
    TakesErrorForNothing,
    /// A commit that was answered within one call was sent once.
    TrustsOneCall,
    /// Offsets are sent though the group has taken the partitions away, which the client knows.
    CommitsWhenLost,
    /// What was taken of the repartition topic is deleted whether or not that was committed.
    DeletesUncommitted,
    /// The consumer seeks only in the partition of a task in which it does not stand at the position.
    SeeksApart,
    /// A restore ends where the client says "end of partition".
    TrustsEndOfPartition,
    /// The offsets are committed by themselves, before the transaction.
    OffsetsOutside,
    /// Offsets are sent without saying as which member of which generation.
    NoGeneration,
    /// The state is restored from whatever lies in the changelog.
    RestoresUncommitted,
    /// A record counts as written when the client infers it from a later one.
    TrustsInferredDeliveries,
}

impl Defect {
    /// All of them.
    pub const ALL: [Defect; 18] = [
        Defect::StoreBeforeCommit,
        Defect::KeepsProducer,
        Defect::TrustsCommit,
        Defect::TrustsOffsets,
        Defect::StaysAfterAbort,
        Defect::TrustsDisk,
        Defect::KeepsHalfARecord,
        Defect::SkipsGaps,
        Defect::TakesErrorForNothing,
        Defect::TrustsOneCall,
        Defect::CommitsWhenLost,
        Defect::DeletesUncommitted,
        Defect::SeeksApart,
        Defect::TrustsEndOfPartition,
        Defect::OffsetsOutside,
        Defect::NoGeneration,
        Defect::RestoresUncommitted,
        Defect::TrustsInferredDeliveries,
    ];

    /// Its name on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Defect::StoreBeforeCommit => "store-before-commit",
            Defect::KeepsProducer => "keeps-producer",
            Defect::TrustsCommit => "trusts-commit",
            Defect::TrustsOffsets => "trusts-offsets",
            Defect::StaysAfterAbort => "stays-after-abort",
            Defect::TrustsDisk => "trusts-disk",
            Defect::KeepsHalfARecord => "keeps-half-a-record",
            Defect::SkipsGaps => "skips-gaps",
            Defect::TakesErrorForNothing => "takes-error-for-nothing",
            Defect::TrustsOneCall => "trusts-one-call",
            Defect::CommitsWhenLost => "commits-when-lost",
            Defect::DeletesUncommitted => "deletes-uncommitted",
            Defect::SeeksApart => "seeks-apart",
            Defect::TrustsEndOfPartition => "trusts-end-of-partition",
            Defect::OffsetsOutside => "offsets-outside",
            Defect::NoGeneration => "no-generation",
            Defect::RestoresUncommitted => "restores-uncommitted",
            Defect::TrustsInferredDeliveries => "trusts-inferred-deliveries",
        }
    }
}

impl<E> Driver<E> {
    /// The driver with a defect.
    #[must_use]
    pub fn with_defect(mut self, defect: Option<Defect>) -> Self {
        self.defect = defect;
        self
    }

    pub(crate) fn has(&self, defect: Defect) -> bool {
        self.defect == Some(defect)
    }

    /// Under [`Defect::TakesErrorForNothing`] what was not answered was never committed.
    pub(crate) fn take_error_for_nothing(
        &self,
        pending: &Pending,
        offsets: Option<GroupOffsets>,
    ) -> Option<GroupOffsets> {
        if !self.has(Defect::TakesErrorForNothing) {
            return offsets;
        }
        let mut offsets = offsets?;
        let asked = match pending {
            Pending::CommittedOfTasks => {
                self.tasks.values().flat_map(super::assigned::AssignedTask::partitions).collect()
            }
            Pending::CommittedOfUnaligned => self.unaligned.to_begin(),
            _ => Vec::new(),
        };
        for partition in asked {
            offsets.entry(partition).or_insert(None);
        }
        Some(offsets)
    }
}
