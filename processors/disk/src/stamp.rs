// SPDX-License-Identifier: Apache-2.0

//! A state's origin. Recorded beside it, and compared when it is opened.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use xxhash_rust::xxh3::xxh3_64;

/// Changes with the layout of the files. A state with another format is discarded.
const FORMAT: &str = "cx-timelines state, format 1";
const FILE: &str = "stamp";

/// Facts that determine a state: the group, the changelog topic's id, the format of values. If one of them differs, the state
/// is foreign and is discarded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stamp(Vec<(String, String)>);

impl Stamp {
    /// Adds a fact. Messages use its name: "its *changelog* was …".
    #[must_use]
    pub fn with(mut self, name: &str, value: impl std::fmt::Display) -> Self {
        self.0.push((one_line(name).replace('=', " "), one_line(&value.to_string())));
        self
    }

    /// The fact that differs, with a sentence; `None` when all are equal.
    fn difference(&self, before: &Self) -> Option<(String, String)> {
        let changed = self.0.iter().find(|fact| !before.0.contains(fact));
        if let Some((name, now)) = changed {
            let was = before.0.iter().find(|(other, _)| other == name);
            let why = match was {
                Some((_, was)) => format!("its {name} was {was} and is now {now}"),
                None => format!("it does not know its {name}, which is {now}"),
            };
            return Some((name.clone(), why));
        }
        let gone = before.0.iter().find(|fact| !self.0.contains(fact));
        gone.map(|(name, was)| (name.clone(), format!("its {name} was {was} and is no longer asked for")))
    }
}

fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}

/// The stamp of a partition's directory.
pub(crate) enum Stamped {
    /// No stamp: nothing has been stored yet.
    Nothing,
    /// The state is ours, in the directory of this generation.
    Ours(u64),
    /// It is not ours: the fact that differs, if any, and the reason.
    NotOurs(Option<String>, String),
}

/// Reads a directory's stamp and compares it.
pub(crate) fn read(directory: &Path, stamp: &Stamp) -> io::Result<Stamped> {
    let text = match fs::read(directory.join(FILE)) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Stamped::Nothing),
        Err(error) => return Err(error),
    };
    Ok(match parse(&text) {
        Err(why) => Stamped::NotOurs(None, why),
        Ok((generation, before)) => match stamp.difference(&before) {
            Some((fact, why)) => Stamped::NotOurs(Some(fact), why),
            None => Stamped::Ours(generation),
        },
    })
}

/// Writes a directory's stamp; after a crash the old or the new one exists.
pub(crate) fn write(directory: &Path, generation: u64, stamp: &Stamp) -> io::Result<()> {
    let mut text = format!("{FORMAT}\ngeneration={generation}\n");
    for (name, value) in &stamp.0 {
        text.push_str(&format!("{name}={value}\n"));
    }
    text.push_str(&format!("checksum={:016x}\n", xxh3_64(text.as_bytes())));
    let (new, place) = (directory.join("stamp.new"), directory.join(FILE));
    let mut file = File::create(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(new, place)?;
    File::open(directory)?.sync_all()
}

fn parse(text: &[u8]) -> Result<(u64, Stamp), String> {
    let damaged = || "its stamp is damaged".to_owned();
    let text = std::str::from_utf8(text).map_err(|_| damaged())?;
    let (body, checksum) = text.rsplit_once("checksum=").ok_or_else(damaged)?;
    if checksum != format!("{:016x}\n", xxh3_64(body.as_bytes())) {
        return Err(damaged());
    }
    let mut lines = body.lines();
    let format = lines.next().ok_or_else(damaged)?;
    if format != FORMAT {
        return Err(format!("it is a \"{format}\", and this program writes \"{FORMAT}\""));
    }
    let generation = lines.next().and_then(|line| line.strip_prefix("generation=")?.parse().ok());
    let facts =
        lines.map(|line| line.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())));
    Ok((generation.ok_or_else(damaged)?, Stamp(facts.collect::<Option<_>>().ok_or_else(damaged)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(group: &str) -> Stamp {
        Stamp::default().with("group", group).with("changelog", "topic=1\nx")
    }

    fn why(stamped: &Stamped) -> &str {
        match stamped {
            Stamped::NotOurs(_, why) => why,
            Stamped::Nothing | Stamped::Ours(_) => "",
        }
    }

    #[test]
    fn a_stamp_that_was_written_is_recognised() {
        let directory = tempfile::tempdir().unwrap();
        assert!(matches!(read(directory.path(), &stamp("a")).unwrap(), Stamped::Nothing));
        write(directory.path(), 7, &stamp("a")).unwrap();
        assert!(matches!(read(directory.path(), &stamp("a")).unwrap(), Stamped::Ours(7)));
    }

    #[test]
    fn a_fact_that_has_changed_is_named() {
        let directory = tempfile::tempdir().unwrap();
        write(directory.path(), 0, &stamp("a")).unwrap();
        let read = |stamp: &Stamp| read(directory.path(), stamp).unwrap();
        assert_eq!(why(&read(&stamp("b"))), "its group was a and is now b");
        assert_eq!(why(&read(&stamp("a").with("more", 1))), "it does not know its more, which is 1");
        assert_eq!(
            why(&read(&Stamp::default().with("group", "a"))),
            "its changelog was topic=1 x and is no longer asked for"
        );
    }

    #[test]
    fn no_flipped_bit_of_a_stamp_goes_unnoticed() {
        let directory = tempfile::tempdir().unwrap();
        write(directory.path(), 0, &stamp("a")).unwrap();
        let file = directory.path().join(FILE);
        let whole = fs::read(&file).unwrap();
        for bit in 0..whole.len() * 8 {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            fs::write(&file, &flipped).unwrap();
            assert!(
                matches!(read(directory.path(), &stamp("a")).unwrap(), Stamped::NotOurs(..)),
                "bit {bit}"
            );
        }
        for length in 0..whole.len() {
            fs::write(&file, &whole[..length]).unwrap();
            assert!(matches!(read(directory.path(), &stamp("a")).unwrap(), Stamped::NotOurs(..)));
        }
    }
}
