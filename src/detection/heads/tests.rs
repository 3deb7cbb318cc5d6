//! Every family against a reference decode in Python (testdata/heads/make.py), and what each refuses.

use serde::Deserialize;

use super::*;
use proptest::prelude::*;

/// A reference decode, as make.py writes it.
#[derive(Debug, Deserialize)]
struct Fixture {
    input: (u32, u32),
    strides: Vec<u32>,
    classes: usize,
    person: usize,
    threshold: f32,
    tensors: Vec<Owned>,
    boxes: Vec<[f32; 5]>,
    #[serde(default)]
    bins: usize,
    #[serde(default)]
    anchor: f32,
    #[serde(default)]
    labels: Vec<i64>,
    /// Body, foot and top of the head of each box.
    #[serde(default)]
    parts: Vec<[f32; 8]>,
}

#[derive(Debug, Clone, Deserialize)]
struct Owned {
    name: String,
    shape: Vec<i64>,
    data: Vec<f32>,
}

impl Owned {
    fn tensor(&self) -> Tensor<'_> {
        Tensor {
            name: &self.name,
            shape: &self.shape,
            data: &self.data,
        }
    }
}

const FAMILIES: [(&str, &str); 6] = [
    ("yolox", include_str!("../../../testdata/heads/yolox.json")),
    (
        "yolov8",
        include_str!("../../../testdata/heads/yolov8.json"),
    ),
    (
        "nanodet",
        include_str!("../../../testdata/heads/nanodet.json"),
    ),
    (
        "lintel",
        include_str!("../../../testdata/heads/lintel.json"),
    ),
    ("detr", include_str!("../../../testdata/heads/detr.json")),
    (
        "detr_logits",
        include_str!("../../../testdata/heads/detr_logits.json"),
    ),
];

fn fixture(family: &str) -> Fixture {
    let (_, text) = FAMILIES.iter().find(|(name, _)| *name == family).unwrap();
    serde_json::from_str(text).unwrap()
}

impl Fixture {
    fn decode(&self, family: &str) -> Result<Vec<Candidate>, HeadError> {
        let mut out = Vec::new();
        let (classes, person, strides) = (self.classes, self.person, self.strides.clone());
        let tensor = |index: usize| self.tensors[index].tensor();
        let (input, threshold) = (self.input, self.threshold);
        match family {
            "yolox" => YoloX {
                strides,
                classes,
                person,
            }
            .decode(tensor(0), input, threshold, &mut out),
            "yolov8" => YoloV8 {
                strides,
                classes,
                person,
            }
            .decode(tensor(0), input, threshold, &mut out),
            "nanodet" => {
                let tensors: Vec<_> = self.tensors.iter().map(Owned::tensor).collect();
                NanoDet {
                    strides,
                    classes,
                    person,
                    bins: self.bins,
                    anchor: self.anchor,
                }
                .decode(&tensors, input, threshold, &mut out)
            }
            "lintel" => Lintel { strides }.decode(tensor(0), input, threshold, &mut out),
            "detr" => DetrBoxes {
                person: person as i64,
            }
            .decode(&self.labels, tensor(0), tensor(1), threshold, &mut out),
            _ => DetrLogits { classes, person }.decode(
                tensor(0),
                tensor(1),
                input,
                threshold,
                &mut out,
            ),
        }?;
        Ok(out)
    }
}

#[test]
fn every_family_decodes_as_its_reference() {
    for (family, _) in FAMILIES {
        let fixture = fixture(family);
        let found = fixture.decode(family).unwrap();
        assert_eq!(found.len(), fixture.boxes.len(), "{family}");
        for (found, &[left, top, right, bottom, score]) in found.iter().zip(&fixture.boxes) {
            let pairs = [
                (found.left, left),
                (found.top, top),
                (found.right, right),
                (found.bottom, bottom),
                (found.score, score),
            ];
            for (found, expect) in pairs {
                assert!(
                    (found - expect).abs() < 2e-3,
                    "{family}: {found} not {expect}"
                );
            }
        }
    }
}

