// SPDX-License-Identifier: Apache-2.0

//! Pages with the ids of the folded events, each with a hash of its content.
//!
//! One changelog record for each id would be one for each event, and half of all that the pipeline writes for activities. Ids
//! therefore share pages: the first ones follow their conversation's life, in the record that every event reads anyway. Once
//! that page is full, further ids go to pages by the hash of the id, sixteen below each page. One commit then writes one record
//! for a conversation, no record grows with the conversation, and ten thousand events are three pages deep.

use xxhash_rust::xxh64::xxh64;

/// Size above which a page is full: about forty events, so most conversations have one page.
const FULL_BYTES: usize = 1024;
/// Maximum number of events in a page: the shortest id has one byte.
pub(super) const EVENTS_MAX: u64 =
    (FULL_BYTES as u64).div_ceil((CONTENT_BYTES + 1 + size_of::<u32>() + 1) as u64);
/// Number of pages below each page.
pub(super) const BELOW: u64 = 16;
/// Digits of a path: more than the full pages on it can ever be.
const PATH_MAX: usize = 16;
/// Size of the content hash in bytes.
const CONTENT_BYTES: usize = size_of::<u64>();

/// Encoding of an id. Hexadecimal ids are stored as bytes, which halves most pages.
const TEXT: u8 = 0;
const UUID: u8 = 1;
const DIGITS: u8 = 2;
/// Flag on the encoding of an event that was withdrawn. The entry stays, so that a page that was full remains full and the
/// pages below it are still searched.
const TAKEN_BACK: u8 = 0x80;

/// Positions of the hyphens in a UUID.
const HYPHENS: [usize; 4] = [8, 13, 18, 23];

/// An event as the pages store it.
pub(super) struct Seen<'a> {
    id: Id<'a>,
    content: [u8; CONTENT_BYTES],
    /// The id as received: its hash selects the page if the first one is full.
    text: &'a str,
}

/// An id as pages store it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Id<'a> {
    /// Any other id in UTF-8; lookups compare bytes, so it need not be parsed as text.
    Text(&'a [u8]),
    /// Lower case, with hyphens.
    Uuid([u8; 16]),
    /// Twenty-four lower-case hexadecimal digits.
    Digits([u8; 12]),
}

/// Result of looking for an event in a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// The page has the event, or another one with its id; `same` says whether the content is equal.
    Known { same: bool },
    /// Neither this page nor one below it has the event, and this page has room.
    Room,
    /// This full page does not have the event; pages below it may.
    PerhapsFurther,
}

/// Result of removing an event from a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Without {
    /// The page without the event.
    Page(Vec<u8>),
    /// The page does not have the event; a page below it may.
    PerhapsFurther,
    /// No page has the event.
    Never,
}

impl<'a> Seen<'a> {
    pub(super) fn new(id: &'a str, content: u64) -> Self {
        Self { id: Id::of(id), content: content.to_be_bytes(), text: id }
    }

    /// The paths of the pages that may have the event, from the top, without the first page.
    pub(super) fn paths(&self) -> Paths {
        let hash = xxh64(self.text.as_bytes(), 0);
        let mut digits = [0; PATH_MAX];
        for (place, digit) in (0_u32..).zip(&mut digits) {
            let nibble = (hash >> (60 - 4 * place)) & 0xf;
            *digit = char::from_digit(nibble as u32, 16).map_or(b'0', |digit| digit as u8);
        }
        Paths { digits, next: 1 }
    }

    /// Appends the event to a page.
    pub(super) fn push_to(&self, page: &mut Vec<u8>) {
        page.extend_from_slice(&self.content);
        match self.id {
            Id::Text(text) => {
                page.push(TEXT);
                // A record's value is far shorter than that.
                page.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
                page.extend_from_slice(text);
            }
            Id::Uuid(bytes) => {
                page.push(UUID);
                page.extend_from_slice(&bytes);
            }
            Id::Digits(bytes) => {
                page.push(DIGITS);
                page.extend_from_slice(&bytes);
            }
        }
    }

    /// A page, or a record that ends with one, with the event appended.
    pub(super) fn behind(&self, page: &[u8]) -> Vec<u8> {
        // Reserve exactly the bytes needed: they are kept.
        let mut with = Vec::with_capacity(page.len() + self.bytes());
        with.extend_from_slice(page);
        self.push_to(&mut with);
        with
    }

