//! Small edits of an ONNX file's graph, without a protobuf library.
//!
//! Published detectors often fix the input's size although their layers would take any. The file
//! is a protobuf message; [`resize_input`] copies it and changes three things: the dimensions of
//! one input, the declared shapes of outputs and inner values (left for the runtime to work out),
//! and, while at it, initialisers listed as inputs are taken off that list, which lets the runtime
//! fold constants. Weights are copied untouched. Everything else passes through byte for byte.
//!
//! It does not check that the layers really take the new size: the runtime says so when it loads.
//!
//! Field numbers are those of onnx.proto3 (ONNX IR version 3 and later).

use thiserror::Error;

/// `ModelProto.graph`.
const MODEL_GRAPH: u64 = 7;
/// `GraphProto` fields.
const GRAPH_NODE: u64 = 1;
const GRAPH_INITIALIZER: u64 = 5;
const GRAPH_INPUT: u64 = 11;
const GRAPH_OUTPUT: u64 = 12;
const GRAPH_VALUE_INFO: u64 = 13;
/// `ValueInfoProto.name` and `.type`.
const VALUE_NAME: u64 = 1;
const VALUE_TYPE: u64 = 2;
/// `TypeProto.tensor_type`, and in it `elem_type` and `shape`.
const TYPE_TENSOR: u64 = 1;
const TENSOR_SHAPE: u64 = 2;
/// `TensorShapeProto.dim` and in it `dim_value`.
const SHAPE_DIM: u64 = 1;
const DIM_VALUE: u64 = 1;
/// `TensorProto.name`.
const INITIALIZER_NAME: u64 = 8;

/// Why a file is not an ONNX model that can be edited.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum GraphError {
    /// The bytes end in the middle of something, or are no protobuf at all.
    #[error("not an ONNX model, or cut short (at byte {at} of {length})")]
    Malformed {
        /// Where it stops making sense.
        at: usize,
        /// How long the file is.
        length: usize,
    },
    /// A protobuf, but without a graph with nodes.
    #[error("no ONNX graph in it")]
    NoGraph,
    /// The graph has no such input.
    #[error("no input `{wanted}` in it: there is {}", names(found))]
    NoInput {
        /// The input looked for.
        wanted: String,
        /// The inputs there are.
        found: Vec<String>,
    },
}

fn names(found: &[String]) -> String {
    match found {
        [] => "none".to_owned(),
        names => format!("`{}`", names.join("`, `")),
    }
}

/// One field of a message: its number, and its value with the bytes of the whole field.
struct Field<'a> {
    number: u64,
    value: Value<'a>,
    raw: &'a [u8],
}

enum Value<'a> {
    Bytes(&'a [u8]),
    /// A number: passed through as it is.
    Number,
}

/// Walks the fields of a message. `base` is where it begins in the file, for messages.
struct Fields<'a> {
    bytes: &'a [u8],
    at: usize,
    base: usize,
    length: usize,
}

impl<'a> Fields<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            at: 0,
            base: 0,
            length: bytes.len(),
        }
    }

    /// Fields of `inner`, a part of the same file.
    fn within(&self, inner: &'a [u8]) -> Self {
        let offset = inner.as_ptr() as usize - self.bytes.as_ptr() as usize;
        Self {
            bytes: inner,
            at: 0,
            base: self.base + offset,
            length: self.length,
        }
    }

    fn malformed(&self) -> GraphError {
        GraphError::Malformed {
            at: self.base + self.at,
            length: self.length,
        }
    }

    fn varint(&mut self) -> Result<u64, GraphError> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let Some(&byte) = self.bytes.get(self.at) else {
                return Err(self.malformed());
            };
            self.at += 1;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(self.malformed())
    }

    fn skip(&mut self, count: u64) -> Result<&'a [u8], GraphError> {
        let end = usize::try_from(count)
            .ok()
            .and_then(|count| self.at.checked_add(count));
        let Some(slice) = end.and_then(|end| self.bytes.get(self.at..end)) else {
            return Err(self.malformed());
        };
        self.at += slice.len();
        Ok(slice)
    }

    fn next(&mut self) -> Result<Option<Field<'a>>, GraphError> {
        if self.at == self.bytes.len() {
            return Ok(None);
        }
        let first = self.at;
        let key = self.varint()?;
        let value = match key & 7 {
            0 => {
                self.varint()?;
                Value::Number
            }
            1 => {
                self.skip(8)?;
                Value::Number
            }
            2 => {
                let count = self.varint()?;
                Value::Bytes(self.skip(count)?)
            }
            5 => {
                self.skip(4)?;
                Value::Number
            }
            _ => return Err(self.malformed()),
        };
        if key >> 3 == 0 {
            return Err(self.malformed());
        }
        Ok(Some(Field {
            number: key >> 3,
            value,
            raw: &self.bytes[first..self.at],
        }))
    }
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn put_bytes(out: &mut Vec<u8>, number: u64, bytes: &[u8]) {
    put_varint(out, number << 3 | 2);
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// The graph inside a model file, as a walker that knows its place.
fn graph(model: &[u8]) -> Result<Fields<'_>, GraphError> {
    let mut fields = Fields::of(model);
    let mut found = None;
    while let Some(field) = fields.next()? {
        if let (MODEL_GRAPH, Value::Bytes(bytes)) = (field.number, field.value) {
            found = Some(fields.within(bytes));
        }
    }
    found.ok_or(GraphError::NoGraph)
}

