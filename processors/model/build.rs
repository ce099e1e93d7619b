// SPDX-License-Identifier: Apache-2.0

//! Lists the schemas of `schemas/`, so that a new one is known by its file alone.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, error, fs};

fn main() -> Result<(), Box<dyn error::Error>> {
    let folder = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../../schemas").canonicalize()?;
    println!("cargo::rerun-if-changed={}", folder.display());
    let (mut constants, mut all) = (String::new(), Vec::new());
    for file in avsc_files(&folder)? {
        let name = stem(&file)?;
        let schema: serde_json::Value = serde_json::from_str(&fs::read_to_string(&file)?)
            .map_err(|error| format!("{}: {error}", file.display()))?;
        let part = |part: &str| {
            schema
                .get(part)
                .and_then(|part| part.as_str())
                .ok_or_else(|| format!("{}: no {part}", file.display()))
        };
        let record = format!("{}.{}", part("namespace")?, part("name")?);
        let constant = name.to_uppercase().replace('-', "_");
        let mut released = avsc_files(&folder.join("released").join(&name))?;
        released.sort_by_key(|file| stem(file).ok().and_then(|number| number.parse::<u32>().ok()));
        let header = format!("{name}/{}", version(&file, &released)?);
        let released = released.iter().map(|file| format!("include_str!({file:?})"));
        let released = released.collect::<Vec<_>>().join(", ");
        writeln!(constants, "#[doc = {:?}]", part("doc")?)?;
        writeln!(
            constants,
            "pub const {constant}: Schema = Schema {{ name: {name:?}, header: {header:?}, record: {record:?}, text: include_str!({file:?}), released: &[{released}] }};"
        )?;
        all.push(format!("Schema::{constant}"));
    }
    let generated = format!(
        "impl Schema {{\n{constants}\n/// All schemas, by name.\npub const ALL: &'static [Schema] = &[{}];\n}}\n",
        all.join(", ")
    );
    fs::write(Path::new(&env::var("OUT_DIR")?).join("schemas.rs"), generated)?;
    Ok(())
}

/// The newest released version, or, where the schema has changed since, the next one.
fn version(file: &Path, released: &[PathBuf]) -> Result<usize, Box<dyn error::Error>> {
    let is_released = match released.last() {
        Some(newest) => fs::read(newest)? == fs::read(file)?,
        None => false,
    };
    Ok(released.len() + usize::from(!is_released))
}

/// The schemas in a folder, sorted; none if there is no such folder.
fn avsc_files(folder: &Path) -> Result<Vec<PathBuf>, Box<dyn error::Error>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(folder)?.map(|entry| Ok(entry?.path()));
    let mut files = entries.collect::<Result<Vec<_>, std::io::Error>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "avsc"));
    files.sort();
    Ok(files)
}

fn stem(file: &Path) -> Result<String, Box<dyn error::Error>> {
    let stem = file.file_stem().and_then(|stem| stem.to_str());
    Ok(stem.ok_or_else(|| format!("{} has no name in UTF-8", file.display()))?.to_owned())
}