    /// Number of bytes that [`push_to`](Self::push_to) writes.
    fn bytes(&self) -> usize {
        let id = match self.id {
            Id::Text(text) => size_of::<u32>() + text.len(),
            Id::Uuid(bytes) => bytes.len(),
            Id::Digits(bytes) => bytes.len(),
        };
        CONTENT_BYTES + 1 + id
    }
}

/// The paths from the top, each one digit longer than the one before.
pub(super) struct Paths {
    digits: [u8; PATH_MAX],
    next: usize,
}

impl Paths {
    /// The next path.
    pub(super) fn next(&mut self) -> Option<&[u8]> {
        let path = self.digits.get(..self.next);
        self.next += 1;
        path
    }

    /// Whether no page is below the one returned last. Such a page never becomes full, so ids made to share one hash cannot
    /// fill all pages.
    pub(super) fn is_last(&self) -> bool {
        self.next > PATH_MAX
    }
}

impl<'a> Id<'a> {
    fn of(id: &'a str) -> Self {
        let bytes = id.as_bytes();
        let packed = match bytes.len() {
            36 => uuid_of(bytes).map(Self::Uuid),
            24 => digits_of(bytes).map(Self::Digits),
            _ => None,
        };
        packed.unwrap_or(Self::Text(bytes))
    }

    fn to_text(self) -> String {
        match self {
            Id::Text(text) => String::from_utf8_lossy(text).into_owned(),
            Id::Digits(bytes) => digits(&bytes),
            Id::Uuid(bytes) => {
                let mut text = digits(&bytes);
                HYPHENS.iter().for_each(|place| text.insert(*place, '-'));
                text
            }
        }
    }
}

fn uuid_of(text: &[u8]) -> Option<[u8; 16]> {
    let (first, rest) = text.split_first_chunk()?;
    let (second, rest) = behind_hyphen(rest)?;
    let (third, rest) = behind_hyphen(rest)?;
    let (fourth, rest) = behind_hyphen(rest)?;
    let (fifth, rest) = behind_hyphen(rest)?;
    let eights = [*first, joined(*second, *third), joined(*fourth, *fifth), rest.try_into().ok()?];
    bytes_of(eights)?.as_flattened().try_into().ok()
}

fn behind_hyphen(text: &[u8]) -> Option<(&[u8; 4], &[u8])> {
    text.strip_prefix(b"-")?.split_first_chunk()
}

fn joined(one: [u8; 4], other: [u8; 4]) -> [u8; 8] {
    (u64::from(u32::from_le_bytes(one)) | u64::from(u32::from_le_bytes(other)) << 32).to_le_bytes()
}

fn digits_of(text: &[u8]) -> Option<[u8; 12]> {
    let (eights, []) = text.as_chunks() else { return None };
    bytes_of::<3>(eights.try_into().ok()?)?.as_flattened().try_into().ok()
}

/// Decodes lower-case hexadecimal bytes of two digits each.
///
/// Every event's id is decoded, and one digit at a time took 2% of the total work; so eight digits are decoded at once, each in
/// its own byte of a number.
fn bytes_of<const N: usize>(eights: [[u8; 8]; N]) -> Option<[[u8; 4]; N]> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let (mut bytes, mut wrong) = ([[0; 4]; N], 0);
    for (to, eight) in bytes.iter_mut().zip(eights) {
        let text = u64::from_le_bytes(eight);
        // Letters have bit 6 set, and `a` has 1 in its lower half. A character that is not a digit may have a value above 15,
        // or that of a digit; but never above 24, so no byte overflows into the next one.
        let values = (text & (ONES * 0xf)) + ((text >> 6) & ONES) * 9;
        let letters = ((values + ONES * (0x80 - 10)) >> 7) & ONES;
        let written = values + ONES * u64::from(b'0') + letters * u64::from(b'a' - b'0' - 10);
        wrong |= (text ^ written) | (values & (ONES * 0xf0));
        let pairs = (values << 4) | (values >> 8);
        let [one, _, two, _, three, _, four, _] = pairs.to_le_bytes();
        *to = [one, two, three, four];
    }
    (wrong == 0).then_some(bytes)
}

fn digits(bytes: &[u8]) -> String {
    let nibbles = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
    nibbles.filter_map(|nibble| char::from_digit(u32::from(nibble), 16)).collect()
}

/// The events of a page, in the order of arrival.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Page<'a>(&'a [u8]);

