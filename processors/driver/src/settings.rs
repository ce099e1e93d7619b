//! What a driver has to know before it begins.

use std::sync::Arc;
use std::time::Duration;

use engine::{Budget, Topology};
use model::Limits;

/// What a topic of the subscription holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TopicKind {
    /// Events, partitioned like the state.
    Input,
    /// Events of this conversation, unless they name another one.
    Conversation(String),
    /// Requests to erase.
    Erasures,
    /// Nothing that is read: the subscription's pattern only matches its name.
    Other,
}

/// Tells what a topic holds, by its name.
pub type TopicKinds = Arc<dyn Fn(&str) -> TopicKind + Send + Sync>;

/// Schemas that records were written with. They are shared by all drivers of a process, and learnt by another thread.
pub trait Schemas: Send {
    /// Requests a schema without which a partition cannot go on.
    fn request(&self, id: u32);

    /// Requests one that a partition which waits will need soon; `false` where so many are requested that this one has to wait.
    fn request_ahead(&self, id: u32) -> bool;

    /// Whether it is still not decided what the schema is.
    fn is_awaited(&self, id: u32) -> bool;
}

/// How long things take and wait. The defaults are for Kafka; a simulation has its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pace {
    /// The longest wait for a record when there is nothing to do at all.
    pub idle: Duration,
    /// The same, while a task waits for an answer of the cluster.
    pub busy: Duration,
    /// A transaction begins so long after the commit of the last one, if the input does not fill the time anyway. The
    /// coordinator answers a commit before it has written the markers, and until then refuses the next transaction's first
    /// partitions: the client asks again after 20 ms, whatever is set. At 1,000 events a second that was every sixth
    /// transaction.
    pub between_commits: Duration,
    /// How many records are taken between two looks at the clock.
    pub records_between_looks: u32,
    /// After a record of so many bytes the clock and the staged bytes are looked at: a few of them may be more than a
    /// transaction is to hold.
    pub large_record_bytes: usize,
    /// How often the slow things are looked at: timers, statistics, catching up, stores.
    pub look_every: Duration,
    /// How often partitions are counted.
    pub count_partitions_every: Duration,
    /// The commit backoff after a failed transaction: what failed may fail again.
    pub failure_backoff: Duration,
    /// The longest attempt to abort before the producer is given up.
    pub abort_timeout: Duration,
    /// The client retries offsets after so long by itself: an answer that took longer may be that of a retry.
    pub offsets_retried_after: Duration,
    /// Committed offsets that were not answered are asked for again after so long.
    pub offsets_backoff: Duration,
    /// What the coordinator answers with an error may stay so: it is asked again after so long.
    pub error_backoff: Duration,
    /// The changelog is asked again after so long.
    pub restore_backoff: Duration,
    /// A restore that hears nothing for so long is assigned anew.
    pub restore_silence: Duration,
    /// So long the end of an unfinished transaction is waited for in silence: longer than its time-out, and than brokers take
    /// to notice that it is over.
    pub unfinished_timeout: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        let ms = Duration::from_millis;
        Self {
            idle: ms(100),
            busy: ms(5),
            between_commits: ms(5),
            records_between_looks: 64,
            large_record_bytes: 64 << 10,
            look_every: ms(1_000),
            count_partitions_every: ms(10_000),
            failure_backoff: ms(50),
            abort_timeout: ms(20_000),
            offsets_retried_after: ms(400),
            offsets_backoff: ms(100),
            error_backoff: ms(1_000),
            restore_backoff: ms(50),
            restore_silence: ms(5_000),
            unfinished_timeout: ms(30_000),
        }
    }
}

/// What a driver has to know before it begins.
pub struct Settings {
    /// What begins the metadata of every offset that this worker commits, together with a number. No other worker has it.
    pub name: String,
    /// The number of the first transaction. No worker of this name has ever had it, or a later one.
    pub first_transaction: u128,
    /// The processors.
    pub topology: Arc<Topology>,
    /// Limits on input.
    pub limits: Limits,
    /// How many partitions the state has, and so the input, the repartition topic and the changelog.
    pub partitions: i32,
    /// Tells what a topic holds.
    pub kinds: TopicKinds,
    /// How long a record may wait for its commit.
    pub commit_interval: Duration,
    /// How many bytes may be staged for one commit.
    pub commit_bytes_max: usize,
    /// What one commit may do of what expires, is forgotten or erased.
    pub budget: Budget,
    /// The prefix of the state whose changes are reported; `None` where interactive queries are disabled.
    pub watched: Option<Vec<u8>>,
    /// How long things take and wait.
    pub pace: Pace,
}
