//! Configuration files: raw text to validated settings, all problems at once. An edge.
