//! Descriptions: those of the project, and everything that can be wrong with one.

use super::*;

const GOOD: &str = r#"family = "yolox"
licence = "Apache-2.0"
source = "https://example.org/model"
file = "weights.onnx"
url = "https://example.org/weights.onnx"
sha256 = "e8af074932d4ed7e232278e3055cefcdea3edf178874a3694ae292649fb464dd"

[input]
name = "images"
width = 416
height = 416
flexible = true
colour = "bgr"
placement = "top_left"

[output]
names = ["output"]
strides = [8, 16, 32]
classes = 80
person = 0

[thresholds]
score = 0.1
overlap = 0.45
"#;

fn parse(text: &str) -> Result<Manifest, Vec<String>> {
    Manifest::parse(Path::new("models/mine"), "model.toml", text).map_err(|error| match error {
        InferenceError::Manifest { problems } => problems,
        other => vec![other.to_string()],
    })
}

#[test]
fn the_projects_own_descriptions_are_sound() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.join("model.toml").is_file() {
            let manifest = Manifest::load(&path).unwrap();
            assert!(!manifest.licence.contains("AGPL") || manifest.known_hashes().is_empty());
            names.push(manifest.name);
        }
    }
    for name in ["yolox_nano", "nanodet_m", "hog"] {
        assert!(
            names.iter().any(|known| known == name),
            "{name} of {names:?}"
        );
    }
}

#[test]
fn a_sound_description_is_read_whole() {
    let manifest = parse(GOOD).unwrap();
    assert_eq!(manifest.name, "mine");
    assert_eq!(manifest.family, Family::YoloX);
    assert_eq!(manifest.input.size, (416, 416));
    assert_eq!(manifest.input.pad, 114);
    assert_eq!(manifest.input.person_px, PersonPx::USUAL);
    let short = parse(&GOOD.replace("flexible", "person_px = [60, 20.5]\nflexible")).unwrap();
    let wanted = PersonPx {
        nearest: 60.0,
        furthest: 20.5,
    };
    assert_eq!(short.input.person_px, wanted);
    assert_eq!(
        manifest.input.normalise,
        Normalise::new(Colour::Bgr, [0.0; 3], [1.0; 3])
    );
    assert_eq!(manifest.output.strides, [8, 16, 32]);
    assert_eq!(manifest.known_hashes().len(), 1);
}

#[test]
fn levels_are_normalised_in_the_range_that_is_said() {
    let with = |lines: &str| {
        parse(&GOOD.replace("colour = \"bgr\"", &format!("colour = \"rgb\"\n{lines}"))).unwrap()
    };
    let plain = with("range = \"0-1\"").input.normalise;
    assert_eq!(plain, Normalise::new(Colour::Rgb, [0.0; 3], [255.0; 3]));
    let whole = with("mean = [1, 2, 3]\nstd = [4, 5, 6]").input.normalise;
    assert_eq!(
        whole,
        Normalise::new(Colour::Rgb, [1.0, 2.0, 3.0], [4.0, 5.0, 6.0])
    );
    let unit = with("range = \"0-1\"\nmean = [0.2, 0.4, 0.6]\nstd = [0.1, 0.1, 0.1]");
    let expect = Normalise::new(Colour::Rgb, [51.0, 102.0, 153.0], [25.5; 3]);
    for plane in 0..3 {
        let (found, expect) = (unit.input.normalise.of(plane), expect.of(plane));
        assert!((found.0 - expect.0).abs() < 1e-5 && (found.1 - expect.1).abs() < 1e-4);
    }
}

