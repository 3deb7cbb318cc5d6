//! A detector network run by ONNX Runtime.
//!
//! The network is loaded for one input size and loaded again when a picture wants another: fixed
//! sizes let the runtime plan its memory and fold what depends on them. One thread a session and no
//! spinning by default: several cameras share a box, and one session with several threads is no
//! faster than several sessions with one (`tailgate models bench` measures it).
//!
//! The tensor is this detector's own and is handed to the runtime by reference; outputs live in the
//! runtime's arena. Nothing else is allocated for a frame, but a list of tensors for families with many.

use std::time::Instant;

use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use ort::session::{Session, SessionInputValue, SessionOutputs};
use ort::value::{TensorRef, ValueType};

use super::manifest::{Family, INPUT_MULTIPLE, Manifest};
use super::weights::Weights;
use super::{Detector, InferenceError, Preparer, Provider, Report, YuvView, graph, runtime};
use crate::detection::heads::{
    Candidate, DetrBoxes, DetrLogits, HeadError, Lintel, NanoDet, Tensor, YoloV8, YoloX,
};
use crate::detection::{Detection, Letterbox, SourceRect, suppress};

/// Which input size the network is run at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum InputSize {
    /// As published, padding and all.
    Published,
    /// The longer side as published, the shorter as the picture needs it: less to compute at the
    /// same scale. As published where the network takes no other size.
    #[default]
    Tight,
    /// The longer side given, px; the shorter as the picture needs it.
    LongSide(u32),
    /// Exactly this width and height, px.
    Exact(u32, u32),
}

/// How a network is run.
#[derive(Debug, Clone, PartialEq)]
pub struct OnnxOptions {
    /// The input's size.
    pub size: InputSize,
    /// The part of the picture that matters; the whole when `None`.
    pub source: Option<SourceRect>,
    /// Width and height of the pictures to come, if known: saves loading twice.
    pub picture: Option<(u32, u32)>,
    /// Threads in one inference.
    pub threads: usize,
    /// Boxes surer than this are kept; the description's own threshold when `None`.
    pub score: Option<f64>,
    /// What computes the network.
    pub provider: Provider,
}

impl Default for OnnxOptions {
    fn default() -> Self {
        Self {
            size: InputSize::default(),
            source: None,
            picture: None,
            threads: 1,
            score: None,
            provider: Provider::default(),
        }
    }
}

/// A loaded network, ready for pictures.
pub struct OnnxDetector {
    manifest: Manifest,
    options: OnnxOptions,
    head: Head,
    weights: Weights,
    identity: String,
    loaded: Loaded,
    preparer: Preparer,
    candidates: Vec<Candidate>,
    score: f32,
}

/// A session for one input size, with its tensor.
struct Loaded {
    session: Session,
    input: (u32, u32),
    tensor: Vec<f32>,
    /// Width and height for networks that ask for them.
    size: [i64; 2],
    fresh: bool,
}

/// The family's decoder.
#[derive(Debug, Clone)]
enum Head {
    YoloX(YoloX),
    YoloV8(YoloV8),
    NanoDet(NanoDet),
    Lintel(Lintel),
    DetrBoxes(DetrBoxes),
    DetrLogits(DetrLogits),
}

impl OnnxDetector {
    /// Loads the network of `manifest` from `weights`, and runs it once on grey to see that it is
    /// what the description says.
    pub fn open(
        manifest: &Manifest,
        weights: Weights,
        options: OnnxOptions,
    ) -> Result<Self, InferenceError> {
        let head = Head::new(manifest)?;
        let picture = options.picture.unwrap_or(manifest.input.size);
        let source = source_of(&options, picture);
        let input = input_size(manifest, &options, source)?;
        let loaded = Loaded::new(manifest, &weights, &head, &options, input)?;
        let identity = identity(&weights, options.provider);
        let score = options.score.unwrap_or(manifest.thresholds.score) as f32;
        let preparer = Preparer::new(manifest.input.normalise.clone(), manifest.input.pad);
        Ok(Self {
            manifest: manifest.clone(),
            options,
            head,
            identity,
            weights,
            loaded,
            preparer,
            candidates: Vec::new(),
            score,
        })
    }

    /// Looks only at `source` from now on; at the whole picture when `None`.
    pub fn look_at(&mut self, source: Option<SourceRect>) {
        self.options.source = source;
    }

    /// Width and height that the network works on now, px.
    pub fn input(&self) -> (u32, u32) {
        self.loaded.input
    }

