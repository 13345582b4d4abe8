//! The graph of a trained model.

use super::Units;
use super::message::{
    Attribute, DOUBLE, Dimension, FLOAT, Graph, INT, INT64, INTS, Node, Tensor, TensorShape,
    TensorType, Type, ValueInfo,
};
use crate::export::Trained;
use crate::export::trained::Layer;

/// From `window` to `forecast`.
pub(super) fn graph(trained: &Trained, units: Units) -> Graph {
    let mut parts = Parts::default();
    let scaled = match units {
        Units::Own => scaled(&mut parts, trained),
        Units::Scaled => "window".to_owned(),
    };
    parts.node("Transpose", &[&scaled], &["steps"], vec![ints("perm", &[1, 0, 2])]);
    let mut steps = "steps".to_owned();
    for (number, layer) in trained.layers().enumerate() {
        steps = lstm(&mut parts, trained, number, layer, &steps);
    }
    let outputs = trained.shape.head.outputs();
    let (weight, bias) = trained.head();
    parts.floats("head.weight", &[outputs, trained.shape.hidden], weight.iter().copied());
    parts.floats("head.bias", &[outputs], bias.iter().copied());
    let gemm = |parts: &mut Parts, output: &str| {
        parts.node(
            "Gemm",
            &[&steps, "head.weight", "head.bias"],
            &[output],
            vec![int("transB", 1)],
        );
    };
    let elements = match units {
        Units::Scaled => {
            gemm(&mut parts, "forecast");
            FLOAT
        }
        Units::Own => {
            gemm(&mut parts, "outputs");
            unscaled(&mut parts, trained, outputs);
            DOUBLE
        }
    };
    let rows = [None, Some(trained.shape.window), Some(trained.shape.features)];
    Graph {
        node: parts.nodes,
        name: "kiln".to_owned(),
        initializer: parts.tensors,
        input: vec![value_info("window", elements, &rows, &trained.features.join(", "))],
        output: vec![value_info(
            "forecast",
            elements,
            &[None, Some(outputs)],
            trained.target.kind.unit(),
        )],
    }
}

/// `(window - offset) / unit`, in double precision, then single.
fn scaled(parts: &mut Parts, trained: &Trained) -> String {
    let columns = &trained.scaling.columns;
    parts.doubles("column.offset", &[columns.len()], columns.iter().map(|column| column.offset));
    parts.doubles("column.unit", &[columns.len()], columns.iter().map(|column| column.unit));
    parts.node("Sub", &["window", "column.offset"], &["centred"], vec![]);
    parts.node("Div", &["centred", "column.unit"], &["ratio"], vec![]);
    parts.node("Cast", &["ratio"], &["scaled"], vec![int("to", i64::from(FLOAT))]);
    "scaled".to_owned()
}

/// `outputs × unit + offset`, in double precision; quantiles are put in order first.
fn unscaled(parts: &mut Parts, trained: &Trained, outputs: usize) {
    let mut last = "outputs";
    if outputs > 1 {
        parts.tensor("count", &[1], INT64, (outputs as i64).to_le_bytes().into());
        parts.node(
            "TopK",
            &["outputs", "count"],
            &["ascending", "places"],
            vec![int("largest", 0), int("sorted", 1)],
        );
        last = "ascending";
    }
    let target = trained.scaling.target;
    parts.doubles("target.unit", &[], [target.unit].into_iter());
    parts.doubles("target.offset", &[], [target.offset].into_iter());
    parts.node("Cast", &[last], &["double"], vec![int("to", i64::from(DOUBLE))]);
    parts.node("Mul", &["double", "target.unit"], &["moved"], vec![]);
    parts.node("Add", &["moved", "target.offset"], &["forecast"], vec![]);
}

/// One layer over `steps` (`[window, batch, inputs]`): all its steps, or of the last layer the
/// last, `[batch, hidden]`.
fn lstm(
    parts: &mut Parts,
    trained: &Trained,
    number: usize,
    layer: Layer<'_>,
    steps: &str,
) -> String {
    let hidden = trained.shape.hidden;
    let [w, r, b] = ["w", "r", "b"].map(|matrix| format!("lstm.{number}.{matrix}"));
    parts.floats(&w, &[1, 4 * hidden, layer.inputs], gates(layer.w_input, layer.inputs, hidden));
    parts.floats(&r, &[1, 4 * hidden, hidden], gates(layer.w_hidden, hidden, hidden));
    // Of the input, then of the state.
    let biases = gates(layer.bias, 1, hidden).chain(std::iter::repeat_n(0.0, 4 * hidden));
    parts.floats(&b, &[1, 8 * hidden], biases);
    let is_last = number + 1 == trained.shape.layers;
    let (raw, squeezed, axes) =
        (format!("lstm.{number}"), format!("hidden.{number}"), format!("axes.{number}"));
    let outputs = if is_last { vec!["", raw.as_str()] } else { vec![raw.as_str()] };
    parts.node("LSTM", &[steps, &w, &r, &b], &outputs, vec![int("hidden_size", hidden as i64)]);
    let direction: i64 = if is_last { 0 } else { 1 };
    parts.tensor(&axes, &[1], INT64, direction.to_le_bytes().into());
    parts.node("Squeeze", &[&raw, &axes], &[&squeezed], vec![]);
    squeezed
}

