//! How good it is: crossings against truth, and MOT metrics.