impl<'a> Page<'a> {
    /// A stored page; `None` is an empty one.
    pub(super) fn of(bytes: Option<&'a [u8]>) -> Self {
        Self(bytes.unwrap_or_default())
    }

    pub(super) fn bytes(self) -> &'a [u8] {
        self.0
    }

    /// Looks for an event.
    pub(super) fn find(self, seen: &Seen<'_>) -> Found {
        let known = self.entries().find(|entry| entry.is(seen));
        match known {
            Some(entry) => Found::Known { same: entry.content == seen.content },
            None if self.0.len() < FULL_BYTES => Found::Room,
            None => Found::PerhapsFurther,
        }
    }

    /// The page without an event.
    pub(super) fn without(self, seen: &Seen<'_>) -> Without {
        let Some(entry) = self.entries().find(|entry| entry.is(seen)) else {
            return if self.0.len() < FULL_BYTES { Without::Never } else { Without::PerhapsFurther };
        };
        let mut page = self.0.to_vec();
        if let Some(form) = page.get_mut(entry.form_at) {
            *form |= TAKEN_BACK;
        }
        Without::Page(page)
    }

    /// Number of events.
    pub(super) fn count(self) -> u64 {
        self.entries().filter(|entry| !entry.is_taken_back).count() as u64
    }

    /// Ids of its events.
    pub(super) fn ids(self) -> impl Iterator<Item = String> {
        self.entries().filter(|entry| !entry.is_taken_back).map(|entry| entry.id.to_text())
    }

    fn entries(self) -> Entries<'a> {
        Entries { rest: self.0, at: 0 }
    }
}

/// An event in a page.
struct Entry<'a> {
    id: Id<'a>,
    content: [u8; CONTENT_BYTES],
    /// Index of the entry's encoding in the page.
    form_at: usize,
    is_taken_back: bool,
}

impl Entry<'_> {
    fn is(&self, seen: &Seen<'_>) -> bool {
        self.id == seen.id && !self.is_taken_back
    }
}