    /// How `frame` is laid into the input, loading the network anew if it wants another size.
    fn lay(&mut self, frame: &YuvView<'_>) -> Result<Letterbox, InferenceError> {
        let picture = (frame.width as u32, frame.height as u32);
        let source = source_of(&self.options, picture);
        let input = input_size(&self.manifest, &self.options, source)?;
        if input != self.loaded.input {
            self.loaded = Loaded::new(
                &self.manifest,
                &self.weights,
                &self.head,
                &self.options,
                input,
            )?;
        }
        Ok(Letterbox::new(source, input, self.manifest.input.placement))
    }
}

impl Detector for OnnxDetector {
    fn name(&self) -> &str {
        &self.manifest.name
    }

    fn identity(&self) -> &str {
        &self.identity
    }

    fn detect(
        &mut self,
        frame: &YuvView<'_>,
        out: &mut Vec<Detection>,
    ) -> Result<Report, InferenceError> {
        out.clear();
        let begin = Instant::now();
        frame.check()?;
        let laid = self.lay(frame)?;
        let loaded = &mut self.loaded;
        self.preparer
            .fill(frame, &laid, loaded.fresh, &mut loaded.tensor)?;
        loaded.fresh = false;
        let prepared = Instant::now();
        let Loaded {
            session,
            tensor,
            size,
            input,
            ..
        } = loaded;
        let outputs = run(session, &self.manifest, *input, tensor, size)?;
        let inferred = Instant::now();
        self.candidates.clear();
        self.head.decode(
            &self.manifest,
            &outputs,
            *input,
            self.score,
            &mut self.candidates,
        )?;
        let lost = suppress(
            &mut self.candidates,
            self.manifest.thresholds.overlap as f32,
        );
        let people = self.candidates.iter();
        out.extend(people.filter_map(|candidate| in_image(candidate, &laid)));
        Ok(Report {
            prepare: prepared - begin,
            infer: inferred - prepared,
            decode: inferred.elapsed(),
            input: laid.input,
            lost,
        })
    }
}

/// A person in the picture's pixels; none for a box without an area, which says nothing about where
/// somebody stands.
fn in_image(candidate: &Candidate, laid: &Letterbox) -> Option<Detection> {
    let edges = [
        candidate.left,
        candidate.top,
        candidate.right,
        candidate.bottom,
    ];
    let [left, top, right, bottom] = edges.map(f64::from);
    let bbox = laid.box_in_image(left, top, right, bottom);
    let point = |(x, y): (f32, f32)| laid.point_in_image(f64::from(x), f64::from(y));
    bbox.is_sound().then(|| Detection {
        foot: candidate.parts.map(|parts| point(parts.foot)),
        head: candidate.parts.map(|parts| point(parts.head_top)),
        ..Detection::new(bbox, f64::from(candidate.score))
    })
}

impl Loaded {
    fn new(
        manifest: &Manifest,
        weights: &Weights,
        head: &Head,
        options: &OnnxOptions,
        input: (u32, u32),
    ) -> Result<Self, InferenceError> {
        let (width, height) = (u64::from(input.0), u64::from(input.1));
        let dims = [1, 3, height, width];
        let bytes = graph::resize_input(&weights.bytes, &manifest.input.name, &dims);
        let bytes = bytes.map_err(|error| match error {
            graph::GraphError::NoInput { .. } => mismatch(manifest, error.to_string()),
            other => InferenceError::Weights {
                model: manifest.name.clone(),
                path: weights.path.clone(),
                problem: other.to_string(),
            },
        })?;
        let environment = runtime::environment()?;
        let session = build(&environment, options, &bytes)
            .map_err(|message| refused(manifest, input, "load the network", message))?;
        check_interface(manifest, &session)?;
        let mut loaded = Self {
            session,
            input,
            tensor: vec![0.0; Preparer::elements(input)],
            size: [i64::from(input.0), i64::from(input.1)],
            fresh: true,
        };
        loaded.probe(manifest, head)?;
        Ok(loaded)
    }

    /// One run on an even picture: shapes must be the family's, numbers numbers.
    fn probe(&mut self, manifest: &Manifest, head: &Head) -> Result<(), InferenceError> {
        let plane = (self.tensor.len() / 3).max(1);
        for (channel, rows) in self.tensor.chunks_exact_mut(plane).enumerate() {
            let (scale, shift) = manifest.input.normalise.of(channel);
            rows.fill(f32::from(manifest.input.pad) * scale + shift);
        }
        let input = self.input;
        let outputs = run(&mut self.session, manifest, input, &self.tensor, &self.size)?;
        head.decode(manifest, &outputs, input, 0.0, &mut Vec::new())
    }
}

