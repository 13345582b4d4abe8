use super::*;

fn info(spec: DeviceSpec) -> DeviceInfo {
    DeviceInfo {
        spec,
        name: format!("the {spec}"),
        memory: None,
        software: false,
        integrated: false,
        problem: None,
    }
}

fn broken(info: DeviceInfo) -> DeviceInfo {
    DeviceInfo { problem: Some("it is broken".to_owned()), ..info }
}

fn integrated(info: DeviceInfo) -> DeviceInfo {
    DeviceInfo { integrated: true, ..info }
}

fn software(info: DeviceInfo) -> DeviceInfo {
    DeviceInfo { software: true, ..info }
}

fn chosen(spec: DeviceSpec, candidates: &[DeviceInfo]) -> Result<DeviceSpec, String> {
    choose(spec, candidates).map(|device| device.spec)
}

use DeviceSpec::{Auto, Cuda, Flex, NdArray, Wgpu};

#[test]
fn auto_takes_the_first_usable_hardware() {
    let (cuda, wgpu, flex) = (info(Cuda(0)), info(Wgpu(Some(0))), info(Flex));
    assert_eq!(chosen(Auto, &[cuda.clone(), wgpu.clone(), flex.clone()]), Ok(Cuda(0)));
    assert_eq!(chosen(Auto, &[broken(cuda.clone()), info(Cuda(1)), flex.clone()]), Ok(Cuda(1)));
    assert_eq!(
        chosen(Auto, &[broken(cuda.clone()), wgpu.clone(), flex.clone()]),
        Ok(Wgpu(Some(0)))
    );
    assert_eq!(
        chosen(Auto, &[broken(cuda.clone()), software(wgpu.clone()), flex.clone()]),
        Ok(Flex)
    );
    assert_eq!(
        chosen(Auto, &[broken(cuda.clone()), integrated(wgpu.clone()), flex.clone()]),
        Ok(Flex)
    );
    assert_eq!(chosen(Wgpu(None), &[info(Wgpu(Some(0)))]), Ok(Wgpu(Some(0))));
}

#[test]
fn software_is_used_when_it_is_named() {
    let found = [software(info(Wgpu(Some(0)))), info(Flex)];
    assert_eq!(chosen(Wgpu(None), &found), Ok(Wgpu(Some(0))));
    assert_eq!(chosen(Wgpu(Some(0)), &found), Ok(Wgpu(Some(0))));
}

#[test]
fn a_number_that_is_too_high_is_refused_with_what_there_is() {
    let found = [info(Cuda(0)), info(Cuda(1))];
    let problem = "there is no device of this number (found: cuda:0 the cuda:0, cuda:1 the cuda:1)";
    assert_eq!(chosen(Cuda(7), &found), Err(problem.to_owned()));
    let error = refusal(Cuda(7), problem, &[info(Cuda(0)), broken(info(Wgpu(None))), info(Flex)]);
    assert_eq!(
        error.to_string(),
        format!("cannot use cuda:7: {problem}; usable here: cuda:0, flex")
    );
}

#[test]
fn a_backend_without_devices_says_why_whatever_number_is_asked_for() {
    let found = [missing(Cuda(0), "no driver".to_owned())];
    assert_eq!(chosen(Cuda(0), &found), Err("no driver".to_owned()));
    assert_eq!(chosen(Cuda(5), &found), Err("no driver".to_owned()));
}

#[test]
fn flex_is_always_there_and_every_backend_is_listed() {
    let all = devices();
    for backend in ["cuda", "wgpu", "ndarray", "flex"] {
        assert!(
            all.iter().any(|info| info.spec.to_string().starts_with(backend)),
            "{backend} of {all:?}"
        );
    }
    let flex = open(Flex).unwrap();
    assert_eq!((flex.to_string().as_str(), flex.is_cpu()), ("flex", true));
    assert_ne!(open(Auto).unwrap().spec, Auto);
}

#[test]
fn a_usable_device_opens_and_another_is_refused_with_its_problem() {
    for info in devices() {
        match info.problem {
            None => assert_eq!(open(info.spec).unwrap().spec, info.spec),
            Some(problem) => {
                let message = open(info.spec).unwrap_err().to_string();
                assert!(
                    message.starts_with(&format!(
                        "cannot use {}: {problem}; usable here: ",
                        info.spec
                    )),
                    "{message}"
                );
                assert!(message.contains("flex"), "{message}");
            }
        }
    }
}

#[test]
fn the_host_tells_how_much_memory_is_left() {
    let memory = open(Flex).unwrap().available_memory(1 << 30);
    assert!(memory.is_some_and(|bytes| bytes > 1 << 20), "{memory:?}");
}

#[test]
#[cfg(not(feature = "ndarray"))]
fn a_backend_that_was_left_out_says_how_to_build_it() {
    let message = open(NdArray).unwrap_err().to_string();
    assert!(message.contains("build with `--features ndarray`"), "{message}");
}

#[test]
#[cfg(feature = "ndarray")]
fn ndarray_opens() {
    assert!(open(NdArray).unwrap().is_cpu());
}
