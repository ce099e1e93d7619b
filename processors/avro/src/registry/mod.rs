// SPDX-License-Identifier: Apache-2.0

//! A client of schema registries with Confluent's REST API: Confluent, Apicurio, Karapace and others.
//!
//! It is our own small client, because `schema_registry_converter` adds a hundred crates for its HTTP client and for encoders
//! that are not needed here, does not retry, and cannot set a subject's compatibility. Calls block: in async code, run them on
//! a blocking thread. Records are never processed while waiting for one.

mod error;
mod http;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

pub use error::RegistryError;
use http::{Http, RegistryAnswer, escaped};

/// How to connect to the registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Its address with the path of its API, for example `http://localhost:8081`; several addresses are nodes of one registry.
    pub urls: Vec<String>,
    /// The credentials.
    pub auth: Auth,
    /// Trusted CA certificates, as PEM text; `None` for the system's.
    pub ca_pem: Option<String>,
    /// The timeout of one call.
    pub timeout: Duration,
    /// The number of attempts of a call.
    pub attempts: u32,
    /// The pause before the second attempt; it doubles with each further attempt.
    pub first_pause: Duration,
    /// The longest pause.
    pub longest_pause: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            urls: Vec::new(),
            auth: Auth::None,
            ca_pem: None,
            timeout: Duration::from_secs(10),
            attempts: 4,
            first_pause: Duration::from_millis(200),
            longest_pause: Duration::from_secs(5),
        }
    }
}

/// Credentials.
#[derive(Clone, PartialEq, Eq)]
pub enum Auth {
    /// None.
    None,
    /// A user or an API key, with its secret.
    Basic {
        /// The user.
        user: String,
        /// The secret.
        password: String,
    },
    /// A bearer token.
    Bearer(String),
}

/// Without secrets, because settings are logged.
impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Auth::None => f.write_str("None"),
            Auth::Basic { user, .. } => f.debug_struct("Basic").field("user", user).finish_non_exhaustive(),
            Auth::Bearer(_) => f.write_str("Bearer"),
        }
    }
}

/// Whether the registry would accept a schema as a subject's next version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It would.
    Compatible,
    /// It would not, for these reasons of the registry.
    Incompatible(Vec<String>),
    /// The subject has no version yet.
    NewSubject,
}

/// A registry client. Answers are cached: ids and schemas never change.
pub struct Registry {
    http: Http,
    schemas: Mutex<HashMap<u32, Arc<str>>>,
    ids: Mutex<HashMap<(String, String), u32>>,
}

impl Registry {
    /// Creates a client. No request is sent yet.
    ///
    /// # Errors
    /// The CA file has no certificate.
    pub fn new(settings: Settings) -> Result<Self, RegistryError> {
        Ok(Registry { http: Http::new(settings)?, schemas: Mutex::default(), ids: Mutex::default() })
    }

    /// Registers a schema as the newest version of a subject, unless it is one of its versions, and returns its id.
    ///
    /// # Errors
    /// See [`RegistryError`]; [`RegistryError::Incompatible`] if the subject's compatibility forbids it.
    pub fn register(&self, subject: &str, schema: &str) -> Result<u32, RegistryError> {
        let known = (subject.to_owned(), schema.to_owned());
        if let Some(id) = lock(&self.ids).get(&known) {
            return Ok(*id);
        }
        let path = format!("/subjects/{}/versions", escaped(subject));
        let answer = self.http.post(&path, &json!({"schema": schema, "schemaType": "AVRO"}))?;
        if answer.status.as_u16() == 409 {
            // A registry may also refuse what it has: when it took an earlier request whose answer was lost, or another instance's at
            // the same moment.
            match self.id_of(subject, schema) {
                Ok(Some(id)) => return Ok(id),
                Err(error) if error.is_temporary() => return Err(error),
                Ok(None) | Err(_) => {}
            }
            return Err(RegistryError::Incompatible {
                subject: subject.to_owned(),
                problem: message(&answer),
            });
        }
        let id = self.id_in(&answer, &format!("the registration of {subject}"))?;
        lock(&self.ids).insert(known, id);
        Ok(id)
    }

    /// The id of a schema in a subject; `None` if it is not registered.
    ///
    /// # Errors
    /// See [`RegistryError`].
    pub fn id_of(&self, subject: &str, schema: &str) -> Result<Option<u32>, RegistryError> {
        let known = (subject.to_owned(), schema.to_owned());
        if let Some(id) = lock(&self.ids).get(&known) {
            return Ok(Some(*id));
        }
        let path = format!("/subjects/{}", escaped(subject));
        let answer = self.http.post(&path, &json!({"schema": schema, "schemaType": "AVRO"}))?;
        if answer.status.as_u16() == 404 {
            return Ok(None);
        }
        let id = self.id_in(&answer, &format!("the search in {subject}"))?;
        lock(&self.ids).insert(known, id);
        Ok(Some(id))
    }