#[test]
fn each_mistake_is_named_with_its_line() {
    let cases: &[(&str, &str, &str)] = &[
        ("family = \"yolox\"", "", "model.toml:1: family is missing"),
        (
            "\"yolox\"",
            "\"yolo\"",
            "model.toml:1: family is \"yolo\", not one of yolox, yolov8",
        ),
        (
            "\"yolox\"",
            "7",
            "model.toml:1: family must be a string, not integer",
        ),
        ("licence = \"Apache-2.0\"", "", "licence is missing"),
        (
            "licence =",
            "license =",
            "model.toml:2: unknown key license",
        ),
        (
            "source = \"https://example.org/model\"",
            "",
            "source is missing",
        ),
        ("file = \"weights.onnx\"", "", "file is missing"),
        (
            "\"weights.onnx\"",
            "\"../weights.onnx\"",
            "model.toml:4: file is \"../weights.onnx\", not a plain",
        ),
        ("\"weights.onnx\"", "\"a/b.onnx\"", "not a plain file name"),
        (
            "url = \"https",
            "url = \"ftp",
            "model.toml:5: url must begin with https",
        ),
        (
            "sha256 = \"e8",
            "# \"e8",
            "model.toml:5: a url needs a sha256",
        ),
        ("fb464dd", "fb464d", "model.toml:6: a sha256 is 64"),
        ("fb464dd", "FB464DD", "model.toml:6: a sha256 is 64"),
        ("[input]", "[inputs]", "model.toml:8: unknown key inputs"),
        ("[input]", "[inputs]", "input is missing"),
        (
            "name = \"images\"",
            "",
            "model.toml:8: input.name is missing",
        ),
        (
            "width = 416",
            "width = 400",
            "model.toml:10: input.width is 400, not a multiple of 32",
        ),
        (
            "width = 416",
            "width = 0",
            "model.toml:10: input.width is 0, outside 32 to 4096",
        ),
        (
            "width = 416",
            "width = -416",
            "input.width is -416, outside",
        ),
        (
            "width = 416",
            "width = 416.5",
            "input.width must be a whole number, not float",
        ),
        (
            "height = 416",
            "height = 99999",
            "input.height is 99999, outside",
        ),
        ("height = 416", "", "input.height is missing"),
        (
            "flexible = true",
            "flexible = 1",
            "model.toml:12: input.flexible must be true or false",
        ),
        (
            "\"bgr\"",
            "\"grb\"",
            "model.toml:13: input.colour is \"grb\", not one of rgb, bgr",
        ),
        ("colour = \"bgr\"", "", "input.colour is missing"),
        (
            "\"top_left\"",
            "\"left\"",
            "model.toml:14: input.placement is \"left\"",
        ),
        (
            "\"top_left\"",
            "\"top_left\"\npad = 300",
            "model.toml:15: input.pad is 300, outside 0 to 255",
        ),
        (
            "\"top_left\"",
            "\"top_left\"\nperson_px = [40, 60]",
            "model.toml:15: input.person_px wants two heights",
        ),
        (
            "\"top_left\"",
            "\"top_left\"\nperson_px = [40]",
            "model.toml:15: input.person_px wants two heights",
        ),
        (
            "\"top_left\"",
            "\"top_left\"\nmean = [1, 2]",
            "model.toml:15: input.mean wants three numbers",
        ),
        (
            "\"top_left\"",
            "\"top_left\"\nstd = [1, 0, 1]",
            "model.toml:15: input.std must be above 0",
        ),
        (
            "\"top_left\"",
            "\"top_left\"\nstd = \"1\"",
            "input.std must be a list of numbers, not string",
        ),
        (
            "\"top_left\"",
            "\"top_left\"\nrange = \"0-2\"",
            "input.range is \"0-2\", not one of 0-255, 0-1",
        ),
        (
            "[\"output\"]",
            "\"output\"",
            "model.toml:17: output.names must be a list of strings",
        ),
        (
            "[\"output\"]",
            "[]",
            "model.toml:17: output.names has 0, family yolox reads 1",
        ),
        (
            "[\"output\"]",
            "[\"a\", \"b\"]",
            "output.names has 2, family yolox reads 1",
        ),
        ("strides = [8, 16, 32]", "", "output.strides is missing"),
        (
            "[8, 16, 32]",
            "[8, 16.5]",
            "model.toml:18: output.strides holds 16.5",
        ),
        ("[8, 16, 32]", "[0]", "output.strides holds 0"),
        (
            "classes = 80",
            "classes = 0",
            "model.toml:19: output.classes is 0, outside",
        ),
        (
            "person = 0",
            "person = 80",
            "model.toml:20: output.person is 80, but there are 80 classes",
        ),
        ("person = 0", "", "output.person is missing"),
        (
            "score = 0.1",
            "score = 1.1",
            "model.toml:23: thresholds.score is 1.1, outside 0 to 1",
        ),
        (
            "score = 0.1",
            "score = nan",
            "thresholds.score must be a number",
        ),
        (
            "overlap = 0.45",
            "",
            "model.toml:22: thresholds.overlap is missing",
        ),
        (
            "overlap = 0.45",
            "overlap = 0.45\nnms = 3",
            "model.toml:25: unknown key thresholds.nms",
        ),
        ("[thresholds]", "[thresholds", "model.toml:22:"),
        (
            "overlap = 0.45",
            "overlap = 0.45\n[[measured]]\nwhat = \"ms\"",
            "measured[0].value is missing",
        ),
        (
            "overlap = 0.45",
            "overlap = 0.45\nmeasured = 3",
            "unknown key thresholds.measured",
        ),
        ("\"yolox\"", "\"nanodet\"", "output.bins is missing"),
        (
            "\"yolox\"",
            "\"nanodet\"",
            "output.names has 1, family nanodet reads 6",
        ),
        (
            "\"yolox\"",
            "\"detr\"",
            "output.names has 1, family detr reads 3",
        ),
        (
            "\"yolox\"",
            "\"hog\"",
            "model.toml:4: family hog has no weights",
        ),
    ];
    for (from, to, expect) in cases {
        assert!(GOOD.contains(from), "{from}");
        let problems = parse(&GOOD.replacen(from, to, 1)).expect_err(expect);
        assert!(
            problems.iter().any(|p| p.contains(expect)),
            "{expect}: {problems:?}"
        );
    }
}

#[test]
fn all_mistakes_are_named_at_once() {
    let text = GOOD
        .replace("width = 416", "width = 400")
        .replace("classes = 80", "classes = \"many\"")
        .replace("score = 0.1", "score = 2")
        .replace("licence", "license");
    let problems = parse(&text).unwrap_err();
    insta::assert_snapshot!(problems.join("\n"), @r#"
    model.toml:1: licence is missing
    model.toml:2: unknown key license
    model.toml:10: input.width is 400, not a multiple of 32
    model.toml:19: output.classes must be a whole number, not string
    model.toml:23: thresholds.score is 2, outside 0 to 1
    "#);
}

#[test]
fn a_missing_file_is_said() {
    let message = Manifest::load(Path::new("nowhere"))
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("nowhere/model.toml: can't be read"),
        "{message}"
    );
}
