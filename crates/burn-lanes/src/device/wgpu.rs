//! wgpu adapters, numbered with hardware first, and how Burn names them.

use std::pin::pin;
use std::sync::OnceLock;
use std::task::{Context, Poll, Waker};

use ::wgpu::{Backends, DeviceType, Instance, InstanceDescriptor};
use burn::backend::wgpu::WgpuDevice;
use burn::backend::wgpu::graphics::{AutoGraphicsApi, GraphicsApi};

use super::{Device, DeviceInfo, DeviceSpec};

/// The adapters of the graphics API that Burn uses here, or why there are none.
pub(super) fn probe() -> Result<Vec<DeviceInfo>, String> {
    if adapters().is_empty() {
        let api = AutoGraphicsApi::backend();
        return Err(format!("there is no {api:?} adapter (is a {api:?} driver installed, and may this user open the device?)"));
    }
    Ok(adapters().iter().enumerate().map(|(index, adapter)| describe(index, adapter)).collect())
}

/// Burn's name for an opened wgpu device.
///
/// Burn counts adapters by kind, in the driver's order; we count all of them, hardware first.
pub(crate) fn wgpu_device(device: &Device) -> WgpuDevice {
    let index = match device.spec {
        DeviceSpec::Wgpu(index) => index.unwrap_or(0),
        _ => 0,
    };
    adapters().get(index).and_then(|adapter| adapter.burn.clone()).unwrap_or_default()
}

struct Adapter {
    name: String,
    kind: DeviceType,
    /// `None` where Burn cannot be told to take this adapter.
    burn: Option<WgpuDevice>,
}

fn describe(index: usize, adapter: &Adapter) -> DeviceInfo {
    DeviceInfo {
        spec: DeviceSpec::Wgpu(Some(index)),
        name: adapter.name.clone(),
        memory: None, // wgpu does not tell
        software: adapter.kind == DeviceType::Cpu,
        problem: adapter.burn.is_none().then(|| "Burn cannot address it: it takes only the first adapter of this kind".to_owned()),
    }
}

/// Asked once a process: opening the driver takes tens of milliseconds, and the numbers must not change.
fn adapters() -> &'static [Adapter] {
    static FOUND: OnceLock<Vec<Adapter>> = OnceLock::new();
    FOUND.get_or_init(|| {
        let backends = Backends::from(AutoGraphicsApi::backend());
        let instance = Instance::new(InstanceDescriptor { backends, ..InstanceDescriptor::new_without_display_handle() });
        let found = wait(instance.enumerate_adapters(backends));
        number(found.iter().map(::wgpu::Adapter::get_info).map(|info| (info.name, info.device_type)).collect())
    })
}

/// Adapters in our order, from (name, kind) in the driver's.
fn number(found: Vec<(String, DeviceType)>) -> Vec<Adapter> {
    let mut counts = [0; 5];
    let mut adapters: Vec<Adapter> = found
        .into_iter()
        .map(|(name, kind)| {
            let count = &mut counts[rank(kind)];
            let burn = burn_name(kind, *count);
            *count += 1;
            Adapter { name, kind, burn }
        })
        .collect();
    adapters.sort_by_key(|adapter| rank(adapter.kind));
    adapters
}

fn burn_name(kind: DeviceType, number: usize) -> Option<WgpuDevice> {
    match kind {
        DeviceType::DiscreteGpu => Some(WgpuDevice::DiscreteGpu(number)),
        DeviceType::IntegratedGpu => Some(WgpuDevice::IntegratedGpu(number)),
        DeviceType::VirtualGpu => Some(WgpuDevice::VirtualGpu(number)),
        DeviceType::Cpu if number == 0 => Some(WgpuDevice::Cpu),
        DeviceType::Cpu | DeviceType::Other => None,
    }
}

/// Hardware before software.
fn rank(kind: DeviceType) -> usize {
    match kind {
        DeviceType::DiscreteGpu => 0,
        DeviceType::IntegratedGpu => 1,
        DeviceType::VirtualGpu => 2,
        DeviceType::Other => 3,
        DeviceType::Cpu => 4,
    }
}

/// Runs a future to its end. On native platforms wgpu's are ready at once; an executor would be a dependency for nothing.
fn wait<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(value) => return value,
            Poll::Pending => std::thread::yield_now(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hardware_is_numbered_before_software_and_burn_counts_by_kind() {
        let found = [
            ("lavapipe", DeviceType::Cpu),
            ("iris", DeviceType::IntegratedGpu),
            ("first", DeviceType::DiscreteGpu),
            ("virtio", DeviceType::VirtualGpu),
            ("second", DeviceType::DiscreteGpu),
            ("swiftshader", DeviceType::Cpu),
        ];
        let adapters = number(found.into_iter().map(|(name, kind)| (name.to_owned(), kind)).collect());
        let names: Vec<_> = adapters.iter().map(|adapter| (adapter.name.as_str(), adapter.burn.clone())).collect();
        let expected = [
            ("first", Some(WgpuDevice::DiscreteGpu(0))),
            ("second", Some(WgpuDevice::DiscreteGpu(1))),
            ("iris", Some(WgpuDevice::IntegratedGpu(0))),
            ("virtio", Some(WgpuDevice::VirtualGpu(0))),
            ("lavapipe", Some(WgpuDevice::Cpu)),
            ("swiftshader", None),
        ];
        assert_eq!(names, expected);
        let software: Vec<_> = adapters.iter().enumerate().map(|(index, adapter)| describe(index, adapter).software).collect();
        assert_eq!(software, [false, false, false, false, true, true]);
    }

    #[test]
    fn an_opened_adapter_is_the_one_that_burn_takes() {
        let Ok(found) = probe() else { return };
        for (info, adapter) in found.iter().zip(adapters()) {
            if info.problem.is_none() {
                assert_eq!(Some(wgpu_device(&Device { spec: info.spec })), adapter.burn);
            }
        }
    }
}