    /// The schema of an id.
    ///
    /// # Errors
    /// See [`RegistryError`]; [`RegistryError::NotFound`] if it does not exist.
    pub fn by_id(&self, id: u32) -> Result<Arc<str>, RegistryError> {
        if let Some(schema) = lock(&self.schemas).get(&id) {
            return Ok(Arc::clone(schema));
        }
        let what = format!("schema id {id}");
        let answer = self.http.get(&format!("/schemas/ids/{id}"))?;
        let schema: Arc<str> = self.schema_in(&answer, &what)?.into();
        lock(&self.schemas).insert(id, Arc::clone(&schema));
        Ok(schema)
    }

    /// All versions of a subject, oldest first; empty if it does not exist.
    ///
    /// # Errors
    /// See [`RegistryError`].
    pub fn versions(&self, subject: &str) -> Result<Vec<String>, RegistryError> {
        let path = format!("/subjects/{}/versions", escaped(subject));
        let answer = self.http.get(&path)?;
        if answer.status.as_u16() == 404 {
            return Ok(Vec::new());
        }
        let what = format!("subject {subject}");
        let versions = self.accepted(&answer, &what)?.as_array();
        let versions =
            versions.ok_or_else(|| self.http.strange(format!("{what} has no list of versions")))?;
        let schema = |version: &Value| {
            let answer = self.http.get(&format!("{path}/{version}"))?;
            self.schema_in(&answer, &format!("{what}, version {version}"))
        };
        versions.iter().map(schema).collect()
    }

    /// Checks whether a schema is compatible with a subject.
    ///
    /// # Errors
    /// See [`RegistryError`].
    pub fn check(&self, subject: &str, schema: &str) -> Result<Verdict, RegistryError> {
        let path = format!("/compatibility/subjects/{}/versions?verbose=true", escaped(subject));
        let answer = self.http.post(&path, &json!({"schema": schema, "schemaType": "AVRO"}))?;
        if answer.status.as_u16() == 404 {
            return Ok(Verdict::NewSubject);
        }
        let what = format!("the compatibility of {subject}");
        let json = self.accepted(&answer, &what)?;
        match json.get("is_compatible").and_then(Value::as_bool) {
            Some(true) => Ok(Verdict::Compatible),
            Some(false) => {
                let messages = json.get("messages").and_then(Value::as_array);
                // Apicurio returns one reason instead of a list.
                let messages =
                    messages.into_iter().flatten().chain(json.get("reason")).filter_map(Value::as_str);
                Ok(Verdict::Incompatible(messages.map(str::to_owned).collect()))
            }
            None => Err(self.http.strange(format!("{what} is neither true nor false"))),
        }
    }

    /// The compatibility level of a subject, for example `FULL_TRANSITIVE`; `None` for the registry's default.
    ///
    /// # Errors
    /// See [`RegistryError`].
    pub fn rule(&self, subject: &str) -> Result<Option<String>, RegistryError> {
        let answer = self.http.get(&format!("/config/{}", escaped(subject)))?;
        if answer.status.as_u16() == 404 {
            return Ok(None);
        }
        let json = self.accepted(&answer, &format!("the rule of {subject}"))?;
        Ok(json.get("compatibilityLevel").and_then(Value::as_str).map(str::to_owned))
    }

    /// Sets the compatibility level of a subject, which need not exist yet.
    ///
    /// # Errors
    /// See [`RegistryError`].
    pub fn set_rule(&self, subject: &str, rule: &str) -> Result<(), RegistryError> {
        let answer =
            self.http.put(&format!("/config/{}", escaped(subject)), &json!({"compatibility": rule}))?;
        self.accepted(&answer, &format!("the rule {rule} for {subject}")).map(|_| ())
    }

    fn accepted<'j>(&self, answer: &'j RegistryAnswer, what: &str) -> Result<&'j Value, RegistryError> {
        let what = || what.to_owned();
        match answer.status.as_u16() {
            200..300 => Ok(&answer.json),
            404 => Err(RegistryError::NotFound { what: what() }),
            status => Err(RegistryError::Refused { what: what(), status, problem: message(answer) }),
        }
    }

    fn id_in(&self, answer: &RegistryAnswer, what: &str) -> Result<u32, RegistryError> {
        let id = self.accepted(answer, what)?.get("id").and_then(Value::as_u64);
        let id = id.and_then(|id| u32::try_from(id).ok());
        id.ok_or_else(|| self.http.strange(format!("{what} gives no id")))
    }

    fn schema_in(&self, answer: &RegistryAnswer, what: &str) -> Result<String, RegistryError> {
        let json = self.accepted(answer, what)?;
        // Without a type it is Avro.
        let kind = json.get("schemaType").and_then(Value::as_str).unwrap_or("AVRO");
        if kind != "AVRO" {
            return Err(RegistryError::NotAvro { what: what.to_owned(), kind: kind.to_owned() });
        }
        let schema = json.get("schema").and_then(Value::as_str);
        schema.map(str::to_owned).ok_or_else(|| self.http.strange(format!("{what} comes without its schema")))
    }
}

/// The registry's message.
fn message(answer: &RegistryAnswer) -> String {
    let message = answer.json.get("message").and_then(Value::as_str);
    message.unwrap_or("it does not say why").to_owned()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
