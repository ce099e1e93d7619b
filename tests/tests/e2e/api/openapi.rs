// SPDX-License-Identifier: Apache-2.0

//! Answers, in the eyes of the API's own description.

use cx_timelines_tests::http::Answer;
use jsonschema::Validator;
use serde_json::{Value, json};

const DOCUMENT: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../processors/api/openapi.json"));

pub(crate) struct OpenApi(Value);

impl OpenApi {
    /// The description, made strict: a field that it does not know is wrong.
    pub(crate) fn read() -> Self {
        let mut document: Value = serde_json::from_str(DOCUMENT).unwrap();
        close(&mut document);
        Self(document)
    }

    /// Panics where an answer to this route is not as described.
    pub(crate) fn check(&self, route: &str, answer: &Answer) {
        let status = answer.status.to_string();
        let described = &self.0["paths"][route]["get"]["responses"][&status];
        assert!(!described.is_null(), "{route} may not answer {status}: {}", answer.body);
        let (media_type, content) = described["content"].as_object().unwrap().iter().next().unwrap();
        assert_eq!(answer.header("content-type"), Some(media_type.as_str()), "{route}");
        for name in described["headers"].as_object().into_iter().flat_map(serde_json::Map::keys) {
            assert!(answer.header(&name.to_lowercase()).is_some(), "{route} {status} without {name}");
        }
        self.check_schema(&content["schema"], &answer.json(), route);
    }

    /// Panics where a value is not as this schema of the document has it.
    pub(crate) fn check_named(&self, schema: &str, value: &Value) {
        self.check_schema(&json!({"$ref": format!("#/components/schemas/{schema}")}), value, schema);
    }

    fn check_schema(&self, schema: &Value, value: &Value, what: &str) {
        // References lead to the whole document's components.
        let whole = json!({"allOf": [schema], "components": self.0["components"]});
        let validator: Validator = jsonschema::draft202012::new(&whole).unwrap();
        let wrong: Vec<String> =
            validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert_eq!(wrong, Vec::<String>::new(), "{what}: {value}");
    }
}

fn close(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            if fields.get("type") == Some(&json!("object"))
                && fields.contains_key("properties")
                && !fields.contains_key("additionalProperties")
            {
                fields.insert("additionalProperties".to_owned(), json!(false));
            }
            fields.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}
