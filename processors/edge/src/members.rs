// SPDX-License-Identifier: Apache-2.0

//! Members of the group and their partitions, from the coordinator, and the assignment of standby copies derived from them.
//! Every instance computes the same assignment, so none has to be negotiated.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::groups::GroupMemberInfo;

const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);
/// Separates a client id from the address of its instance.
const ADVERTISED: char = '@';

/// A group member, as the coordinator describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) client_id: String,
    /// Its assigned partitions, in the consumer protocol's encoding.
    pub(crate) assignment: Vec<u8>,
}

/// A client id. It carries the address of its instance, so that the coordinator can tell other instances who owns a partition
/// and how to reach them.
pub(crate) fn client_id(group: &str, instance: &str, client: &str, advertised: Option<&str>) -> String {
    match advertised {
        Some(url) => format!("{group}-{instance}-{client}{ADVERTISED}{url}"),
        None => format!("{group}-{instance}-{client}"),
    }
}

/// The group's members; `None` when the coordinator does not answer or the group is rebalancing. During a rebalance no member
/// owns partitions, which says nothing about later.
pub(crate) fn ask<C: ConsumerContext>(client: &BaseConsumer<C>, group: &str) -> Option<Vec<Member>> {
    let list = match client.fetch_group_list(Some(group), ANSWER_TIMEOUT) {
        Ok(list) => list,
        Err(error) => {
            tracing::debug!(%error, "the members of the group are not known yet");
            return None;
        }
    };
    let group = list.groups().iter().find(|found| found.name() == group)?;
    (group.state() == "Stable").then_some(())?;
    let member = |member: &GroupMemberInfo| Member {
        client_id: member.client_id().to_owned(),
        assignment: member.assignment().unwrap_or_default().to_vec(),
    };
    Some(group.members().iter().map(member).collect())
}

/// An instance of the group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// Its name.
    pub name: String,
    /// Its address, if it advertises one.
    pub url: Option<String>,
    /// Its partitions.
    pub partitions: BTreeSet<i32>,
}

/// The instances of the members, by name.
pub(crate) fn instances(members: &[Member], group: &str, input: &str) -> Vec<Instance> {
    let mut instances: BTreeMap<&str, Instance> = BTreeMap::new();
    for member in members {
        let name = instance_of(&member.client_id, group);
        let url = member.client_id.split_once(ADVERTISED).map(|(_, url)| url.to_owned());
        let instance = instances.entry(name).or_insert_with(|| Instance {
            name: name.to_owned(),
            url: None,
            partitions: BTreeSet::new(),
        });
        instance.url = instance.url.take().or(url);
        instance.partitions.extend(owned(&member.assignment, input).unwrap_or_default());
    }
    instances.into_values().collect()
}

/// The instance of a member.
fn instance_of<'m>(client_id: &'m str, group: &str) -> &'m str {
    let rest = client_id.strip_prefix(group).and_then(|rest| rest.strip_prefix('-'));
    rest.and_then(|rest| rest.split(['-', ADVERTISED]).next()).unwrap_or(client_id)
}

/// The partitions of `input` for which this instance keeps a standby copy, if each partition has `copies` of them besides its
/// owner. Partitions without an owner get none: their assignment is about to change.
pub(crate) fn wanted(
    members: &[Member],
    (group, instance): (&str, &str),
    input: &str,
    copies: usize,
) -> BTreeSet<i32> {
    let mut owners: BTreeMap<i32, &str> = BTreeMap::new();
    let mut instances: BTreeSet<&str> = BTreeSet::new();
    for member in members {
        let owner = instance_of(&member.client_id, group);
        instances.insert(owner);
        for partition in owned(&member.assignment, input).unwrap_or_default() {
            owners.insert(partition, owner);
        }
    }
    let keeps = |(partition, owner): (&i32, &&str)| {
        // Rendezvous hashing: when an instance joins or leaves, only its own copies move.
        let mut others: Vec<(u32, &str)> = instances
            .iter()
            .filter(|other| *other != owner)
            .map(|other| (engine::murmur2(format!("{other}/{partition}").as_bytes()), *other))
            .collect();
        others.sort_unstable();
        others.iter().rev().take(copies).any(|(_, other)| *other == instance).then_some(*partition)
    };
    owners.iter().filter_map(keeps).collect()
}

/// The partitions of a topic in an assignment (`ConsumerProtocolAssignment`: version, topics with partitions, user data);
/// `None` when the bytes do not parse.
fn owned(assignment: &[u8], topic: &str) -> Option<Vec<i32>> {
    let mut bytes = Bytes(assignment);
    let _version = bytes.int16()?;
    let mut owned = Vec::new();
    for _ in 0..bytes.int32()? {
        let name = bytes.string()?;
        for _ in 0..bytes.int32()? {
            let partition = bytes.int32()?;
            if name == topic.as_bytes() {
                owned.push(partition);
            }
        }
    }
    Some(owned)
}

