//! The fields a record of a data type has, and where their decoded values are kept.

use std::collections::HashMap;

/// What a field holds once it is decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A float; kept as f64, NaN is missing.
    Number,
    /// An integer, a bool (0 or 1) or an enum; kept as i64 with a presence mark.
    Integer,
    /// UTF-8, checked.
    Text,
    /// Any bytes.
    Bytes,
}

/// One field of a data type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Name as the schema writes it; a nested field is `a.b`.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
    /// Index among the fields of the same storage: numbers, integers, and texts and bytes together.
    pub slot: u16,
}

/// All fields of a data type. A field keeps its slot whichever model asks for it.
#[derive(Debug, Clone)]
pub struct Schema {
    data_type: String,
    fields: Vec<Field>,
    features: Vec<u16>,
    by_name: HashMap<String, u16>,
    /// Names that the format knows but cannot serve, and why.
    unserved: HashMap<String, String>,
    numbers: u16,
    integers: u16,
    texts: u16,
}

/// Fields that make no schema, or a name no field has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// Two names that match each other.
    #[error("data type `{data_type}`: fields `{first}` and `{second}` have the same name but for case, spaces, `_` and `.`")]
    Twice {
        /// Data type.
        data_type: String,
        /// The field that was there.
        first: String,
        /// The field that came.
        second: String,
    },
    /// More fields than slots.
    #[error("data type `{data_type}` has {count} fields, at most 4,096 are possible")]
    TooMany {
        /// Data type.
        data_type: String,
        /// Fields given.
        count: usize,
    },
    /// A field that is in the format's schema but cannot be used.
    #[error("data type `{data_type}`: field `{name}` cannot be used: {reason}")]
    Unserved {
        /// Data type.
        data_type: String,
        /// Name asked for.
        name: String,
        /// What is in the way.
        reason: String,
    },
    /// No field of that name.
    #[error("data type `{data_type}` has no field `{name}`; the nearest is `{nearest}`")]
    Unknown {
        /// Data type.
        data_type: String,
        /// Name asked for.
        name: String,
        /// Field whose name is nearest.
        nearest: String,
    },
}

/// A name as names are compared: without case, spaces, `_` and `.`.
#[must_use]
pub fn normalise(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, ' ' | '_' | '.')).flat_map(char::to_lowercase).collect()
}

/// The candidate nearest to `name`, for messages.
pub fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = normalise(name);
    candidates.min_by_key(|candidate| strsim::damerau_levenshtein(&wanted, &normalise(candidate)))
}

impl Schema {
    /// A schema of `fields` in their order; `features` names the ordered feature list, empty for all fields.
    ///
    /// # Errors
    /// Two fields whose names match, too many fields, or a feature that no field has.
    pub fn new(data_type: &str, fields: Vec<(String, Kind)>, features: &[String]) -> Result<Self, SchemaError> {
        Self::with_unserved(data_type, fields, features, Vec::new())
    }

    /// As [`Schema::new`]; `unserved` are names of the format's own schema that cannot be used, each with the reason.
    ///
    /// # Errors
    /// As [`Schema::new`].
    pub fn with_unserved(
        data_type: &str,
        fields: Vec<(String, Kind)>,
        features: &[String],
        unserved: Vec<(String, String)>,
    ) -> Result<Self, SchemaError> {
        if fields.len() > 4096 {
            return Err(SchemaError::TooMany { data_type: data_type.to_owned(), count: fields.len() });
        }
        let mut schema = Self {
            data_type: data_type.to_owned(),
            fields: Vec::with_capacity(fields.len()),
            features: Vec::new(),
            by_name: HashMap::new(),
            unserved: unserved.into_iter().map(|(name, reason)| (normalise(&name), reason)).collect(),
            numbers: 0,
            integers: 0,
            texts: 0,
        };
        for (name, kind) in fields {
            schema.add(name, kind)?;
        }
        schema.features = if features.is_empty() {
            (0..schema.fields.len() as u16).collect()
        } else {
            features.iter().map(|name| schema.index(name)).collect::<Result<_, _>>()?
        };
        Ok(schema)
    }

    fn add(&mut self, name: String, kind: Kind) -> Result<(), SchemaError> {
        let next = match kind {
            Kind::Number => &mut self.numbers,
            Kind::Integer => &mut self.integers,
            Kind::Text | Kind::Bytes => &mut self.texts,
        };
        let slot = *next;
        *next += 1;
        let index = self.fields.len() as u16;
        if let Some(first) = self.by_name.insert(normalise(&name), index) {
            let first = self.fields[first as usize].name.clone();
            return Err(SchemaError::Twice { data_type: self.data_type.clone(), first, second: name });
        }
        self.fields.push(Field { name, kind, slot });
        Ok(())
    }

    /// Index of the field called `name`; names match ignoring case, spaces, `_` and `.`.
    ///
    /// # Errors
    /// No such field (the error names the nearest), or one that cannot be used (it says why).
    pub fn index(&self, name: &str) -> Result<u16, SchemaError> {
        let normal = normalise(name);
        self.by_name.get(&normal).copied().ok_or_else(|| match self.unserved.get(&normal) {
            Some(reason) => {
                SchemaError::Unserved { data_type: self.data_type.clone(), name: name.to_owned(), reason: reason.clone() }
            }
            None => SchemaError::Unknown {
                data_type: self.data_type.clone(),
                name: name.to_owned(),
                nearest: nearest(name, self.fields.iter().map(|field| field.name.as_str())).unwrap_or("(none)").to_owned(),
            },
        })
    }

    /// Name of the data type.
    #[must_use]
    pub fn data_type(&self) -> &str {
        &self.data_type
    }

    /// All fields.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Indices of the ordered feature list.
    #[must_use]
    pub fn features(&self) -> &[u16] {
        &self.features
    }

    /// How many fields are numbers, integers, and texts or bytes.
    #[must_use]
    pub fn slots(&self) -> (usize, usize, usize) {
        (self.numbers as usize, self.integers as usize, self.texts as usize)
    }
}