/// Refuses bytes that can't be an ONNX model, before the runtime sees them.
pub fn check(model: &[u8]) -> Result<(), GraphError> {
    let mut fields = graph(model)?;
    let mut nodes = 0;
    while let Some(field) = fields.next()? {
        if field.number == GRAPH_NODE {
            nodes += 1;
        }
    }
    if nodes == 0 {
        Err(GraphError::NoGraph)
    } else {
        Ok(())
    }
}

/// The string field `number` of a message.
fn text(mut fields: Fields<'_>, number: u64) -> Result<String, GraphError> {
    while let Some(field) = fields.next()? {
        if let (true, Value::Bytes(bytes)) = (field.number == number, field.value) {
            return Ok(String::from_utf8_lossy(bytes).into_owned());
        }
    }
    Ok(String::new())
}

/// The model with input `name` of shape `dims`, and all other shapes left to be inferred.
pub fn resize_input(model: &[u8], name: &str, dims: &[u64]) -> Result<Vec<u8>, GraphError> {
    let graph_fields = graph(model)?;
    let edited = resize_in_graph(graph_fields, name, dims)?;
    let mut out = Vec::with_capacity(model.len() + 64);
    let mut fields = Fields::of(model);
    while let Some(field) = fields.next()? {
        if field.number == MODEL_GRAPH {
            put_bytes(&mut out, MODEL_GRAPH, &edited);
        } else {
            out.extend_from_slice(field.raw);
        }
    }
    Ok(out)
}

fn resize_in_graph(graph: Fields<'_>, name: &str, dims: &[u64]) -> Result<Vec<u8>, GraphError> {
    let initialised = initialisers(graph.within(graph.bytes))?;
    let mut out = Vec::with_capacity(graph.bytes.len() + 64);
    let mut inputs = Vec::new();
    let mut resized = false;
    let mut fields = graph;
    while let Some(field) = fields.next()? {
        match (field.number, &field.value) {
            (GRAPH_VALUE_INFO, _) => {}
            (GRAPH_INPUT, Value::Bytes(bytes)) => {
                let found = text(fields.within(bytes), VALUE_NAME)?;
                if found == name {
                    resized = true;
                    let value = with_shape(fields.within(bytes), Some(dims))?;
                    put_bytes(&mut out, GRAPH_INPUT, &value);
                } else if initialised.binary_search(&found).is_err() {
                    inputs.push(found);
                    out.extend_from_slice(field.raw);
                }
            }
            (GRAPH_OUTPUT, Value::Bytes(bytes)) => {
                let value = with_shape(fields.within(bytes), None)?;
                put_bytes(&mut out, GRAPH_OUTPUT, &value);
            }
            _ => out.extend_from_slice(field.raw),
        }
    }
    if resized {
        Ok(out)
    } else {
        Err(GraphError::NoInput {
            wanted: name.to_owned(),
            found: inputs,
        })
    }
}

/// Names of the graph's initialisers, sorted.
fn initialisers(mut graph: Fields<'_>) -> Result<Vec<String>, GraphError> {
    let mut names = Vec::new();
    while let Some(field) = graph.next()? {
        if let (GRAPH_INITIALIZER, Value::Bytes(bytes)) = (field.number, field.value) {
            names.push(text(graph.within(bytes), INITIALIZER_NAME)?);
        }
    }
    names.sort();
    Ok(names)
}

/// A `ValueInfoProto` whose tensor has the shape `dims`, or none.
fn with_shape(mut value: Fields<'_>, dims: Option<&[u64]>) -> Result<Vec<u8>, GraphError> {
    let mut out = Vec::new();
    while let Some(field) = value.next()? {
        match field.value {
            Value::Bytes(bytes) if field.number == VALUE_TYPE => {
                let edited = with_type_shape(value.within(bytes), dims)?;
                put_bytes(&mut out, VALUE_TYPE, &edited);
            }
            _ => out.extend_from_slice(field.raw),
        }
    }
    Ok(out)
}

fn with_type_shape(mut kind: Fields<'_>, dims: Option<&[u64]>) -> Result<Vec<u8>, GraphError> {
    let mut out = Vec::new();
    while let Some(field) = kind.next()? {
        match field.value {
            Value::Bytes(bytes) if field.number == TYPE_TENSOR => {
                let mut tensor = Vec::new();
                let mut inner = kind.within(bytes);
                while let Some(part) = inner.next()? {
                    if part.number != TENSOR_SHAPE {
                        tensor.extend_from_slice(part.raw);
                    }
                }
                if let Some(dims) = dims {
                    put_bytes(&mut tensor, TENSOR_SHAPE, &shape(dims));
                }
                put_bytes(&mut out, TYPE_TENSOR, &tensor);
            }
            _ => out.extend_from_slice(field.raw),
        }
    }
    Ok(out)
}

fn shape(dims: &[u64]) -> Vec<u8> {
    let mut out = Vec::new();
    for &dim in dims {
        let mut inner = Vec::new();
        put_varint(&mut inner, DIM_VALUE << 3);
        put_varint(&mut inner, dim);
        put_bytes(&mut out, SHAPE_DIM, &inner);
    }
    out
}

#[cfg(test)]
#[path = "graph_tests.rs"]
mod tests;
