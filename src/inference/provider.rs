//! What computes a network: the processor, or what else the ONNX Runtime library at hand was built for.
//!
//! The library of the set-up computes on the processor alone. Another one ($ORT_DYLIB_PATH) may bring
//! providers for what a box has beside it: they are asked for by name, and one that is not there or
//! cannot start is an error, never a silent way back to the processor: a site that was tuned on one
//! must not be judged by another without a word.

use std::fmt;
use std::num::NonZeroUsize;
use std::str::FromStr;

use ort::ep::{self, ExecutionProvider, ExecutionProviderDispatch};
use serde::Serialize;

use super::{InferenceError, runtime};

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// ONNX Runtime's own kernels on the processor.
    #[default]
    Cpu,
    /// Intel's OpenVINO on the processor.
    OpenVino,
    /// NVIDIA's graphics processors and Jetson, compiled for the one at hand.
    TensorRt,
    /// NVIDIA's graphics processors.
    Cuda,
    /// Google's XNNPACK on the processor, mostly for Arm.
    Xnnpack,
    /// Arm's Compute Library.
    Acl,
}

impl Provider {
    /// All that there are.
    pub const ALL: [Self; 6] = [
        Self::Cpu,
        Self::OpenVino,
        Self::TensorRt,
        Self::Cuda,
        Self::Xnnpack,
        Self::Acl,
    ];

    /// Its name in settings and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::OpenVino => "openvino",
            Self::TensorRt => "tensorrt",
            Self::Cuda => "cuda",
            Self::Xnnpack => "xnnpack",
            Self::Acl => "acl",
        }
    }

    /// Those that the ONNX Runtime library at hand was built with. Whether this machine has what they
    /// compute on shows only when one is started.
    pub fn available() -> Result<Vec<Self>, InferenceError> {
        runtime::environment()?;
        let has = |one: &Self| {
            let asked = match one {
                Self::Cpu => Ok(true),
                Self::OpenVino => ep::OpenVINO::is_available(),
                Self::TensorRt => ep::TensorRT::is_available(),
                Self::Cuda => ep::CUDA::is_available(),
                Self::Xnnpack => ep::XNNPACK::is_available(),
                Self::Acl => ep::ACL::is_available(),
            };
            asked.unwrap_or(false)
        };
        Ok(Self::ALL.into_iter().filter(has).collect())
    }

    /// As the runtime takes it, for inferences of so many threads; nothing for the processor itself.
    pub(super) fn dispatch(self, threads: usize) -> Option<ExecutionProviderDispatch> {
        let threads = NonZeroUsize::new(threads).unwrap_or(NonZeroUsize::MIN);
        let provider = match self {
            Self::Cpu => return None,
            Self::OpenVino => ep::OpenVINO::default()
                .with_device_type("CPU")
                .with_num_threads(threads.get())
                .build(),
            Self::TensorRt => ep::TensorRT::default().build(),
            Self::Cuda => ep::CUDA::default().build(),
            Self::Xnnpack => ep::XNNPACK::default()
                .with_intra_op_num_threads(threads)
                .build(),
            Self::Acl => ep::ACL::default().build(),
        };
        Some(provider.error_on_failure())
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Provider {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|one| one.name() == text);
        found.ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("{text:?} is no provider; there are {names}")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for one in Provider::ALL {
            assert_eq!(one.to_string().parse(), Ok(one));
        }
        let refused = "gpu".parse::<Provider>().unwrap_err();
        assert!(refused.contains("there are cpu, openvino"), "{refused}");
    }
}
