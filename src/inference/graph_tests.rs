//! Editing real graphs, and never falling over broken ones.

use super::*;
use proptest::prelude::*;

const TINY: &[u8] = include_bytes!("../../testdata/networks/yolox.onnx");
const LISTED: &[u8] = include_bytes!("../../testdata/networks/yolox_listed.onnx");

/// Names and dimensions of the fields `number` of the graph.
fn values(model: &[u8], number: u64) -> Vec<(String, Vec<u8>)> {
    let mut fields = graph(model).unwrap();
    let mut found = Vec::new();
    while let Some(field) = fields.next().unwrap() {
        if let (true, Value::Bytes(bytes)) = (field.number == number, &field.value) {
            let name = text(fields.within(bytes), VALUE_NAME).unwrap();
            found.push((name, bytes.to_vec()));
        }
    }
    found
}

fn names_of(model: &[u8], number: u64) -> Vec<String> {
    values(model, number)
        .into_iter()
        .map(|(name, _)| name)
        .collect()
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[test]
fn the_input_gets_its_new_size_and_outputs_lose_theirs() {
    let edited = resize_input(TINY, "images", &[1, 3, 256, 416]).unwrap();
    let inputs = values(&edited, GRAPH_INPUT);
    assert_eq!(inputs.len(), 1);
    assert!(holds(&inputs[0].1, &shape(&[1, 3, 256, 416])));
    assert!(!holds(&inputs[0].1, &shape(&[1, 3, 64, 96])));
    assert!(holds(
        &values(TINY, GRAPH_OUTPUT)[0].1,
        &shape(&[1, 126, 8])
    ));
    assert!(!holds(
        &values(&edited, GRAPH_OUTPUT)[0].1,
        &shape(&[1, 126, 8])
    ));
    assert_eq!(names_of(&edited, GRAPH_OUTPUT), ["output"]);
    assert_eq!(
        names_of(&edited, GRAPH_NODE).len(),
        names_of(TINY, GRAPH_NODE).len()
    );
}

#[test]
fn the_same_size_twice_changes_nothing_more() {
    let once = resize_input(TINY, "images", &[1, 3, 64, 96]).unwrap();
    let twice = resize_input(&once, "images", &[1, 3, 64, 96]).unwrap();
    assert_eq!(once, twice);
}

#[test]
fn initialisers_are_no_inputs() {
    assert!(names_of(LISTED, GRAPH_INPUT).len() > 1);
    let edited = resize_input(LISTED, "images", &[1, 3, 64, 96]).unwrap();
    assert_eq!(names_of(&edited, GRAPH_INPUT), ["images"]);
    let weights = names_of(LISTED, GRAPH_INITIALIZER).len();
    assert_eq!(names_of(&edited, GRAPH_INITIALIZER).len(), weights);
}

#[test]
fn an_input_that_is_not_there_is_named() {
    let refused = resize_input(LISTED, "pixels", &[1]).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "no input `pixels` in it: there is `images`"
    );
}

#[test]
fn what_is_no_model_is_refused() {
    assert_eq!(check(TINY), Ok(()));
    assert_eq!(check(&[]), Err(GraphError::NoGraph));
    assert_eq!(check(&[0x3a, 0x00]), Err(GraphError::NoGraph));
    assert_eq!(
        check(b"plain text"),
        Err(GraphError::Malformed { at: 3, length: 10 })
    );
    assert_eq!(
        check(&[0; 9]),
        Err(GraphError::Malformed { at: 2, length: 9 })
    );
    let endless = [0x80; 20];
    assert_eq!(
        check(&endless),
        Err(GraphError::Malformed { at: 10, length: 20 })
    );
}

#[test]
fn long_numbers_are_written_as_they_are_read() {
    for value in [0, 1, 127, 128, 300, 16_384, u64::from(u32::MAX), u64::MAX] {
        let mut bytes = Vec::new();
        put_varint(&mut bytes, value);
        let mut fields = Fields::of(&bytes);
        assert_eq!(fields.varint(), Ok(value));
        assert_eq!(fields.at, bytes.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Cut or scratched anywhere, a model is edited or refused; nothing falls over.
    #[test]
    fn broken_models_are_no_trouble(
        length in 0..TINY.len(),
        scratches in prop::collection::vec((0..TINY.len(), any::<u8>()), 0..8),
    ) {
        let mut bytes = TINY.to_vec();
        for (at, value) in scratches {
            bytes[at] = value;
        }
        for bytes in [&bytes[..], &bytes[..length]] {
            let checked = check(bytes);
            if let Ok(edited) = resize_input(bytes, "images", &[1, 3, 32, 32]) {
                prop_assert!(checked.is_err() || check(&edited).is_ok());
            }
        }
    }
}
