//! Reads a TOML table field by field. A wrong field never hides the next one, as it would with a derived deserialiser, which
//! stops at its first error.

use std::path::{Path, PathBuf};

use secrecy::SecretString;
use toml::{Table, Value};

use super::problem::{Field, Problems, Reported};

/// Longest value that is repeated in a problem.
const SHOWN: usize = 80;

/// The file that is being read: its folder, and what is wrong with it so far.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) folder: PathBuf,
    pub(super) problems: Problems,
}

/// A table and its path. Every field is asked for by name; [`Section::finish`] reports those that nobody asked for.
#[derive(Debug)]
pub(super) struct Section<'s> {
    path: String,
    table: Table,
    asked: Vec<&'static str>,
    source: &'s Source,
}

impl<'s> Section<'s> {
    /// The whole file.
    pub(super) fn root(table: Table, source: &'s Source) -> Self {
        Self::at(String::new(), table, source)
    }

    fn at(path: String, table: Table, source: &'s Source) -> Self {
        Self {
            path,
            table,
            asked: Vec::new(),
            source,
        }
    }

    /// Full path of one of its fields.
    pub(super) fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    /// Whether the field is there, without asking for it.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// A text as it stands, without asking for it: to compare entries of a list before all of them are known to be right.
    pub(super) fn peek(&self, key: &str) -> Option<String> {
        self.table.get(key)?.as_str().map(str::to_owned)
    }

