//! wgpu adapters, numbered with hardware first, and how Burn names them.

use std::pin::pin;
use std::sync::OnceLock;
use std::task::{Context, Poll, Waker};

use ::wgpu::{
    Backends, BufferDescriptor, BufferUsages, DeviceDescriptor, DeviceType, ErrorFilter, Instance,
    InstanceDescriptor, MemoryHints,
};
use burn::backend::wgpu::WgpuDevice;
use burn::backend::wgpu::graphics::{AutoGraphicsApi, GraphicsApi};

use super::{Device, DeviceInfo};
use crate::DeviceSpec;

/// The adapters of the graphics API that Burn uses here, or why there are none.
pub(super) fn probe() -> Result<Vec<DeviceInfo>, String> {
    if adapters().is_empty() {
        let api = AutoGraphicsApi::backend();
        return Err(format!(
            "there is no {api:?} adapter (is a {api:?} driver installed, and may this user open \
                the device?)"
        ));
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

/// How many of so many bytes can be allocated on an adapter just now, at most what the host has
/// left where the adapter shares its memory. Allocates them in buffers, and frees them; `None`
/// where the adapter cannot be opened.
pub(super) fn allocatable(index: usize, wanted: u64, host: Option<u64>) -> Option<u64> {
    let adapter = adapters().get(index)?;
    let shared = adapter.kind != DeviceType::DiscreteGpu;
    let wanted = if shared { wanted.min(host.unwrap_or(wanted)) } else { wanted };
    let opened = enumerated().into_iter().nth(adapter.place)?;
    let limits = opened.limits();
    let request = DeviceDescriptor {
        required_limits: limits.clone(),
        memory_hints: MemoryHints::MemoryUsage,
        ..DeviceDescriptor::default()
    };
    let (device, _queue) = wait(opened.request_device(&request)).ok()?;
    let largest = limits.max_buffer_size.min(MOST_AT_ONCE);
    let mut buffers = Vec::new();
    let mut granted = 0;
    while granted < wanted {
        let size = largest.min(wanted - granted).max(4).next_multiple_of(4);
        let [memory, rules, inner] =
            [ErrorFilter::OutOfMemory, ErrorFilter::Validation, ErrorFilter::Internal]
                .map(|kind| device.push_error_scope(kind));
        let descriptor = BufferDescriptor {
            label: None,
            size,
            usage: BufferUsages::STORAGE,
            mapped_at_creation: false,
        };
        buffers.push(device.create_buffer(&descriptor));
        // The last that was pushed is the first that is taken away.
        if [inner, rules, memory].map(|scope| wait(scope.pop())).iter().any(Option::is_some) {
            break;
        }
        granted += size;
    }
    buffers.iter().for_each(::wgpu::Buffer::destroy);
    Some(granted.min(wanted))
}

/// Bytes of a buffer that is allocated for a trial.
const MOST_AT_ONCE: u64 = 256 << 20;

struct Adapter {
    /// In the driver's order.
    place: usize,
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
        // Apple's are integrated and fast.
        integrated: adapter.kind == DeviceType::IntegratedGpu && !cfg!(target_os = "macos"),
        problem: adapter.burn.is_none().then(|| {
            "Burn cannot address it: it takes only the first adapter of this kind".to_owned()
        }),
    }
}

/// Asked once a process: opening the driver takes tens of milliseconds, and the numbers must not
/// change.
fn adapters() -> &'static [Adapter] {
    static FOUND: OnceLock<Vec<Adapter>> = OnceLock::new();
    FOUND.get_or_init(|| {
        let found = enumerated();
        number(
            found
                .iter()
                .map(::wgpu::Adapter::get_info)
                .map(|info| (info.name, info.device_type))
                .collect(),
        )
    })
}

/// In the driver's order.
fn enumerated() -> Vec<::wgpu::Adapter> {
    let backends = Backends::from(AutoGraphicsApi::backend());
    let instance = Instance::new(InstanceDescriptor {
        backends,
        ..InstanceDescriptor::new_without_display_handle()
    });
    wait(instance.enumerate_adapters(backends))
}

/// Adapters in our order, from (name, kind) in the driver's.
fn number(found: Vec<(String, DeviceType)>) -> Vec<Adapter> {
    let mut counts = [0; 5];
    let mut adapters: Vec<Adapter> = found
        .into_iter()
        .enumerate()
        .map(|(place, (name, kind))| {
            let count = &mut counts[rank(kind)];
            let burn = burn_name(kind, *count);
            *count += 1;
            Adapter { place, name, kind, burn }
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

/// Runs a future to its end. On native platforms wgpu's are ready at once; an executor would be a
/// dependency for nothing.
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
        let adapters =
            number(found.into_iter().map(|(name, kind)| (name.to_owned(), kind)).collect());
        let names: Vec<_> =
            adapters.iter().map(|adapter| (adapter.name.as_str(), adapter.burn.clone())).collect();
        let expected = [
            ("first", Some(WgpuDevice::DiscreteGpu(0))),
            ("second", Some(WgpuDevice::DiscreteGpu(1))),
            ("iris", Some(WgpuDevice::IntegratedGpu(0))),
            ("virtio", Some(WgpuDevice::VirtualGpu(0))),
            ("lavapipe", Some(WgpuDevice::Cpu)),
            ("swiftshader", None),
        ];
        assert_eq!(names, expected);
        let software: Vec<_> = adapters
            .iter()
            .enumerate()
            .map(|(index, adapter)| describe(index, adapter).software)
            .collect();
        assert_eq!(software, [false, false, false, false, true, true]);
    }

    #[test]
    fn an_adapter_without_memory_of_its_own_gives_no_more_than_the_host_has() {
        let found = match probe() {
            Ok(found) => found,
            Err(problem) => return crate::skip::skip("wgpu", &problem),
        };
        for index in 0..found.len() {
            assert_eq!(allocatable(index, 300 << 20, Some(1 << 40)), Some(300 << 20));
            if adapters()[index].kind == DeviceType::Cpu {
                assert_eq!(allocatable(index, 1 << 40, Some(64 << 20)), Some(64 << 20));
            }
        }
    }

    #[test]
    fn an_opened_adapter_is_the_one_that_burn_takes() {
        let found = match probe() {
            Ok(found) => found,
            Err(problem) => return crate::skip::skip("wgpu", &problem),
        };
        for (info, adapter) in found.iter().zip(adapters()) {
            if info.problem.is_none() {
                assert_eq!(Some(wgpu_device(&Device { spec: info.spec })), adapter.burn);
            }
        }
    }
}
