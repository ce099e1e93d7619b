//! Whether the group has read what there was when a partition was taken over. Before that nothing may expire.
//!
//! One partition's own place does not tell: what an event waits for may come from any other partition of the input, over
//! the repartition topic, and other instances may still read there. So the group's committed offsets are looked at, in three
//! rounds. First all of the input has to be read up to its ends. What that sent is in the repartition topic by then, since
//! it is committed together with the offsets; so next that has to be read up to its ends: misplaced records have then
//! reached their partition. Those may have sent something once more, hence the third round.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::{Message, Offset, TopicPartitionList};

use crate::clients;
use crate::errors::EdgeError;
use crate::reading::{Place, ReadsToTheEnd, committed_offset, ends, has_passed};
use crate::settings::Settings;

const QUESTION_TIMEOUT: Duration = Duration::from_millis(500);
/// The longest look at what lies behind the committed offsets.
const LOOK: Duration = Duration::from_millis(100);
/// So many partitions in one look.
const LOOKED_AT_MAX: usize = 64;
/// So few records may be nothing but markers of transactions: a look is worth it at once.
const MARKERS: i64 = 16;

/// After so many turns without any change the topics are looked up anew: one may have been deleted.
const STILL_MAX: u32 = 30;

type Goals = BTreeMap<Place, Goal>;
type Client = BaseConsumer<ReadsToTheEnd>;

/// Which partitions a round is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Round {
    Input,
    FirstHop,
    SecondHop,
}

/// What a round has still to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Goal {
    /// The end that the partition had when the round began.
    end: i64,
    /// What the group had committed when last asked.
    committed: Option<i64>,
}

impl Goal {
    /// Whether it is worth looking if there are only markers between what is committed and the end.
    fn may_be_there(&self, committed: Option<i64>) -> bool {
        self.committed == committed || self.end - committed.unwrap_or(0) <= MARKERS
    }
}

/// What a turn asks with.
#[derive(Clone, Copy)]
pub(crate) struct Asking<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) worker: &'a str,
}

/// Which topics are meant.
#[derive(Clone, Copy)]
pub(crate) struct Topics<'t> {
    /// Whether a partition of a topic is input that somebody reads.
    pub(crate) is_input: &'t dyn Fn(&str, i32) -> bool,
    /// The topic of what is on its way to another partition.
    pub(crate) repartition: &'t str,
    /// How many partitions of it are read.
    pub(crate) partitions: i32,
}

/// Follows the group until it has caught up.
#[derive(Default)]
pub(crate) struct CatchUp {
    /// What is to be seen next; none: nothing more.
    round: Option<Round>,
    goals: Option<Goals>,
    /// Asks for ends and for what the group has committed.
    asker: Option<Client>,
    /// In how many turns nothing has changed.
    still: u32,
}

impl CatchUp {
    /// Begins, with the ends that the topics have from now on.
    pub(crate) fn begin(&mut self) {
        *self = Self { round: Some(Round::Input), asker: self.asker.take(), ..Self::default() };
    }

    /// Whether there is nothing more to see.
    pub(crate) fn is_done(&self) -> bool {
        self.round.is_none()
    }

    /// Looks how far the group is; `true` once, as soon as it has caught up. What the cluster does not answer is asked again in
    /// the next turn.
    ///
    /// # Errors
    /// A client cannot be made of the settings: stop.
    pub(crate) fn turn(&mut self, asking: Asking<'_>, topics: Topics<'_>) -> Result<bool, EdgeError> {
        while let Some(round) = self.round {
            let asker = match self.asker.take() {
                Some(asker) => asker,
                None => asking.asker()?,
            };
            let done = self.follow(round, &asker, asking, topics)?;
            self.asker = Some(asker);
            if !done {
                return Ok(false);
            }
            self.goals = None;
            self.round = match round {
                Round::Input => Some(Round::FirstHop),
                Round::FirstHop => Some(Round::SecondHop),
                Round::SecondHop => return Ok(self.end()),
            };
        }
        Ok(false)
    }

    fn end(&mut self) -> bool {
        *self = Self::default();
        true
    }

    /// Whether all goals of the round are reached.
    fn follow(
        &mut self,
        round: Round,
        asker: &Client,
        asking: Asking<'_>,
        topics: Topics<'_>,
    ) -> Result<bool, EdgeError> {
        clients::attend(asker);
        let mut goals = match self.goals.take() {
            Some(goals) => goals,
            None => match measure(asker, round, topics) {
                Ok(goals) => goals,
                Err(error) => return Ok(unanswered(&error)),
            },
        };
        let before = goals.clone();
        let candidates = drop_reached(&mut goals, asker).unwrap_or_else(|error| {
            unanswered(&error);
            Vec::new()
        });
        if !candidates.is_empty() {
            // A client for each look: one whose assignment is replaced too soon ends the process.
            let looked = asking.reader().map(|reader| drained(&reader, &goals, &candidates))?;
            match looked {
                Ok(drained) => goals.retain(|place, _| !drained.contains(place)),
                Err(error) => {
                    unanswered(&error);
                }
            }
        }
        let done = goals.is_empty();
        self.still = if goals == before { self.still + 1 } else { 0 };
        self.goals = if self.still > STILL_MAX { None } else { Some(goals) };
        self.still %= STILL_MAX + 1;
        Ok(done)
    }
}