    /// Writes down a problem with one of its fields.
    pub(super) fn refuse(
        &self,
        key: &str,
        value: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Reported {
        self.source
            .problems
            .report(self.path_of(key), value, remedy)
    }

    fn take(&mut self, key: &'static str) -> Option<Value> {
        self.asked.push(key);
        self.table.remove(key)
    }

    /// A field that may be absent. `expected` says what it should look like, for people.
    pub(super) fn optional<T>(
        &mut self,
        key: &'static str,
        expected: &str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Field<Option<T>> {
        let Some(value) = self.take(key) else {
            return Ok(None);
        };
        match read(&value) {
            Some(read) => Ok(Some(read)),
            None => Err(self.refuse(key, show(&value), format!("expected {expected}"))),
        }
    }

    /// A field that must be there.
    pub(super) fn required<T>(
        &mut self,
        key: &'static str,
        expected: &str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Field<T> {
        let value = self.optional(key, expected, read)?;
        value.ok_or_else(|| self.refuse(key, "missing", format!("write {expected}")))
    }

    /// A list of which every wrong entry is reported.
    pub(super) fn list<T>(
        &mut self,
        key: &'static str,
        expected: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Field<Vec<T>> {
        let values = self.required(key, &format!("a list: {expected}"), array)?;
        if values.is_empty() {
            return Err(self.refuse(key, "empty", format!("write at least one: {expected}")));
        }
        let entries = values.iter().enumerate().map(|(index, value)| {
            read(value).ok_or_else(|| {
                let entry = format!("{key}[{index}]");
                self.refuse(&entry, show(value), format!("expected {expected}"))
            })
        });
        all(entries.collect())
    }

    /// A table inside it.
    pub(super) fn section(&mut self, key: &'static str) -> Field<Option<Self>> {
        let expected = format!("a table, [{}]", self.path_of(key));
        let table = self.optional(key, &expected, |value| value.as_table().cloned())?;
        let path = self.path_of(key);
        Ok(table.map(|table| Self::at(path, table, self.source)))
    }

    /// A table that must be there.
    pub(super) fn required_section(&mut self, key: &'static str, purpose: &str) -> Field<Self> {
        let section = self.section(key)?;
        let name = self.path_of(key);
        section.ok_or_else(|| self.refuse(key, "missing", format!("write a [{name}]: {purpose}")))
    }

    /// A list of tables; absent means empty.
    pub(super) fn sections(&mut self, key: &'static str) -> Field<Vec<Self>> {
        let expected = format!("a list of tables, [[{}]]", self.path_of(key));
        let values = self.optional(key, &expected, array)?.unwrap_or_default();
        let sections = values.into_iter().enumerate().map(|(index, value)| {
            let entry = format!("{key}[{index}]");
            let table = value
                .as_table()
                .cloned()
                .ok_or_else(|| self.refuse(&entry, show(&value), format!("expected {expected}")))?;
            Ok(Self::at(self.path_of(&entry), table, self.source))
        });
        all(sections.collect())
    }

    /// A path, relative to the file's folder.
    pub(super) fn path(&mut self, key: &'static str, purpose: &str) -> Field<PathBuf> {
        let expected = format!("a path, {purpose}");
        let text = self.required(key, &expected, nonempty)?;
        Ok(self.source.folder.join(text))
    }

    /// A secret that lies in a file of its own. Neither the secret nor what may be one reaches a problem.
    pub(super) fn secret<T>(
        &mut self,
        key: &'static str,
        expected: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Field<T> {
        let purpose = format!("a path of a file that holds {expected}");
        let text = self.required(key, &purpose, nonempty)?;
        if is_like_a_secret(&text) {
            let remedy = format!("write {purpose}, not the secret itself");
            return Err(self.refuse(key, "looks like a secret (not shown)", remedy));
        }
        let file = self.source.folder.join(&text);
        let content = std::fs::read_to_string(&file).map_err(|why| {
            let remedy =
                format!("make this file with {expected}, readable by this process only ({why})");
            self.refuse(key, show_path(&file), remedy)
        })?;
        read(content.trim()).ok_or_else(|| {
            let remedy = format!("the file must hold {expected} (its content is not shown)");
            self.refuse(key, show_path(&file), remedy)
        })
    }

    /// A bearer token or API key in a file of its own.
    pub(super) fn token(&mut self, key: &'static str, shortest: usize) -> Field<SecretString> {
        let expected = format!(
            "a token of at least {shortest} printable ASCII characters without blanks, like `openssl rand -hex 32` prints"
        );
        self.secret(key, &expected, |text| {
            let sound = text.len() >= shortest && text.bytes().all(|b| b.is_ascii_graphic());
            sound.then(|| SecretString::from(text))
        })
    }

    /// Reports what nobody asked for. The value is not repeated: it may be a secret in the wrong place.
    pub(super) fn finish(self) {
        for key in self.table.keys() {
            let place = if self.path.is_empty() {
                "the file"
            } else {
                &self.path
            };
            let known = self.asked.join(", ");
            let remedy =
                format!("remove it or correct its name; the fields of {place} are {known}");
            self.refuse(key, "unknown field", remedy);
        }
    }
}

/// All, or that at least one was reported.
pub(super) fn all<T>(fields: Vec<Field<T>>) -> Field<Vec<T>> {
    fields.into_iter().collect()
}

/// A text that is not empty.
pub(super) fn nonempty(value: &Value) -> Option<String> {
    value
        .as_str()
        .filter(|text| !text.trim().is_empty())
        .map(str::to_owned)
}

/// A text that parses.
pub(super) fn parsed<T: std::str::FromStr>(value: &Value) -> Option<T> {
    value.as_str()?.parse().ok()
}

/// A whole number that is not negative.
pub(super) fn whole(value: &Value) -> Option<u64> {
    value.as_integer()?.try_into().ok()
}

/// A whole number from 1.
pub(super) fn positive(value: &Value) -> Option<u64> {
    whole(value).filter(|number| *number > 0)
}

fn array(value: &Value) -> Option<Vec<Value>> {
    value.as_array().cloned()
}

fn show(value: &Value) -> String {
    match value {
        Value::String(text) if is_like_a_secret(text) => {
            "a text that looks like a secret (not shown)".into()
        }
        Value::String(text) => format!("{:?}", text.chars().take(SHOWN).collect::<String>()),
        Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) => {
            value.to_string()
        }
        Value::Array(_) => "a list".into(),
        Value::Table(_) => "a table".into(),
    }
}

fn show_path(file: &Path) -> String {
    format!("file {}", file.display())
}

/// 32 bytes in hex: a key that somebody pasted where its file's name belongs.
fn is_like_a_secret(text: &str) -> bool {
    let digits = text.trim().trim_start_matches("0x");
    digits.len() == 64 && digits.bytes().all(|b| b.is_ascii_hexdigit())
}