fn build(
    environment: &ort::environment::Environment,
    options: &OnnxOptions,
    bytes: &[u8],
) -> Result<Session, String> {
    let text = |error: ort::Error<SessionBuilder>| error.to_string();
    Session::builder(environment)
        .map_err(|error| error.to_string())?
        .with_execution_providers(options.provider.dispatch(options.threads).as_slice())
        .map_err(|error| format!("the provider {} cannot start: {error}", options.provider))?
        .with_optimization_level(GraphOptimizationLevel::All)
        .map_err(text)?
        .with_intra_threads(options.threads.max(1))
        .map_err(text)?
        .with_intra_op_spinning(false)
        .map_err(text)?
        .commit_from_memory(bytes)
        .map_err(|error| error.to_string())
}

/// What people were found by: the weights, and what computed them where that is not the processor.
fn identity(weights: &Weights, provider: Provider) -> String {
    match provider {
        Provider::Cpu => weights.sha256.clone(),
        other => format!("{} {other}", weights.sha256),
    }
}

/// One inference.
fn run<'s>(
    session: &'s mut Session,
    manifest: &Manifest,
    input: (u32, u32),
    tensor: &[f32],
    size: &[i64; 2],
) -> Result<SessionOutputs<'s>, InferenceError> {
    let refuse = |error: ort::Error| refused(manifest, input, "run the network", error.to_string());
    let shape = [1_usize, 3, input.1 as usize, input.0 as usize];
    let picture = TensorRef::from_array_view((shape, tensor)).map_err(refuse)?;
    match &manifest.input.size_name {
        None => session.run(ort::inputs![manifest.input.name.as_str() => picture]),
        Some(name) => {
            let size = TensorRef::from_array_view(([1_usize, 2], size.as_slice()));
            let size: SessionInputValue<'_> = size.map_err(refuse)?.into();
            session.run(ort::inputs![
                manifest.input.name.as_str() => picture,
                name.as_str() => size,
            ])
        }
    }
    .map_err(refuse)
}

/// A refusal of the runtime; at a size that is not the published one, the size is to blame.
fn refused(
    manifest: &Manifest,
    input: (u32, u32),
    doing: &'static str,
    message: String,
) -> InferenceError {
    if input == manifest.input.size {
        return InferenceError::Runtime {
            model: manifest.name.clone(),
            doing,
            message,
        };
    }
    let (width, height) = manifest.input.size;
    InferenceError::Size {
        model: manifest.name.clone(),
        wanted: input,
        problem: format!(
            "its layers are made for {width} x {height}; set flexible = false in its model.toml \
             ({message})"
        ),
    }
}

fn mismatch(manifest: &Manifest, problem: String) -> InferenceError {
    InferenceError::Mismatch {
        model: manifest.name.clone(),
        problem,
    }
}

/// The network must have the inputs and outputs that the description names, as 32-bit floats.
fn check_interface(manifest: &Manifest, session: &Session) -> Result<(), InferenceError> {
    let names: Vec<&str> = session.inputs().iter().map(|input| input.name()).collect();
    let wanted = [
        Some(&manifest.input.name),
        manifest.input.size_name.as_ref(),
    ];
    let wanted: Vec<&str> = wanted.into_iter().flatten().map(String::as_str).collect();
    for name in &wanted {
        if !names.contains(name) {
            return Err(mismatch(
                manifest,
                format!("it has no input `{name}`, but `{}`", names.join("`, `")),
            ));
        }
    }
    if let Some(extra) = names.iter().find(|name| !wanted.contains(name)) {
        return Err(mismatch(
            manifest,
            format!("it wants an input `{extra}` too"),
        ));
    }
    let picture = session
        .inputs()
        .iter()
        .find(|i| i.name() == manifest.input.name);
    if let Some(ValueType::Tensor { ty, .. }) = picture.map(|input| input.dtype())
        && *ty != ort::value::TensorElementType::Float32
    {
        return Err(mismatch(
            manifest,
            format!("its input is {ty}, not 32-bit floats"),
        ));
    }
    let outputs: Vec<&str> = session
        .outputs()
        .iter()
        .map(|output| output.name())
        .collect();
    for name in &manifest.output.names {
        if !outputs.contains(&name.as_str()) {
            return Err(mismatch(
                manifest,
                format!("it has no output `{name}`, but `{}`", outputs.join("`, `")),
            ));
        }
    }
    Ok(())
}

/// The part of a picture to look at, cut to it; the whole where nothing is left.
fn source_of(options: &OnnxOptions, picture: (u32, u32)) -> SourceRect {
    options
        .source
        .and_then(|source| source.within(picture.0, picture.1))
        .unwrap_or(SourceRect::whole(picture.0, picture.1))
}

