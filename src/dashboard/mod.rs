//! Source → state → draw.