/// Reads big-endian numbers and strings.
struct Bytes<'b>(&'b [u8]);

impl<'b> Bytes<'b> {
    fn int16(&mut self) -> Option<i16> {
        let (number, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(i16::from_be_bytes(*number))
    }

    fn int32(&mut self) -> Option<i32> {
        let (number, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(i32::from_be_bytes(*number))
    }

    fn string(&mut self) -> Option<&'b [u8]> {
        let length = usize::try_from(self.int16()?).ok()?;
        let (string, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(string)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assignment(topic: &str, partitions: &[i32]) -> Vec<u8> {
        let mut bytes = vec![0, 1, 0, 0, 0, 1];
        bytes.extend_from_slice(&i16::try_from(topic.len()).unwrap().to_be_bytes());
        bytes.extend_from_slice(topic.as_bytes());
        bytes.extend_from_slice(&i32::try_from(partitions.len()).unwrap().to_be_bytes());
        partitions.iter().for_each(|partition| bytes.extend_from_slice(&partition.to_be_bytes()));
        bytes.extend_from_slice(&(-1_i32).to_be_bytes());
        bytes
    }

    fn member(instance: &str, worker: usize, partitions: &[i32]) -> Member {
        let client_id = client_id("g-1", instance, &format!("worker-{worker}"), None);
        Member { client_id, assignment: assignment("in", partitions) }
    }

    fn wanted_by(members: &[Member], instance: &str, copies: usize) -> BTreeSet<i32> {
        wanted(members, ("g-1", instance), "in", copies)
    }

    #[test]
    fn an_assignment_is_read_and_anything_else_is_nothing() {
        let bytes = assignment("in", &[3, 5]);
        assert_eq!(owned(&bytes, "in"), Some(vec![3, 5]));
        assert_eq!(owned(&bytes, "other"), Some(vec![]));
        for cut in 0..bytes.len() - 4 {
            assert_eq!(owned(&bytes[..cut], "in"), None, "{cut}");
        }
    }

    #[test]
    fn of_two_instances_each_keeps_what_the_other_owns() {
        let members = [member("a", 0, &[0, 1]), member("a", 1, &[2]), member("b", 0, &[3])];
        assert_eq!(wanted_by(&members, "a", 1), BTreeSet::from([3]));
        assert_eq!(wanted_by(&members, "b", 1), BTreeSet::from([0, 1, 2]));
    }

    #[test]
    fn each_partition_has_as_many_copies_as_wanted_never_with_its_owner() {
        let all: Vec<i32> = (0..64).collect();
        let members: Vec<Member> = ["a", "b", "c", "d"]
            .iter()
            .zip(all.chunks(16))
            .map(|(name, partitions)| member(name, 0, partitions))
            .collect();
        for copies in 0..4 {
            let mut counts = [0_usize; 64];
            for (name, own) in ["a", "b", "c", "d"].iter().zip(all.chunks(16)) {
                for partition in wanted_by(&members, name, copies) {
                    assert!(!own.contains(&partition));
                    counts[usize::try_from(partition).unwrap()] += 1;
                }
            }
            assert_eq!(counts, [copies; 64]);
        }
    }

    #[test]
    fn more_copies_than_instances_are_as_many_as_there_can_be() {
        let members = [member("a", 0, &[0]), member("b", 0, &[])];
        assert_eq!(wanted_by(&members, "b", 9), BTreeSet::from([0]));
        assert_eq!(wanted_by(&members, "a", 9), BTreeSet::new());
    }

    #[test]
    fn an_instance_is_found_with_its_address_and_all_that_its_workers_own() {
        let at = |instance: &str, worker: &str, url: Option<&str>, partitions: &[i32]| Member {
            client_id: client_id("g-1", instance, worker, url),
            assignment: assignment("in", partitions),
        };
        let members = [
            at("a", "worker-0", Some("http://h-1:80"), &[0, 4]),
            at("a", "worker-1", Some("http://h-1:80"), &[2]),
            at("b", "worker-0", None, &[1]),
            Member { client_id: "kcat".to_owned(), assignment: Vec::new() },
        ];
        let instance = |name: &str, url: Option<&str>, partitions: &[i32]| Instance {
            name: name.to_owned(),
            url: url.map(str::to_owned),
            partitions: partitions.iter().copied().collect(),
        };
        let expected = [
            instance("a", Some("http://h-1:80"), &[0, 2, 4]),
            instance("b", None, &[1]),
            instance("kcat", None, &[]),
        ];
        assert_eq!(instances(&members, "g-1", "in"), expected);
    }
}