/// The input's size for `source`, or why the network can't have it.
fn input_size(
    manifest: &Manifest,
    options: &OnnxOptions,
    source: SourceRect,
) -> Result<(u32, u32), InferenceError> {
    let published = manifest.input.size;
    let flexible = manifest.input.flexible;
    let wanted = match options.size {
        InputSize::Published => published,
        InputSize::Tight if !flexible => published,
        InputSize::Tight => {
            Letterbox::tight_input(source, published.0.max(published.1), INPUT_MULTIPLE)
        }
        InputSize::LongSide(side) => Letterbox::tight_input(source, side, INPUT_MULTIPLE),
        InputSize::Exact(width, height) => (width, height),
    };
    let refuse = |problem: String| {
        Err(InferenceError::Size {
            model: manifest.name.clone(),
            wanted,
            problem,
        })
    };
    let whole = |side: u32| side > 0 && side.is_multiple_of(INPUT_MULTIPLE);
    if wanted == published {
        return Ok(wanted);
    }
    if !flexible {
        return refuse(format!(
            "it is made for {} x {} alone: leave the size out",
            published.0, published.1
        ));
    }
    if !whole(wanted.0) || !whole(wanted.1) {
        return refuse(format!("both sides must be multiples of {INPUT_MULTIPLE}"));
    }
    Ok(wanted)
}

impl Head {
    fn new(manifest: &Manifest) -> Result<Self, InferenceError> {
        let output = &manifest.output;
        let strides = output.strides.clone();
        let classes = output.classes as usize;
        let person = output.person as usize;
        Ok(match manifest.family {
            Family::YoloX => Self::YoloX(YoloX {
                strides,
                classes,
                person,
            }),
            Family::YoloV8 => Self::YoloV8(YoloV8 {
                strides,
                classes,
                person,
            }),
            Family::NanoDet => Self::NanoDet(NanoDet {
                strides,
                classes,
                person,
                bins: output.bins as usize,
                anchor: output.anchor as f32,
            }),
            Family::Lintel => Self::Lintel(Lintel { strides }),
            Family::Detr => Self::DetrBoxes(DetrBoxes {
                person: i64::from(output.person),
            }),
            Family::DetrLogits => Self::DetrLogits(DetrLogits { classes, person }),
            Family::Hog => {
                return Err(mismatch(
                    manifest,
                    "family hog is not run by ONNX Runtime".to_owned(),
                ));
            }
        })
    }

    fn decode(
        &self,
        manifest: &Manifest,
        outputs: &SessionOutputs<'_>,
        input: (u32, u32),
        score: f32,
        out: &mut Vec<Candidate>,
    ) -> Result<(), InferenceError> {
        let names = &manifest.output.names;
        let tensor = |index: usize| tensor(manifest, outputs, &names[index]);
        let decoded = match self {
            Self::YoloX(head) => head.decode(tensor(0)?, input, score, out),
            Self::YoloV8(head) => head.decode(tensor(0)?, input, score, out),
            Self::Lintel(head) => head.decode(tensor(0)?, input, score, out),
            Self::NanoDet(head) => {
                let tensors: Result<Vec<_>, _> = (0..names.len()).map(tensor).collect();
                head.decode(&tensors?, input, score, out)
            }
            Self::DetrBoxes(head) => {
                let labels = labels(manifest, outputs, &names[0])?;
                head.decode(labels, tensor(1)?, tensor(2)?, score, out)
            }
            Self::DetrLogits(head) => head.decode(tensor(0)?, tensor(1)?, input, score, out),
        };
        decoded.map_err(|source: HeadError| InferenceError::Output {
            model: manifest.name.clone(),
            family: manifest.family.name(),
            source,
        })
    }
}

fn tensor<'o>(
    manifest: &Manifest,
    outputs: &'o SessionOutputs<'_>,
    name: &'o str,
) -> Result<Tensor<'o>, InferenceError> {
    let value = outputs
        .get(name)
        .ok_or_else(|| mismatch(manifest, format!("it gave no output `{name}`")))?;
    let (shape, data) = value
        .try_extract_tensor::<f32>()
        .map_err(|error| mismatch(manifest, format!("output `{name}`: {}", error.message())))?;
    Ok(Tensor { name, shape, data })
}

fn labels<'o>(
    manifest: &Manifest,
    outputs: &'o SessionOutputs<'_>,
    name: &str,
) -> Result<&'o [i64], InferenceError> {
    let value = outputs
        .get(name)
        .ok_or_else(|| mismatch(manifest, format!("it gave no output `{name}`")))?;
    value
        .try_extract_tensor::<i64>()
        .map(|(_, data)| data)
        .map_err(|error| mismatch(manifest, format!("output `{name}`: {}", error.message())))
}

#[cfg(test)]
#[path = "onnx_tests.rs"]
mod tests;
