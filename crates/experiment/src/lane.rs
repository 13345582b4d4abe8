//! What a trial's settings are to the trainer: the shape that it shares with the lanes of its pack,
//! and what its lane has for itself.

use lane_types::{LaneConfig, Shape};

use crate::{Model, ModelKind, Optimizer, Settings, Train};

impl Settings {
    /// What a trial shares with the others of its pack, beside the data.
    #[must_use]
    pub fn shape(&self) -> Shape {
        let Model { kind: ModelKind::Lstm, hidden_size, num_layers, dropout: _, ref head } =
            self.model;
        Shape {
            features: self.data.features.len(),
            window: self.data.window,
            hidden: hidden_size,
            layers: num_layers,
            batch: self.train.batch_size,
            loss: self.train.loss,
            optimizer: self.train.optimizer.kind,
            head: head.clone(),
        }
    }

    /// What a trial has for itself.
    #[must_use]
    pub fn lane_config(&self) -> LaneConfig {
        let Train {
            epochs,
            batch_size: _,
            learning_rate,
            loss: _,
            optimizer,
            schedule,
            early_stopping,
            clip_norm,
            seed,
        } = &self.train;
        let Optimizer { kind: _, beta1, beta2, epsilon, weight_decay, momentum } = *optimizer;
        LaneConfig {
            epochs: *epochs,
            learning_rate: *learning_rate,
            schedule: schedule.clone(),
            weight_decay,
            beta1,
            beta2,
            epsilon,
            momentum,
            dropout: self.model.dropout,
            clip_norm: *clip_norm,
            early_stopping: *early_stopping,
            seed: *seed,
        }
    }
}
