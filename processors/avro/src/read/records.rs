// SPDX-License-Identifier: Apache-2.0

//! Records and events as JSON, for commands that read topics.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::cursor::Cursor;
use super::json::{Room, transcribe_record};
use super::{Mismatch, sentence};
use crate::header::{HEADER_BYTES, split};
use crate::registry::{Registry, RegistryError};
use crate::shape::{SchemaError, Shape};

/// The maximum size of a record as JSON.
const JSON_BYTES_MAX: usize = 64 << 20;

/// Why a record cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// Its schema cannot be fetched.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The id is no schema.
    #[error("schema {id}: {source}")]
    Schema {
        /// The id.
        id: u32,
        /// What is wrong.
        source: SchemaError,
    },
    /// It does not match its schema.
    #[error("{0}")]
    Mismatch(String),
}

/// Converts records in the wire format to JSON, by their writers' schemas. It sends one request per id.
pub struct RecordReader {
    registry: Arc<Registry>,
    shapes: Mutex<HashMap<u32, Arc<Shape>>>,
}

impl RecordReader {
    /// A reader that uses this registry.
    #[must_use]
    pub fn new(registry: Arc<Registry>) -> Self {
        RecordReader { registry, shapes: Mutex::default() }
    }

    /// The record as it would be in a JSON topic. For an event, the JSON decodes to the same event. `None` when the value is
    /// not in the wire format.
    ///
    /// # Errors
    /// See [`Unreadable`].
    pub fn json(&self, value: &[u8]) -> Result<Option<Vec<u8>>, Unreadable> {
        let Some((id, data)) = split(value) else { return Ok(None) };
        let shape = self.shape(id)?;
        let mut json = Vec::with_capacity(value.len() * 2);
        let mut cursor = Cursor::new(data, HEADER_BYTES);
        let mut room = Room::new(data.len(), JSON_BYTES_MAX);
        let read = transcribe_record(&shape, &mut cursor, &mut room, &mut json).and_then(|()| {
            if cursor.left() == 0 {
                Ok(())
            } else {
                Err(cursor.mismatch("the value goes on after its last field"))
            }
        });
        read.map_err(|mismatch: Mismatch| Unreadable::Mismatch(sentence(id, &mismatch)))?;
        Ok(Some(json))
    }

    fn shape(&self, id: u32) -> Result<Arc<Shape>, Unreadable> {
        let known = self.shapes.lock().unwrap_or_else(PoisonError::into_inner).get(&id).map(Arc::clone);
        if let Some(shape) = known {
            return Ok(shape);
        }
        let schema = self.registry.by_id(id)?;
        let shape = Shape::parse(&schema).map_err(|source| Unreadable::Schema { id, source })?;
        let shape = Arc::new(shape);
        self.shapes.lock().unwrap_or_else(PoisonError::into_inner).insert(id, Arc::clone(&shape));
        Ok(shape)
    }
}
