//! Programs that are wrong on purpose: a simulation that finds nothing in them would find nothing at all.

/// One thing that the simulated worker does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Defect {
    /// The state is applied to the store before the transaction is committed.
    StoreBeforeCommit,
    /// The offsets are committed by themselves, before the transaction.
    OffsetsOutside,
    /// Offsets are sent without saying as which member of which generation.
    NoGeneration,
    /// After a commit without an answer the producer is kept, and its commit is sent again.
    KeepsProducer,
    /// After a commit without an answer it is taken for done.
    TrustsCommit,
    /// After a commit without an answer it is taken for done if the group stands where it would stand then.
    TrustsOffsets,
    /// After an abort the consumer does not go back.
    StaysAfterAbort,
    /// The state is restored from whatever lies in the changelog.
    RestoresUncommitted,
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
}

impl Defect {
    /// All of them.
    pub const ALL: [Defect; 15] = [
        Defect::StoreBeforeCommit,
        Defect::OffsetsOutside,
        Defect::NoGeneration,
        Defect::KeepsProducer,
        Defect::TrustsCommit,
        Defect::TrustsOffsets,
        Defect::StaysAfterAbort,
        Defect::RestoresUncommitted,
        Defect::TrustsDisk,
        Defect::KeepsHalfARecord,
        Defect::SkipsGaps,
        Defect::TakesErrorForNothing,
        Defect::TrustsOneCall,
        Defect::CommitsWhenLost,
        Defect::DeletesUncommitted,
    ];

    /// Its name on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Defect::StoreBeforeCommit => "store-before-commit",
            Defect::OffsetsOutside => "offsets-outside",
            Defect::NoGeneration => "no-generation",
            Defect::KeepsProducer => "keeps-producer",
            Defect::TrustsCommit => "trusts-commit",
            Defect::TrustsOffsets => "trusts-offsets",
            Defect::StaysAfterAbort => "stays-after-abort",
            Defect::RestoresUncommitted => "restores-uncommitted",
            Defect::TrustsDisk => "trusts-disk",
            Defect::KeepsHalfARecord => "keeps-half-a-record",
            Defect::SkipsGaps => "skips-gaps",
            Defect::TakesErrorForNothing => "takes-error-for-nothing",
            Defect::TrustsOneCall => "trusts-one-call",
            Defect::CommitsWhenLost => "commits-when-lost",
            Defect::DeletesUncommitted => "deletes-uncommitted",
        }
    }
}
