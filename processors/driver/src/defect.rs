// SPDX-License-Identifier: Apache-2.0

//! Drivers with deliberate defects. They show that the simulation finds mistakes: each is one that a worker could make or has
//! made.

use crate::Driver;
use crate::action::GroupOffsets;
use crate::job::Pending;

/// A defect of a simulated worker. The caller implements those of the second list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Defect {
    /// The state is applied to the store before the transaction is committed.
    StoreBeforeCommit,
    /// After a commit without an answer the producer is kept, and its commit is sent again.
    KeepsProducer,
    /// After a commit without an answer the transaction counts as committed.
    TrustsCommit,
    /// After a commit without an answer the transaction counts as committed when the group's offsets match it.
    TrustsOffsets,
    /// After an abort the consumer does not seek back.
    StaysAfterAbort,
    /// A new task uses the state on disk as it is, without the changelog's tail.
    TrustsDisk,
    /// The effects of a record with an unknown schema are kept, and the record is taken again.
    KeepsHalfARecord,
    /// Lost records are skipped without a report.
    SkipsGaps,
    /// A coordinator's error for a partition counts as no committed offset.
    TakesErrorForNothing,
    /// A commit answered within one call counts as sent once.
    TrustsOneCall,
    /// Offsets are sent although the client knows that its partitions are lost.
    CommitsWhenLost,
    /// Records of the repartition topic are deleted even if their transaction was not committed.
    DeletesUncommitted,
    /// The consumer seeks only in the partition that is off its position.
    SeeksApart,
    /// A restore ends at the client's "end of partition".
    TrustsEndOfPartition,
    /// Offsets are committed outside the transaction, before it.
    OffsetsOutside,
    /// Offsets are sent without member id and generation.
    NoGeneration,
    /// The state is restored from uncommitted records too.
    RestoresUncommitted,
    /// A delivery inferred by the client from a later record counts as written.
    TrustsInferredDeliveries,
}

impl Defect {
    /// All defects.
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

    /// The name on the command line.
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

    /// With [`Defect::TakesErrorForNothing`], partitions without an answer count as never committed.
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