#[test]
fn foot_head_and_body_come_with_the_box() {
    let fixture = fixture("lintel");
    let found = fixture.decode("lintel").unwrap();
    assert!(!fixture.parts.is_empty());
    for (found, expect) in found.iter().zip(&fixture.parts) {
        let parts = found.parts.unwrap();
        let [left, top, right, bottom] = parts.body;
        let (foot, head) = (parts.foot, parts.head_top);
        let found = [left, top, right, bottom, foot.0, foot.1, head.0, head.1];
        for (found, expect) in found.iter().zip(expect) {
            assert!((found - expect).abs() < 2e-3, "{found} not {expect}");
        }
    }
}

#[test]
fn a_wrong_shape_is_refused_by_name() {
    for (family, _) in FAMILIES {
        let count = fixture(family).tensors.len();
        for index in 0..count {
            let name = fixture(family).tensors[index].name.clone();
            let damages: [fn(&mut Owned); 4] = [
                |t| t.shape[0] = 2,
                |t| t.shape.push(1),
                |t| *t.shape.last_mut().unwrap() += 1,
                |t| {
                    t.data.pop();
                },
            ];
            for (step, damage) in damages.iter().enumerate() {
                let mut fixture = fixture(family);
                damage(&mut fixture.tensors[index]);
                // A DETR's queries are counted from its own tensors: the other one is to blame then.
                let refused = fixture.decode(family).unwrap_err();
                let HeadError::Shape { output, .. } = &refused else {
                    panic!("{family} {step}: {refused}");
                };
                let known: Vec<_> = fixture.tensors.iter().map(|t| t.name.clone()).collect();
                assert!(
                    known.contains(output) && known.contains(&name),
                    "{family}: {refused}"
                );
            }
        }
    }
}

#[test]
fn a_missing_level_is_refused() {
    let mut fixture = fixture("nanodet");
    fixture.tensors.pop();
    let expect = HeadError::Count {
        expected: 6,
        found: 5,
    };
    assert_eq!(fixture.decode("nanodet"), Err(expect));
}

#[test]
fn a_number_that_is_none_is_refused_where_it_matters() {
    for (family, _) in FAMILIES {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for index in 0..fixture(family).tensors.len() {
                let mut fixture = fixture(family);
                fixture.threshold = 0.0;
                fixture.tensors[index].data.fill(bad);
                let refused = fixture.decode(family).unwrap_err();
                let HeadError::NotFinite { output, value, .. } = &refused else {
                    panic!("{family}: {refused}");
                };
                assert_eq!(output, &fixture.tensors[index].name);
                assert_eq!(value, &bad.to_string());
            }
        }
    }
}

#[test]
fn a_score_above_one_is_refused() {
    for family in ["yolox", "yolov8", "nanodet", "lintel", "detr"] {
        let mut fixture = fixture(family);
        for tensor in &mut fixture.tensors {
            tensor.data.fill(3.0);
        }
        let refused = fixture.decode(family).unwrap_err();
        assert!(
            matches!(refused, HeadError::Score { .. }),
            "{family}: {refused}"
        );
        assert!(refused.to_string().contains("outside 0 to 1"), "{refused}");
    }
}

#[test]
fn a_size_beyond_all_numbers_is_refused() {
    let mut fixture = fixture("yolox");
    let columns = 5 + fixture.classes;
    let row = &mut fixture.tensors[0].data[..columns];
    row.copy_from_slice(&[0.0, 0.0, 1.0, 200.0, 1.0, 1.0, 1.0, 1.0]);
    let refused = fixture.decode("yolox").unwrap_err();
    assert!(
        matches!(refused, HeadError::NotFinite { index: 3, .. }),
        "{refused}"
    );
}

proptest! {
    /// Whatever numbers come, an answer comes back: boxes that are numbers, or a refusal.
    #[test]
    fn any_numbers_are_decoded_or_refused(
        which in 0_usize..6,
        seed in prop::collection::vec(any::<f32>(), 8),
        turn in 0_usize..8,
    ) {
        let (family, _) = FAMILIES[which];
        let mut fixture = fixture(family);
        for tensor in &mut fixture.tensors {
            for (index, value) in tensor.data.iter_mut().enumerate() {
                if (index + turn) % 5 == 0 {
                    *value = seed[(index + turn) % seed.len()];
                }
            }
        }
        if let Ok(found) = fixture.decode(family) {
            for candidate in found {
                prop_assert!(candidate.score > fixture.threshold && candidate.score <= 1.0);
                prop_assert!(!candidate.left.is_nan() && !candidate.bottom.is_nan());
            }
        }
    }
}
