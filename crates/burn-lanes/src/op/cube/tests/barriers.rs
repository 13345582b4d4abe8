//! Whether these tests would notice a barrier that is missing, on the stand-in for CUDA, which can
//! take one out of a kernel and run a block's threads in several orders. A barrier whose absence
//! nothing notices is either not needed or not tested.

use std::collections::BTreeMap;
use std::process::{Command, Output};

use cubecl::cuda::CudaRuntime;

use super::agreement::assert_agrees;
use super::definitions::kernels;
use super::optimizer::the_step_is_the_composed_one;
use super::sources::cuda::{LIMITS, compiled};
use crate::Loss;
use crate::op::testing::Case;
use crate::skip::skip;

const CHILD: &str = "op::cube::tests::barriers::every_kernel_in_a_process_of_its_own";

/// Barriers that CUDA can do without: after the last level of a sum, whose one thread reads what it
/// wrote itself; and, before such a sum, the one that WebGPU wants for storage, which on CUDA those
/// of the sum are too.
const NOT_NEEDED: [&str; 4] = ["losses:0", "losses:9", "squares:8", "sums:8"];

/// More groups of four windows than a cube has threads, so that no part of a sum over them is zero;
/// more layers and units than one.
#[test]
#[ignore = "run by the other here"]
fn every_kernel_in_a_process_of_its_own() {
    assert_agrees::<CudaRuntime, u8>(&Case::new(Loss::Huber, [4, 2, 1100, 3, 32, 2], 1));
    the_step_is_the_composed_one::<CudaRuntime, u8>();
}

fn child(order: &str, dropped: Option<&str>) -> Output {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", CHILD, "--ignored"]).env("CUDA_STANDIN_ORDER", order);
    match dropped {
        Some(barrier) => child.env("CUDA_STANDIN_DROP_BARRIER", barrier),
        None => child.env_remove("CUDA_STANDIN_DROP_BARRIER"),
    };
    child.output().unwrap()
}

#[test]
fn a_barrier_that_is_missing_is_noticed() {
    if std::env::var_os("CUDA_STANDIN_HOME").is_none() {
        return skip("cuda", "barriers are taken out on the stand-in alone (tests/cuda_standin)");
    }
    let mut barriers: BTreeMap<&str, usize> = BTreeMap::new();
    for kernel in kernels(&LIMITS) {
        let count = compiled(&kernel).0.matches("__syncthreads();").count();
        let most = barriers.entry(kernel.entry).or_default();
        *most = count.max(*most);
    }
    let orders = ["forward", "reverse", "shuffle:1"];
    for order in orders {
        let whole = child(order, None);
        assert!(whole.status.success(), "{order}: {}", String::from_utf8_lossy(&whole.stdout));
    }
    let all: Vec<String> = barriers
        .iter()
        .flat_map(|(kernel, count)| (0..*count).map(move |n| format!("{kernel}:{n}")))
        .collect();
    assert!(all.len() >= 30, "{all:?}");
    let unnoticed: Vec<&String> = all
        .iter()
        .filter(|barrier| orders.iter().all(|order| child(order, Some(barrier)).status.success()))
        .collect();
    assert_eq!(unnoticed, NOT_NEEDED, "whose absence nothing notices");
}
