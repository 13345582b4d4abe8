//! Which weights a model of a shape has, and in which order.

use crate::{Head, Shape, Weights};

impl Shape {
    /// Name and shape, without the lane axis, of each weight of a model of this shape, in their
    /// order; see [`crate::Weight`].
    #[must_use]
    pub fn layout(&self) -> Vec<(String, Vec<usize>)> {
        let gates = 4 * self.hidden;
        let mut weights = Vec::new();
        for layer in 0..self.layers {
            weights.push((format!("lstm.{layer}.w_input"), vec![self.inputs_of(layer), gates]));
            weights.push((format!("lstm.{layer}.w_hidden"), vec![self.hidden, gates]));
            weights.push((format!("lstm.{layer}.bias"), vec![gates]));
        }
        let (weight, bias) = match &self.head {
            Head::Point => (vec![self.hidden], vec![1]),
            Head::Quantile { levels } => (vec![levels.count(), self.hidden], vec![levels.count()]),
        };
        weights.push(("head.weight".to_owned(), weight));
        weights.push(("head.bias".to_owned(), bias));
        weights
    }

    /// Inputs of a layer.
    #[must_use]
    pub fn inputs_of(&self, layer: usize) -> usize {
        if layer == 0 { self.features } else { self.hidden }
    }
}

impl Weights {
    /// Whether these are the weights of a model of this shape.
    ///
    /// # Errors
    /// What does not fit, for a person.
    pub fn check(&self, shape: &Shape) -> Result<(), String> {
        let expected = shape.layout();
        if self.0.len() != expected.len() {
            return Err(format!(
                "there are {} weights, the model has {}",
                self.0.len(),
                expected.len()
            ));
        }
        for ((name, dims), weight) in expected.iter().zip(&self.0) {
            if *name != weight.name
                || *dims != weight.shape
                || weight.values.len() != dims.iter().product::<usize>()
            {
                return Err(format!(
                    "weight '{}' of shape {:?} with {} values stands where the model has '{name}' \
                        of shape {dims:?}",
                    weight.name,
                    weight.shape,
                    weight.values.len()
                ));
            }
        }
        Ok(())
    }
}
