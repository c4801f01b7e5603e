//! The broker's own assignors for KIP-848: `uniform` keeps what members have and evens out; `range` gives each a run of a topic.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

/// A topic by its id, and one of its partitions.
pub(crate) type Part = (Uuid, i32);

/// What an assignor knows of a member.
pub(crate) struct Member<'a> {
    pub(crate) id: &'a str,
    /// Topics it wants.
    pub(crate) topics: BTreeSet<Uuid>,
    /// Partitions it has.
    pub(crate) has: &'a BTreeSet<Part>,
}

/// Who is to have what.
pub(crate) type Target = BTreeMap<String, BTreeSet<Part>>;

/// `topics` with how many partitions they have.
pub(crate) fn assign(name: &str, members: &[Member<'_>], topics: &BTreeMap<Uuid, i32>) -> Target {
    let mut target: Target = members.iter().map(|member| (member.id.to_owned(), BTreeSet::new())).collect();
    if name == "range" {
        range(members, topics, &mut target);
    } else {
        uniform(members, topics, &mut target);
    }
    target
}

fn range(members: &[Member<'_>], topics: &BTreeMap<Uuid, i32>, target: &mut Target) {
    for (&topic, &partitions) in topics {
        let takers: Vec<&Member<'_>> = members.iter().filter(|member| member.topics.contains(&topic)).collect();
        let (share, more) = (partitions / (takers.len().max(1) as i32), partitions % (takers.len().max(1) as i32));
        let mut next = 0;
        for (member, place) in takers.iter().zip(0..) {
            let until = next + share + i32::from(place < more);
            target.entry(member.id.to_owned()).or_default().extend((next..until).map(|partition| (topic, partition)));
            next = until;
        }
    }
}

/// First everybody keeps of its own as much as an even share, then what is left goes to whoever has least.
fn uniform(members: &[Member<'_>], topics: &BTreeMap<Uuid, i32>, target: &mut Target) {
    let all: BTreeSet<Part> = topics.iter().flat_map(|(&topic, &count)| (0..count).map(move |p| (topic, p))).collect();
    let wanted: Vec<&Part> = all.iter().filter(|part| members.iter().any(|member| member.topics.contains(&part.0))).collect();
    let count = members.iter().filter(|member| !member.topics.is_empty()).count().max(1);
    let (share, mut larger) = (wanted.len() / count, wanted.len() % count);
    let mut taken = BTreeSet::new();
    for member in members {
        let own: Vec<Part> = member.has.iter().copied().filter(|p| all.contains(p) && member.topics.contains(&p.0)).collect();
        let may_have = share + usize::from(larger > 0 && own.len() > share);
        larger -= may_have - share;
        let kept = own.into_iter().filter(|part| !taken.contains(part)).take(may_have).collect::<Vec<_>>();
        taken.extend(kept.iter().copied());
        target.entry(member.id.to_owned()).or_default().extend(kept);
    }
    for &part in wanted {
        if taken.contains(&part) {
            continue;
        }
        let takers = members.iter().filter(|member| member.topics.contains(&part.0));
        let least = takers.min_by_key(|member| target.get(member.id).map_or(0, BTreeSet::len)).map(|member| member.id.to_owned());
        if let Some(id) = least {
            target.entry(id).or_default().insert(part);
        }
    }
}