/// Kiln's columns (input, forget, cell, output) as ONNX's rows (input, output, forget, cell).
fn gates(matrix: &[f32], rows: usize, hidden: usize) -> impl Iterator<Item = f32> + '_ {
    let columns = [0, 3, 1, 2].into_iter().flat_map(move |gate| gate * hidden..(gate + 1) * hidden);
    columns.flat_map(move |column| (0..rows).map(move |row| matrix[row * 4 * hidden + column]))
}

/// Nodes in the order in which they run, and constants.
#[derive(Default)]
struct Parts {
    nodes: Vec<Node>,
    tensors: Vec<Tensor>,
}

impl Parts {
    /// A node is named after the last of its outputs.
    fn node(&mut self, op_type: &str, input: &[&str], output: &[&str], attribute: Vec<Attribute>) {
        let owned =
            |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let name = format!("{op_type}.{}", output.last().copied().unwrap_or_default());
        self.nodes.push(Node {
            input: owned(input),
            output: owned(output),
            name,
            op_type: op_type.to_owned(),
            attribute,
        });
    }

    fn floats(&mut self, name: &str, dims: &[usize], values: impl Iterator<Item = f32>) {
        self.tensor(name, dims, FLOAT, values.flat_map(f32::to_le_bytes).collect());
    }

    fn doubles(&mut self, name: &str, dims: &[usize], values: impl Iterator<Item = f64>) {
        self.tensor(name, dims, DOUBLE, values.flat_map(f64::to_le_bytes).collect());
    }

    fn tensor(&mut self, name: &str, dims: &[usize], data_type: i32, raw_data: Vec<u8>) {
        let dims = dims.iter().map(|dim| *dim as i64).collect();
        self.tensors.push(Tensor { dims, data_type, name: name.to_owned(), raw_data });
    }
}

fn int(name: &str, value: i64) -> Attribute {
    Attribute { name: name.to_owned(), i: Some(value), ints: Vec::new(), kind: INT }
}

fn ints(name: &str, values: &[i64]) -> Attribute {
    Attribute { name: name.to_owned(), i: None, ints: values.to_vec(), kind: INTS }
}

/// A tensor's type; a dimension without a number is the batch.
fn value_info(name: &str, elem_type: i32, dims: &[Option<usize>], doc: &str) -> ValueInfo {
    let dimension = |dim: &Option<usize>| match dim {
        Some(size) => Dimension { dim_value: Some(*size as i64), dim_param: None },
        None => Dimension { dim_value: None, dim_param: Some("batch".to_owned()) },
    };
    let shape = Some(TensorShape { dim: dims.iter().map(dimension).collect() });
    let tensor_type = Some(TensorType { elem_type, shape });
    ValueInfo {
        name: name.to_owned(),
        kind: Some(Type { tensor_type }),
        doc_string: doc.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::Model;
    use super::super::write;
    use super::*;
    use crate::export::testing::{self, FIXTURES};
    use prost::Message;

    #[test]
    fn a_file_is_read_back_as_what_was_written() {
        for (head, layers) in FIXTURES {
            for units in [Units::Own, Units::Scaled] {
                let trained = testing::trained(head, layers);
                let model = Model::decode(write(&trained, units).unwrap().as_slice()).unwrap();
                let read = model.graph.unwrap();
                assert_eq!(read, graph(&trained, units));
                assert_eq!(read.node.iter().filter(|node| node.op_type == "LSTM").count(), layers);
                let is_known = |name: &String| {
                    name.is_empty()
                        || name == "window"
                        || read.initializer.iter().any(|tensor| tensor.name == *name)
                        || read.node.iter().any(|node| node.output.contains(name))
                };
                assert!(read.node.iter().flat_map(|node| &node.input).all(is_known));
                for tensor in &read.initializer {
                    let bytes = if tensor.data_type == FLOAT { 4 } else { 8 };
                    assert_eq!(
                        tensor.raw_data.len() as i64,
                        bytes * tensor.dims.iter().product::<i64>(),
                        "{}",
                        tensor.name
                    );
                }
            }
        }
    }

    #[test]
    fn gates_are_in_the_order_of_onnx() {
        // One row, one unit: input 1, forget 2, cell 3, output 4.
        assert_eq!(gates(&[1.0, 2.0, 3.0, 4.0], 1, 1).collect::<Vec<_>>(), [1.0, 4.0, 2.0, 3.0]);
        let two_rows = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0];
        assert_eq!(
            gates(&two_rows, 2, 1).collect::<Vec<_>>(),
            [1.0, 5.0, 4.0, 8.0, 2.0, 6.0, 3.0, 7.0]
        );
    }

    #[test]
    fn the_scaled_graph_has_no_double() {
        let scaled = graph(&testing::trained("quantile", 2), Units::Scaled);
        assert!(scaled.initializer.iter().all(|tensor| tensor.data_type != DOUBLE));
        let own = graph(&testing::trained("quantile", 2), Units::Own);
        assert_eq!(
            own.output[0].kind.as_ref().unwrap().tensor_type.as_ref().unwrap().elem_type,
            DOUBLE
        );
    }
}
