//! Supervisor and worker: packs on devices, failures isolated.