/// Nothing is lost: it is asked again.
fn unanswered(error: &KafkaError) -> bool {
    tracing::debug!(%error, "how far the group is, is not known yet");
    false
}

impl Asking<'_> {
    /// A client that knows the group's offsets and the topics' ends. It does not wait for transactions that are under way:
    /// somewhere in a busy group there always is one.
    fn asker(self) -> Result<Client, EdgeError> {
        let settings = self.settings.reader(self.worker, false);
        clients::consumer(&settings, ReadsToTheEnd).map_err(EdgeError::Settings)
    }

    /// One that reads what is finished.
    fn reader(self) -> Result<Client, EdgeError> {
        let settings = self.settings.reader(self.worker, true);
        clients::consumer(&settings, ReadsToTheEnd).map_err(EdgeError::Settings)
    }
}

/// Asks what the group has committed, and drops what is reached. Gives those of the others of which a look may show that there
/// is nothing more to read.
fn drop_reached(goals: &mut Goals, asker: &Client) -> KafkaResult<Vec<Place>> {
    if goals.is_empty() {
        return Ok(Vec::new());
    }
    let committed = asker.committed_offsets(list(goals.keys()), QUESTION_TIMEOUT)?;
    let mut candidates = Vec::new();
    for element in committed.elements() {
        let place = (element.topic().to_owned(), element.partition());
        let Some(goal) = goals.get_mut(&place) else { continue };
        let committed = match committed_offset(&element) {
            Ok(committed) => committed,
            Err(error) => {
                unanswered(&error);
                continue;
            }
        };
        if committed.unwrap_or(0) >= goal.end {
            goals.remove(&place);
            continue;
        }
        if goal.may_be_there(committed) && candidates.len() < LOOKED_AT_MAX {
            candidates.push(place);
        }
        goal.committed = committed;
    }
    Ok(candidates)
}

/// The ends of all partitions that the round is about, with what is not finished yet.
fn measure(client: &Client, round: Round, topics: Topics<'_>) -> KafkaResult<Goals> {
    // What nobody reads would never be read to its end.
    let wanted = |(topic, partition): &(&str, i32)| match round {
        Round::Input => (topics.is_input)(topic, *partition),
        Round::FirstHop | Round::SecondHop => *topic == topics.repartition && *partition < topics.partitions,
    };
    let metadata = client.fetch_metadata(None, QUESTION_TIMEOUT)?;
    let all = metadata.topics().iter();
    let all = all.flat_map(|topic| topic.partitions().iter().map(|one| (topic.name(), one.id())));
    let places: Vec<Place> =
        all.filter(wanted).map(|(topic, partition)| (topic.to_owned(), partition)).collect();
    let ends = ends_of(client, list(&places))?;
    Ok(ends.into_iter().map(|(place, end)| (place, Goal { end, committed: None })).collect())
}

/// Those of the candidates behind whose committed offset nothing is left to read up to the goal: only what is never
/// handed out, as the markers of transactions.
fn drained(client: &Client, goals: &Goals, candidates: &[Place]) -> KafkaResult<Vec<Place>> {
    let mut open = Goals::new();
    let mut places = TopicPartitionList::new();
    for (place, stable) in ends_of(client, list(candidates))? {
        let Some(goal) = goals.get(&place).filter(|goal| stable >= goal.end) else { continue };
        // The client says of a partition that has ended only its number.
        if open.keys().any(|(_, number)| *number == place.1) {
            continue;
        }
        let from = goal.committed.map_or(Offset::Beginning, Offset::Offset);
        places.add_partition_offset(&place.0, place.1, from)?;
        open.insert(place, *goal);
    }
    let mut drained = Vec::new();
    if open.is_empty() {
        return Ok(drained);
    }
    client.assign(&places)?;
    let until = Instant::now() + LOOK;
    while let Some(left) = until.checked_duration_since(Instant::now()).filter(|_| !open.is_empty()) {
        match client.poll(left) {
            None => break,
            Some(Ok(message)) => {
                let place = (message.topic().to_owned(), message.partition());
                if open.remove(&place).is_some_and(|goal| message.offset() >= goal.end) {
                    drained.push(place);
                }
            }
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                let ended = open.iter().find(|((topic, number), goal)| {
                    *number == partition && has_passed(client, topic, partition, goal.end)
                });
                let ended = ended.map(|(place, _)| place.clone());
                drained.extend(ended.filter(|place| open.remove(place).is_some()));
            }
            Some(Err(error)) => return Err(error),
        }
    }
    Ok(drained)
}

fn list<'p>(places: impl IntoIterator<Item = &'p Place>) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    for (topic, partition) in places {
        list.add_partition(topic, *partition);
    }
    list
}

/// The ends that a client sees, all of them.
fn ends_of(client: &Client, places: TopicPartitionList) -> KafkaResult<Vec<(Place, i64)>> {
    ends(client, places, QUESTION_TIMEOUT)?.into_iter().map(|(place, end)| Ok((place, end?))).collect()
}
