//! A trained model, ready to be written in another format.

use lane_types::{Shape, Weight, Weights};

use super::ExportError;
use experiment::{Settings, Target};
use market::Scaling;

/// A trained model whose weights fit its shape and whose scaling fits its features.
#[derive(Clone, Debug, PartialEq)]
pub struct Trained {
    /// What names it: `sweep/run`, `name@version`.
    pub name: String,
    /// Of the network.
    pub shape: Shape,
    /// Names of its input columns, in order.
    pub features: Vec<String>,
    /// What it forecasts.
    pub target: Target,
    /// From the features' and the target's own units to what the network sees, and back.
    pub scaling: Scaling,
    weights: Weights,
}

/// One LSTM layer. The 4·hidden columns of a matrix are the gates in the order input, forget, cell,
/// output.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layer<'a> {
    /// Columns that come in.
    pub inputs: usize,
    /// `[inputs, 4·hidden]`.
    pub w_input: &'a [f32],
    /// `[hidden, 4·hidden]`.
    pub w_hidden: &'a [f32],
    /// `[4·hidden]`.
    pub bias: &'a [f32],
}

impl Trained {
    /// The model that was trained with `settings`.
    ///
    /// # Errors
    /// When the weights are not those of the settings' network, or the scaling has another number
    /// of columns than there are features.
    pub fn new(
        name: String,
        settings: &Settings,
        scaling: Scaling,
        weights: Weights,
    ) -> Result<Self, ExportError> {
        let features = settings.data.features.iter().map(ToString::to_string).collect();
        Self::of(name, settings.shape(), features, settings.data.target.clone(), scaling, weights)
    }

    /// The model of these parts.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn of(
        name: String,
        shape: Shape,
        features: Vec<String>,
        target: Target,
        scaling: Scaling,
        weights: Weights,
    ) -> Result<Self, ExportError> {
        let shown = text::cleaned(&name);
        if features.len() != shape.features || scaling.columns.len() != shape.features {
            return Err(ExportError::new(format!(
                "{shown}: {} features and {} scaled columns do not fit a network of {} inputs",
                features.len(),
                scaling.columns.len(),
                shape.features
            )));
        }
        check(&shape, &weights).map_err(|why| ExportError::new(format!("{shown}: {why}")))?;
        Ok(Self { name, shape, features, target, scaling, weights })
    }

    /// Its weights, in the trainer's layout and order.
    #[must_use]
    pub fn weights(&self) -> &Weights {
        &self.weights
    }

    /// From the first to the last.
    pub(super) fn layers(&self) -> impl Iterator<Item = Layer<'_>> {
        self.weights.0.chunks_exact(3).take(self.shape.layers).map(|weights| match weights {
            [w_input, w_hidden, bias] => Layer {
                inputs: w_input.shape[0],
                w_input: &w_input.values,
                w_hidden: &w_hidden.values,
                bias: &bias.values,
            },
            _ => unreachable!("chunks of three"),
        })
    }

    /// Weight `[outputs, hidden]` and bias `[outputs]` of the head.
    pub(super) fn head(&self) -> (&[f32], &[f32]) {
        match &self.weights.0[3 * self.shape.layers..] {
            [weight, bias] => (&weight.values, &bias.values),
            _ => unreachable!("checked when it was made"),
        }
    }
}

fn check(shape: &Shape, weights: &Weights) -> Result<(), String> {
    weights.check(shape)?;
    for Weight { name, values, .. } in &weights.0 {
        if let Some(value) = values.iter().find(|value| !value.is_finite()) {
            return Err(format!("weight '{name}' holds {value}, which is not finite"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[test]
    fn weights_and_scaling_that_do_not_fit_are_refused() {
        let good = testing::trained("quantile", 2);
        let of = |change: &dyn Fn(&mut Trained)| {
            let mut changed = good.clone();
            change(&mut changed);
            let Trained { name, shape, features, target, scaling, weights } = changed;
            Trained::of(name, shape, features, target, scaling, weights)
        };
        assert_eq!(of(&|_| {}).unwrap(), good);
        let complaint = |change: &dyn Fn(&mut Trained)| of(change).unwrap_err().to_string();
        assert!(
            complaint(&|trained| trained.weights.0.truncate(7))
                .contains("there are 7 weights, the model has 8")
        );
        assert!(
            complaint(&|trained| trained.weights.0.swap(0, 1))
                .contains("stands where the model has 'lstm.0.w_input'")
        );
        assert!(
            complaint(&|trained| trained.weights.0[2].values[1] = f32::NAN)
                .contains("'lstm.0.bias' holds NaN")
        );
        assert!(
            complaint(&|trained| trained.scaling.columns.truncate(1)).contains("scaled columns")
        );
        assert!(complaint(&|trained| trained.shape.hidden += 1).contains("of shape"));
    }
}
