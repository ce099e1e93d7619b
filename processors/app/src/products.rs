// SPDX-License-Identifier: Apache-2.0

//! The record schema of each processor.

use avro::Schema;

/// The schema of a processor's records; `None` when it writes none.
pub fn schema_of(processor: &str) -> Option<Schema> {
    let (_, product) = folds::products().find(|(name, _)| *name == processor)?;
    Schema::of_header(product.schema)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    const README: &str = include_str!("../../../README.md");
    const TOPICS_PAGE: &str = include_str!("../../../docs/reference/topics.md");

    #[test]
    fn every_output_has_its_schema_in_the_newest_version_and_every_schema_an_output() {
        for (processor, product) in folds::products() {
            let name = product.schema.split('/').next().unwrap();
            let schema = Schema::by_name(name);
            let schema = schema.unwrap_or_else(|| panic!("{processor}: write schemas/{name}.avsc"));
            assert_eq!(
                product.schema, schema.header,
                "{processor}: write `Schema::….header` into its `PRODUCT`"
            );
        }
        for schema in Schema::ALL.iter().filter(|schema| **schema != Schema::CIM_EVENT) {
            let mut products = folds::products();
            assert!(
                products.any(|(_, product)| Schema::of_header(product.schema) == Some(*schema)),
                "no processor writes records of schemas/{}.avsc",
                schema.name
            );
        }
    }

    #[test]
    fn the_shipped_topics_yaml_and_the_tables_of_topics_have_every_output() {
        let config = Config::load(None, "g", None).unwrap();
        for (processor, product) in folds::products() {
            let spec = config.processors.iter().find(|spec| spec.name == processor);
            let spec = spec.unwrap_or_else(|| panic!("topics.yaml, `processors`: declare {processor}"));
            assert!(
                spec.writes.iter().any(|topic| topic == product.topic),
                "topics.yaml: {processor} writes {}",
                product.topic
            );
            let row = format!("| {} | {} | `{}` |", product.one_for_each, product.key, product.schema);
            let is_there =
                |line: &str| line.starts_with(&format!("| [`{}`]", product.topic)) && line.ends_with(&row);
            assert!(
                TOPICS_PAGE.lines().any(is_there),
                "docs/reference/topics.md: the row of {} ends with: {row}",
                product.topic
            );
            let begin = format!("| [`{}`](docs/reference/", product.topic);
            let is_there = |line: &str| {
                line.starts_with(&begin) && line.contains(&format!(") | {} | ", product.one_for_each))
            };
            assert!(
                README.lines().any(is_there),
                "README.md, \"What you get\": a row of {} for each {}, with a link to its page",
                product.topic,
                product.one_for_each
            );
        }
    }
}
