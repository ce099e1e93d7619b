// SPDX-License-Identifier: Apache-2.0

//! A position in Avro data.

/// The data does not match the schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mismatch {
    /// The offset in bytes, from the start of the value.
    pub(super) offset: usize,
    /// The problem.
    pub(super) what: &'static str,
    /// The field, innermost first.
    pub(super) path: Vec<String>,
}

impl Mismatch {
    /// The same mismatch, seen from the enclosing record.
    pub(super) fn within(mut self, field: &str) -> Self {
        self.path.push(field.to_owned());
        self
    }
}

/// The rest of the data.
#[derive(Debug, Clone)]
pub(super) struct Cursor<'a> {
    rest: &'a [u8],
    offset: usize,
}

impl<'a> Cursor<'a> {
    /// At the start of data that begins at `offset` in the value.
    pub(super) fn new(data: &'a [u8], offset: usize) -> Self {
        Cursor { rest: data, offset }
    }

    pub(super) fn left(&self) -> usize {
        self.rest.len()
    }

    pub(super) fn mismatch(&self, what: &'static str) -> Mismatch {
        Mismatch { offset: self.offset, what, path: Vec::new() }
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], Mismatch> {
        let Some((taken, rest)) = self.rest.split_at_checked(count) else {
            return Err(self.mismatch("the value ends too early"));
        };
        self.rest = rest;
        self.offset += count;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Mismatch> {
        let taken = self.take(N)?;
        // The slice has that length.
        Ok(taken.try_into().unwrap_or([0; N]))
    }

    pub(super) fn boolean(&mut self) -> Result<bool, Mismatch> {
        let before = self.clone();
        match self.array()? {
            [0] => Ok(false),
            [1] => Ok(true),
            _ => Err(before.mismatch("neither true nor false")),
        }
    }

    pub(super) fn long(&mut self) -> Result<i64, Mismatch> {
        let before = self.clone();
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let [byte] = self.array()?;
            let bits = u64::from(byte & 0x7f);
            // The tenth byte holds one bit.
            if shift == 63 && bits > 1 {
                break;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed());
            }
        }
        Err(before.mismatch("a number of more than 64 bits"))
    }

    pub(super) fn int(&mut self) -> Result<i32, Mismatch> {
        let before = self.clone();
        i32::try_from(self.long()?).map_err(|_| before.mismatch("an int of more than 32 bits"))
    }

    pub(super) fn bytes(&mut self) -> Result<&'a [u8], Mismatch> {
        let before = self.clone();
        let length = self.long()?;
        let length = usize::try_from(length).map_err(|_| before.mismatch("a length below 0"))?;
        self.take(length)
    }

    pub(super) fn text(&mut self) -> Result<&'a str, Mismatch> {
        let before = self.clone();
        let bytes = self.bytes()?;
        simdutf8::basic::from_utf8(bytes).map_err(|_| before.mismatch("text that is no UTF-8"))
    }

    /// An index, for example of a union's branch.
    pub(super) fn index(&mut self, of: usize, what: &'static str) -> Result<usize, Mismatch> {
        let before = self.clone();
        let index = usize::try_from(self.long()?).ok().filter(|index| *index < of);
        index.ok_or_else(|| before.mismatch(what))
    }

    /// The number of items of an array's or map's next block; 0 at the end.
    pub(super) fn block(&mut self) -> Result<u64, Mismatch> {
        let count = self.long()?;
        if count < 0 {
            // A negative count is followed by the block's size in bytes, which is not needed.
            self.long()?;
        }
        Ok(count.unsigned_abs())
    }
}