struct Entries<'a> {
    rest: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        let (content, rest) = self.rest.split_first_chunk()?;
        let (form, rest) = rest.split_first()?;
        let (id, rest) = match form & !TAKEN_BACK {
            UUID => rest.split_first_chunk().map(|(id, rest)| (Id::Uuid(*id), rest))?,
            DIGITS => rest.split_first_chunk().map(|(id, rest)| (Id::Digits(*id), rest))?,
            _ => {
                let (length, rest) = rest.split_first_chunk()?;
                let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
                let (text, rest) = rest.split_at_checked(length)?;
                (Id::Text(text), rest)
            }
        };
        let form_at = self.at + CONTENT_BYTES;
        self.at += self.rest.len() - rest.len();
        self.rest = rest;
        Some(Entry { id, content: *content, form_at, is_taken_back: form & TAKEN_BACK != 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const IDS: [&str; 7] = [
        "fdb44c31-0964-47dd-ae99-17b2b621320b",
        "FDB44C31-0964-47DD-AE99-17B2B621320B",
        "fdb44c31-0964-47dd-ae99x17b2b621320b",
        "070c4371b4e550b0f11049e3",
        "070c4371b4e550b0f11049eg",
        "\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}",
        "7",
    ];

    /// Reference implementation: one digit at a time.
    fn plainly(text: &str, hyphens: &[usize]) -> Option<Vec<u8>> {
        let is_hyphen = |place: &usize| hyphens.contains(place);
        if !hyphens.iter().all(|place| text.as_bytes()[*place] == b'-') {
            return None;
        }
        let digits: Vec<u8> =
            text.bytes().enumerate().filter(|(at, _)| !is_hyphen(at)).map(|(_, byte)| byte).collect();
        let value = |digit: u8| match digit {
            b'0'..=b'9' => Some(digit - b'0'),
            b'a'..=b'f' => Some(digit - b'a' + 10),
            _ => None,
        };
        digits.chunks(2).map(|pair| Some((value(pair[0])? << 4) | value(pair[1])?)).collect()
    }

    #[test]
    fn each_byte_is_a_digit_or_none_wherever_it_stands() {
        for place in 0..36 {
            for byte in 0..=0x7f_u8 {
                let mut text = IDS[0].as_bytes().to_vec();
                text[place] = byte;
                let text = String::from_utf8(text).unwrap();
                let packed = uuid_of(text.as_bytes()).map(|bytes| bytes.to_vec());
                assert_eq!(packed, plainly(&text, &HYPHENS), "{text:?}");
                let text = &text[..24];
                let packed = digits_of(text.as_bytes()).map(|bytes| bytes.to_vec());
                assert_eq!(packed, plainly(text, &[]), "{text:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn digits_are_packed_as_if_each_was_looked_at_on_its_own(text in "[0-9a-f]{24}|[/-:`-g]{24}") {
            let packed = digits_of(text.as_bytes()).map(|bytes| bytes.to_vec());
            prop_assert_eq!(packed, plainly(&text, &[]));
        }
    }

    fn page_of(ids: &[&str]) -> Vec<u8> {
        ids.iter().fold(Vec::new(), |page, id| Seen::new(id, 1).behind(&page))
    }

    #[test]
    fn ids_are_found_and_come_back_as_they_were_whatever_they_look_like() {
        let bytes = page_of(&IDS);
        let page = Page::of(Some(&bytes));
        assert_eq!(page.ids().collect::<Vec<_>>(), IDS);
        for id in IDS {
            assert_eq!(page.find(&Seen::new(id, 1)), Found::Known { same: true }, "{id}");
            assert_eq!(page.find(&Seen::new(id, 2)), Found::Known { same: false }, "{id}");
        }
        assert_eq!(page.find(&Seen::new("8", 1)), Found::Room);
        assert!(page_of(&IDS[..1]).len() < IDS[0].len(), "an id that is written so everywhere is packed");
    }

    #[test]
    fn an_event_that_was_taken_back_is_not_known_and_can_come_again() {
        let bytes = page_of(&IDS);
        let seen = Seen::new(IDS[3], 1);
        let Without::Page(left) = Page::of(Some(&bytes)).without(&seen) else { panic!("it was there") };
        assert_eq!(Page::of(Some(&left)).find(&seen), Found::Room);
        assert_eq!(Page::of(Some(&left)).ids().count(), IDS.len() - 1);
        let again = seen.behind(&left);
        assert_eq!(Page::of(Some(&again)).find(&seen), Found::Known { same: true });
        assert_eq!(Page::of(Some(&left)).without(&seen), Without::Never);
    }

    #[test]
    fn a_full_page_refers_to_those_below_also_when_an_event_of_it_was_taken_back() {
        let mut bytes = Vec::new();
        let id = |number: u32| format!("{number:024x}");
        let mut numbers = 0..;
        while bytes.len() < FULL_BYTES {
            bytes = Seen::new(&id(numbers.next().unwrap()), 1).behind(&bytes);
        }
        let new = id(numbers.next().unwrap());
        assert_eq!(Page::of(Some(&bytes)).find(&Seen::new(&new, 1)), Found::PerhapsFurther);
        let taken_back = Page::of(Some(&bytes)).without(&Seen::new(&id(0), 1));
        let Without::Page(left) = taken_back else { panic!("it was there") };
        assert_eq!(Page::of(Some(&left)).find(&Seen::new(&new, 1)), Found::PerhapsFurther);
        assert_eq!(Page::of(Some(&left)).without(&Seen::new(&new, 1)), Without::PerhapsFurther);
    }

    #[test]
    fn paths_go_down_by_a_digit_of_the_hash_each() {
        let seen = Seen::new("7", 1);
        let mut paths = seen.paths();
        let mut all = Vec::new();
        while let Some(path) = paths.next() {
            all.push(path.to_vec());
        }
        assert_eq!(all.len(), PATH_MAX);
        let last = String::from_utf8(all.pop().unwrap()).unwrap();
        assert_eq!(last, format!("{:016x}", xxh64(b"7", 0)));
        assert!(all.iter().enumerate().all(|(place, path)| *path == last.as_bytes()[..=place]));
    }

    proptest! {
        #[test]
        fn any_text_is_an_id(ids in prop::collection::btree_set("[0-9a-f]{24}|[0-9a-f-]{36}|.{0,40}", 0..20)) {
            let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
            let bytes = page_of(&ids);
            prop_assert_eq!(Page::of(Some(&bytes)).ids().collect::<Vec<_>>(), ids);
        }

        #[test]
        fn no_bytes_make_it_fail(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let page = Page::of(Some(&bytes));
            let _ = (page.ids().count(), page.find(&Seen::new("7", 1)), page.without(&Seen::new("7", 1)));
        }
    }
}
