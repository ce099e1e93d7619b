// SPDX-License-Identifier: Apache-2.0

//! Skipping of unwanted values, which are most bytes of a real event. They are validated like all others, in one loop that
//! keeps the rest of the text in registers and one bit per nesting level; no value is created.

use super::{DEPTH_MAX, Reader, Refused};

impl<'a> Reader<'a> {
    /// Skips any value.
    pub(crate) fn skip(&mut self) -> Result<(), Refused> {
        match self.peek()? {
            b'"' => {
                self.rest = self.behind_string(self.rest.get(1..).unwrap_or_default())?;
                Ok(())
            }
            b'{' | b'[' => self.skip_nested(),
            _ => self.skip_scalar(),
        }
    }

    /// The same for an array or object. It uses all registers, which simple values need not save.
    #[inline(never)]
    fn skip_nested(&mut self) -> Result<(), Refused> {
        let room = DEPTH_MAX - self.depth;
        let mut inside = 0_u8;
        // A bit per open level, set for an object; the innermost is the lowest.
        let mut objects = 0_u128;
        let mut rest = self.rest;
        loop {
            match rest {
                [b'"', behind @ ..] => rest = self.behind_string(behind)?,
                [bracket @ (b'{' | b'['), behind @ ..] => {
                    if inside == room {
                        return Err(self.bad_before("nested too deeply", rest));
                    }
                    let is_object = *bracket == b'{';
                    inside += 1;
                    objects = objects << 1 | u128::from(is_object);
                    rest = self.behind_blanks(behind)?;
                    match (rest, is_object) {
                        // It ends below.
                        ([b'}', ..], true) | ([b']', ..], false) => {}
                        (_, true) => {
                            rest = self.behind_name(rest)?;
                            continue;
                        }
                        (_, false) => continue,
                    }
                }
                [b'n', b'u', b'l', b'l', behind @ ..]
                | [b't', b'r', b'u', b'e', behind @ ..]
                | [b'f', b'a', b'l', b's', b'e', behind @ ..] => rest = behind,
                [b'!'..=0xff, ..] => {
                    self.rest = rest;
                    self.skip_scalar()?;
                    rest = self.rest;
                }
                _ => {
                    rest = self.passed_blanks(rest)?;
                    // What is no whitespace is no value either.
                    if matches!(rest, [0..=b' ', ..]) {
                        return Err(self.bad_before("no value begins like this", rest));
                    }
                    continue;
                }
            }
            // A value has ended, and perhaps what contains it.
            loop {
                if inside == 0 {
                    self.rest = rest;
                    return Ok(());
                }
                match (rest, objects & 1 == 1) {
                    ([b',', behind @ ..], true) => {
                        rest = self.behind_name(behind)?;
                        break;
                    }
                    ([b',', behind @ ..], false) => {
                        rest = behind;
                        break;
                    }
                    ([b'}', behind @ ..], true) | ([b']', behind @ ..], false) => {
                        rest = behind;
                        inside -= 1;
                        objects >>= 1;
                    }
                    (_, is_object) => rest = self.before_separator(rest, is_object)?,
                }
            }
        }
    }

    /// The rest after whitespace before a comma or the end of an object or array.
    #[cold]
    fn before_separator(&mut self, rest: &'a [u8], is_object: bool) -> Result<&'a [u8], Refused> {
        let rest = self.passed_blanks(rest)?;
        match (rest, is_object) {
            ([b',' | b'}', ..], true) | ([b',' | b']', ..], false) => Ok(rest),
            (_, true) => Err(self.bad_before("a comma or a closing brace is missing", rest)),
            (_, false) => Err(self.bad_before("a comma or a closing bracket is missing", rest)),
        }
    }

    /// Skips a number or a literal.
    fn skip_scalar(&mut self) -> Result<(), Refused> {
        match self.rest {
            [b'-' | b'0'..=b'9', ..] => self.number().map(drop),
            [b't', ..] => self.word("true"),
            [b'f', ..] => self.word("false"),
            [b'n', ..] => self.word("null"),
            _ => Err(self.bad("no value begins like this")),
        }
    }
}
