//! What belongs to a verdict: the clip around it, key frames, and the trace.
