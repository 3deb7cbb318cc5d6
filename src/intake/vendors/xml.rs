//! An XML document as the JSON value that it resembles, so that one reader serves both.
//!
//! An element with only text is that text; with attributes or elements it is an object of them; one
//! name several times is a list. Name spaces are dropped. Documents that declare entities are refused,
//! and so are those nested deeper than any answer is.

use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::{Reader, XmlVersion};
use serde_json::{Map, Value};

use crate::intake::Unreadable;

/// Answers of the vendors nest about six deep.
const MAX_DEPTH: usize = 32;

/// Attributes beyond these are not looked at; answers have one or two.
const MAX_ATTRIBUTES: usize = 64;

/// An element that is not closed yet.
#[derive(Default)]
struct Open {
    name: String,
    fields: Map<String, Value>,
    text: String,
}

/// Reads a document: an object with its root element as the only field.
pub(crate) fn parse(text: &str) -> Result<Value, Unreadable> {
    let broken = |error: quick_xml::Error| Unreadable::new(format!("no XML: {error}"));
    let mut reader = Reader::from_str(text);
    // The bottom is the document itself.
    let mut stack = vec![Open::default()];
    loop {
        match reader.read_event().map_err(broken)? {
            Event::Start(start) => {
                if stack.len() > MAX_DEPTH {
                    let what = format!("XML nests deeper than {MAX_DEPTH} elements");
                    return Err(Unreadable::new(what));
                }
                stack.push(open(&start)?);
            }
            Event::Empty(start) => {
                let element = open(&start)?;
                close(element, &mut stack);
            }
            Event::End(_) => {
                if stack.len() > 1
                    && let Some(element) = stack.pop()
                {
                    close(element, &mut stack);
                }
            }
            Event::Text(part) => add_text(&mut stack, &part.xml10_content()),
            Event::CData(part) => add_text(&mut stack, &part.xml10_content()),
            Event::GeneralRef(name) => {
                let text = reference(&name)?;
                add_text(&mut stack, &text);
            }
            Event::DocType(_) => {
                return Err(Unreadable::new(
                    "the XML declares a document type, which is refused",
                ));
            }
            Event::Eof => break,
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
        }
    }
    match stack.pop() {
        Some(document) if stack.is_empty() && !document.fields.is_empty() => {
            Ok(Value::Object(document.fields))
        }
        _ => Err(Unreadable::new(
            "no XML: an element is not closed, or there is none",
        )),
    }
}

fn open(start: &BytesStart<'_>) -> Result<Open, Unreadable> {
    let mut element = Open {
        name: start.local_name().as_ref().to_owned(),
        ..Open::default()
    };
    // Looking for one name twice takes the square of their number, and nobody needs it.
    for attribute in start.attributes().with_checks(false).take(MAX_ATTRIBUTES) {
        let broken = |error: &dyn std::fmt::Display| Unreadable::new(format!("no XML: {error}"));
        let attribute = attribute.map_err(|error| broken(&error))?;
        let value = attribute
            .normalized_value(XmlVersion::Implicit1_0)
            .map_err(|error| broken(&error))?
            .into_owned();
        let name = attribute.key.local_name().as_ref().to_owned();
        element.fields.insert(name, Value::from(value));
    }
    Ok(element)
}

fn close(element: Open, stack: &mut [Open]) {
    let Some(parent) = stack.last_mut() else {
        return;
    };
    let text = element.text.trim();
    let value = if element.fields.is_empty() {
        Value::from(text)
    } else {
        let mut fields = element.fields;
        if !text.is_empty() {
            fields.insert("#text".to_owned(), Value::from(text));
        }
        Value::Object(fields)
    };
    match parent.fields.get_mut(&element.name) {
        Some(Value::Array(list)) => list.push(value),
        Some(first) => {
            let list = vec![first.take(), value];
            *first = Value::Array(list);
        }
        None => drop(parent.fields.insert(element.name, value)),
    }
}

fn add_text(stack: &mut [Open], text: &str) {
    if let Some(element) = stack.last_mut() {
        element.text.push_str(text);
    }
}

/// A numbered character, or one of the five entities that need no declaration.
fn reference(name: &BytesRef<'_>) -> Result<String, Unreadable> {
    let unknown = || Unreadable::new("the XML uses an entity that is not declared");
    if let Some(c) = name.resolve_char_ref().map_err(|_| unknown())? {
        return Ok(c.to_string());
    }
    let text = match name.xml10_content().as_ref() {
        "amp" => "&",
        "lt" => "<",
        "gt" => ">",
        "quot" => "\"",
        "apos" => "'",
        _ => return Err(unknown()),
    };
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: Option<&str>) {
        let expect = expect.map(|json| serde_json::from_str::<Value>(json).unwrap());
        assert_eq!(parse(text).ok(), expect, "{text}");
    }

    #[test]
    fn documents_become_values() {
        check("<a/>", Some(r#"{"a":""}"#));
        check("<a> b &amp; &#99; </a>", Some(r#"{"a":"b & c"}"#));
        check("<a><![CDATA[<b>]]></a>", Some(r#"{"a":"<b>"}"#));
        check(
            r#"<a b="1"><c>2</c></a>"#,
            Some(r#"{"a":{"b":"1","c":"2"}}"#),
        );
        check(
            "<a><c>1</c><c>2</c><c>3</c></a>",
            Some(r#"{"a":{"c":["1","2","3"]}}"#),
        );
        check(
            "<n:a xmlns:n='x'>1</n:a>",
            Some(r##"{"a":{"n":"x","#text":"1"}}"##),
        );
        check(
            "<?xml version='1.0'?><!-- x --><a>1</a>",
            Some(r#"{"a":"1"}"#),
        );
    }

    #[test]
    fn what_is_no_document_is_refused() {
        check("", None);
        check("text", None);
        check("<a>", None);
        check("<a></b>", None);
        check("<a>&other;</a>", None);
        check("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", None);
        check(&"<a>".repeat(10_000), None);
    }
}
