//! The layer over groups of lanes, one group a thread: for CPU backends, whose operations use one thread each at these sizes.
//!
//! Lanes share nothing, so how they are grouped changes no bit.

use std::ops::Range;

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use burn::tensor::ops::FloatTensor;
use rayon::prelude::*;

use super::{LstmArgs, LstmGradients, Saved, Wanted, primitive, reference, tensor};

/// As [`reference::forward`].
pub(super) fn forward<B: Backend>(args: &LstmArgs<B>) -> FloatTensor<B> {
    let groups = groups(lanes(args), rayon::current_num_threads());
    let outputs = in_parallel(groups, |group| reference::forward(group_args(args, &group)));
    join::<B, 4>(outputs, 1)
}

/// As [`reference::forward_saving`]; what is saved is that of each group in turn.
pub(super) fn forward_saving<B: Backend>(args: &LstmArgs<B>) -> (FloatTensor<B>, Saved<B>) {
    let groups = groups(lanes(args), rayon::current_num_threads());
    let passes = in_parallel(groups, |group| reference::forward_saving(group_args(args, &group)));
    let (outputs, saved): (Vec<_>, Vec<_>) = passes.into_iter().unzip();
    (join::<B, 4>(outputs, 1), Saved(saved.into_iter().flat_map(|saved| saved.0).collect()))
}

/// As [`reference::backward`].
pub(super) fn backward<B: Backend>(
    args: &LstmArgs<B>,
    saved: Saved<B>,
    output: FloatTensor<B>,
    wanted: Wanted,
) -> LstmGradients<B> {
    let output: Tensor<B, 4> = tensor(output);
    let each = reference::saved_tensors(args);
    // The thread that runs the backward pass may belong to another pool: the groups are those of the forward pass.
    let groups = groups(lanes(args), saved.0.len() / each);
    let mut tensors = saved.0.into_iter();
    let work = groups.into_iter().map(|group| (group, Saved(tensors.by_ref().take(each).collect()))).collect();
    let gradients = in_parallel(work, |(group, saved)| {
        let output = primitive(output.clone().narrow(1, group.start, group.len()));
        reference::backward(group_args(args, &group), saved, output, wanted)
    });
    let mut parts: [Vec<FloatTensor<B>>; 4] = Default::default();
    for LstmGradients { input, w_input, w_hidden, bias } in gradients {
        parts[0].extend(input);
        parts[1].push(w_input);
        parts[2].push(w_hidden);
        parts[3].push(bias);
    }
    let [input, w_input, w_hidden, bias] = parts;
    LstmGradients {
        input: (wanted == Wanted::WeightsAndInput).then(|| join::<B, 4>(input, 1)),
        w_input: join::<B, 3>(w_input, 0),
        w_hidden: join::<B, 3>(w_hidden, 0),
        bias: join::<B, 2>(bias, 0),
    }
}

/// As many groups as there are threads, or lanes if those are fewer, as equal as can be.
fn groups(lanes: usize, threads: usize) -> Vec<Range<usize>> {
    let count = threads.clamp(1, lanes.max(1));
    (0..count).map(|group| group * lanes / count..(group + 1) * lanes / count).collect()
}

fn in_parallel<T: Send, R: Send>(mut work: Vec<T>, run: impl Fn(T) -> R + Send + Sync) -> Vec<R> {
    match (work.len(), work.pop()) {
        (1, Some(only)) => vec![run(only)],
        (_, last) => {
            work.extend(last);
            work.into_par_iter().map(run).collect()
        }
    }
}

fn lanes<B: Backend>(args: &LstmArgs<B>) -> usize {
    tensor::<B, 2>(args.bias.clone()).dims()[0]
}

fn group_args<B: Backend>(args: &LstmArgs<B>, group: &Range<usize>) -> LstmArgs<B> {
    let (start, length) = (group.start, group.len());
    LstmArgs {
        input: primitive(tensor::<B, 4>(args.input.clone()).narrow(1, start, length)),
        w_input: primitive(tensor::<B, 3>(args.w_input.clone()).narrow(0, start, length)),
        w_hidden: primitive(tensor::<B, 3>(args.w_hidden.clone()).narrow(0, start, length)),
        bias: primitive(tensor::<B, 2>(args.bias.clone()).narrow(0, start, length)),
        emit: args.emit,
    }
}

fn join<B: Backend, const D: usize>(parts: Vec<FloatTensor<B>>, dim: usize) -> FloatTensor<B> {
    primitive(Tensor::<B, D>::cat(parts.into_iter().map(tensor).collect(), dim))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_cover_every_lane_once_in_order() {
        for lanes in 1..20 {
            for threads in 0..24 {
                let groups = groups(lanes, threads);
                assert!(groups.iter().all(|group| !group.is_empty()));
                assert_eq!(groups.into_iter().flatten().collect::<Vec<_>>(), (0..lanes).collect::<Vec<_>>());
            }
        }
    }
}
