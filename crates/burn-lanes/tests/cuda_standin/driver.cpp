// A stand-in for libcuda: device memory is the host's, a launch runs the kernel's blocks one after the other at once, the threads of a block
// as fibers that change at barriers. See README.md for what it finds and for its environment variables.
#include <algorithm>
#include <map>
#include <mutex>
#include <random>
#include <vector>

#include <dlfcn.h>
#include <sys/mman.h>
#include <unistd.h>

#include "standin.hpp"

struct StandinDim {
    unsigned x, y, z;
};

namespace {

enum Result {
    OK = 0,
    INVALID_VALUE = 1,
    OUT_OF_MEMORY = 2,
    INVALID_DEVICE = 101,
    INVALID_IMAGE = 200,
    NOT_FOUND = 500,
    ILLEGAL_ADDRESS = 700,
    LAUNCH_OUT_OF_RESOURCES = 701,
};

// An H100's, in what CubeCL asks for.
const uint64_t MEMORY = 80ull << 30, SHARED_MEMORY = 232448, THREADS = 1024, GRID = 65535;
const size_t STACK = 256 << 10;
// Of an allocation, this much at its begin and end starts as NaN; the rest is never touched before the kernels do, so that a large device
// costs nothing.
const size_t POISONED = 32 << 20;

std::mutex all; // one call at a time

struct Settings {
    uint64_t memory = standin::number("CUDA_STANDIN_MEMORY", MEMORY);
    uint64_t devices = standin::number("CUDA_STANDIN_DEVICES", 1);
    int driver = standin::version("CUDA_STANDIN_DRIVER", "12.8");
    standin::Fault fault = standin::Fault::asked();
    std::string report = standin::text("CUDA_STANDIN_REPORT");
    enum Order { FORWARD, REVERSE, SHUFFLED } order = FORWARD;
    uint64_t seed = 0;

    Settings() {
        const std::string value = standin::text("CUDA_STANDIN_ORDER");
        if (value.empty() || value == "forward") return;
        if (value == "reverse") {
            order = REVERSE;
        } else if (value.rfind("shuffle:", 0) == 0) {
            order = SHUFFLED;
            seed = standin::parsed("CUDA_STANDIN_ORDER", value.substr(8));
        } else {
            standin::refuse("CUDA_STANDIN_ORDER", value.c_str(), "forward, reverse or shuffle:SEED");
        }
    }
};

const Settings &settings() {
    static const Settings *const read = new Settings; // never destroyed: the report at the end needs it
    return *read;
}

// ---- State of the device.

struct Allocation {
    void *pages;
    size_t page_bytes, bytes;
};
std::map<uint64_t, Allocation> allocations;
uint64_t used = 0, peak = 0, launches = 0;
// An illegal access ends a context: every call after it returns the same.
Result sticky = OK;

// At the end, for who asked: CUDA_STANDIN_REPORT=FILE.
struct Report {
    ~Report() {
        if (settings().report.empty() || !launches) return; // a program that only asked whether the library is there
        if (FILE *file = std::fopen(settings().report.c_str(), "a")) {
            std::fprintf(file, "peak %lu launches %lu\n", (unsigned long)peak, (unsigned long)launches);
            std::fclose(file);
        }
    }
} report;

Result allocate(uint64_t *address, size_t bytes) {
    std::lock_guard<std::mutex> guard(all);
    if (sticky) return sticky;
    const bool fails = settings().fault.is("alloc") && bytes > settings().fault.number;
    if (bytes == 0) return INVALID_VALUE;
    if (fails || used + bytes > settings().memory) return OUT_OF_MEMORY;
    // The end of the allocation is the end of a page, and the next page faults: who goes past the end is caught. CUDA aligns to 512 bytes.
    const size_t page = size_t(sysconf(_SC_PAGESIZE)), rounded = (bytes + 511) / 512 * 512;
    const size_t inside = (rounded + page - 1) / page * page;
    void *pages = mmap(nullptr, inside + page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (pages == MAP_FAILED || mprotect(pages, inside, PROT_READ | PROT_WRITE) != 0) return OUT_OF_MEMORY;
    char *begin = static_cast<char *>(pages) + inside - rounded;
    std::memset(begin, 0xff, std::min(rounded, POISONED));
    if (rounded > POISONED) std::memset(begin + rounded - std::min(rounded - POISONED, POISONED), 0xff, std::min(rounded - POISONED, POISONED));
    *address = reinterpret_cast<uint64_t>(begin);
    allocations[*address] = {pages, inside + page, bytes};
    used += bytes;
    peak = std::max(peak, used);
    return OK;
}

Result release(uint64_t address) {
    std::lock_guard<std::mutex> guard(all);
    const auto found = allocations.find(address);
    if (found == allocations.end()) return INVALID_VALUE;
    used -= found->second.bytes;
    munmap(found->second.pages, found->second.page_bytes);
    allocations.erase(found);
    return OK;
}

// A call that waits for the device, or only reaches it.
Result reached() {
    std::lock_guard<std::mutex> guard(all);
    return sticky;
}

// ---- Fibers: the threads of a block.

struct Fiber {
    void *stack_pointer = nullptr;
    StandinDim id{};
    int line = 0; // of the barrier at which it waits
    bool ended = false;
};

#if !defined(__x86_64__)
#error "the stand-in changes fibers in x86-64 assembly"
#endif
extern "C" void standin_switch(void **from, void *to);
asm(R"(
.globl standin_switch
.type standin_switch,@function
standin_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
)");

Fiber *current = nullptr;
void *scheduler = nullptr;
void (*entry)(void **) = nullptr;
void **arguments = nullptr;

void fiber_main() {
    entry(arguments);
    current->ended = true;
    standin_switch(&current->stack_pointer, scheduler);
    std::abort(); // an ended fiber is never run again
}

// A stack that begins in fiber_main.
void *fresh_stack(size_t index) {
    static std::vector<char *> stacks;
    while (stacks.size() <= index) {
        void *memory = mmap(nullptr, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) {
            std::perror("cuda stand-in: no memory for a fiber's stack");
            std::abort();
        }
        stacks.push_back(static_cast<char *>(memory));
    }
    void **top = reinterpret_cast<void **>(stacks[index] + STACK);
    *--top = nullptr; // so that the stack is aligned as after a call
    *--top = reinterpret_cast<void *>(fiber_main);
    for (int saved = 0; saved < 6; saved++) *--top = nullptr;
    return top;
}

std::vector<unsigned> in_order(unsigned count) {
    std::vector<unsigned> turn(count);
    for (unsigned i = 0; i < count; i++) turn[i] = settings().order == Settings::REVERSE ? count - 1 - i : i;
    return turn;
}

StandinDim place(unsigned index, StandinDim size) { return {index % size.x, index / size.x % size.y, index / (size.x * size.y)}; }

} // namespace

extern "C" {
StandinDim standin_thread, standin_block, standin_block_dim, standin_grid_dim;
alignas(1024) unsigned char standin_shared_memory[SHARED_MEMORY];

void standin_barrier(int line) {
    current->line = line;
    standin_switch(&current->stack_pointer, scheduler);
}
}

namespace {

// Runs the threads of a block from barrier to barrier, each time all of them, in the order that was asked for.
void run_block(const char *kernel, StandinDim size, std::mt19937_64 &random) {
    const unsigned count = size.x * size.y * size.z;
    std::vector<Fiber> fibers(count);
    for (unsigned i = 0; i < count; i++) {
        fibers[i].stack_pointer = fresh_stack(i);
        fibers[i].id = place(i, size);
    }
    std::vector<unsigned> turn = in_order(count);
    for (;;) {
        if (settings().order == Settings::SHUFFLED) std::shuffle(turn.begin(), turn.end(), random);
        unsigned ended = 0;
        int line = 0;
        for (const unsigned i : turn) {
            current = &fibers[i];
            if (!current->ended) {
                standin_thread = current->id;
                standin_switch(&scheduler, current->stack_pointer);
            }
            if (current->ended) {
                ended++;
            } else if (line == 0) {
                line = current->line;
            } else if (line != current->line) {
                std::fprintf(stderr, "cuda stand-in: %s: threads of a block wait at lines %d and %d\n", kernel, line, current->line);
                std::abort();
            }
        }
        if (ended == count) return;
        if (ended) {
            std::fprintf(stderr, "cuda stand-in: %s: %u of %u threads ended, the others wait at line %d\n", kernel, ended, count, line);
            std::abort();
        }
    }
}

struct Kernel {
    void (*entry)(void **);
    std::string name;
};

Result launch(const Kernel &kernel, StandinDim grid, StandinDim size, unsigned shared, void **given) {
    std::lock_guard<std::mutex> guard(all);
    if (sticky) return sticky;
    launches++;
    const standin::Fault &fault = settings().fault;
    const bool due = launches >= fault.number;
    if (fault.is("silent") && due) return OK;
    if ((fault.is("launch") || fault.is("late")) && due) {
        sticky = ILLEGAL_ADDRESS;
        return fault.is("launch") ? ILLEGAL_ADDRESS : OK;
    }
    const uint64_t threads = uint64_t(size.x) * size.y * size.z;
    if (!grid.x || !grid.y || !grid.z || grid.y > GRID || grid.z > GRID || !threads || size.z > 64 || shared > SHARED_MEMORY) return INVALID_VALUE;
    if (threads > THREADS) return LAUNCH_OUT_OF_RESOURCES;
    entry = kernel.entry;
    arguments = given;
    standin_block_dim = size;
    standin_grid_dim = grid;
    std::mt19937_64 random(settings().seed * 0x9e3779b97f4a7c15ull + launches);
    std::vector<unsigned> turn = in_order(grid.x * grid.y * grid.z);
    if (settings().order == Settings::SHUFFLED) std::shuffle(turn.begin(), turn.end(), random);
    for (const unsigned i : turn) {
        standin_block = place(i, grid);
        std::memset(standin_shared_memory, 0xff, shared);
        run_block(kernel.name.c_str(), size, random);
    }
    return OK;
}

struct Error {
    Result result;
    const char *name, *text;
};
const Error ERRORS[] = {
    {OK, "CUDA_SUCCESS", "no error"},
    {INVALID_VALUE, "CUDA_ERROR_INVALID_VALUE", "invalid argument"},
    {OUT_OF_MEMORY, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
    {INVALID_DEVICE, "CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal"},
    {INVALID_IMAGE, "CUDA_ERROR_INVALID_IMAGE", "device kernel image is invalid"},
    {NOT_FOUND, "CUDA_ERROR_NOT_FOUND", "named symbol not found"},
    {ILLEGAL_ADDRESS, "CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered"},
    {LAUNCH_OUT_OF_RESOURCES, "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES", "too many resources requested for launch"},
};
int described(int result, const char **out, const char *Error::*part) {
    for (const Error &error : ERRORS)
        if (error.result == result) {
            *out = error.*part;
            return OK;
        }
    return INVALID_VALUE;
}

} // namespace

// ---- The functions that cudarc loads, those of them that CubeCL calls.

extern "C" {
int cuInit(unsigned) {
    settings();
    return OK;
}
int cuDriverGetVersion(int *version) {
    *version = settings().driver;
    return OK;
}
int cuGetErrorString(int result, const char **out) { return described(result, out, &Error::text); }
int cuGetErrorName(int result, const char **out) { return described(result, out, &Error::name); }

int cuDeviceGetCount(int *count) {
    *count = int(settings().devices);
    return OK;
}
int cuDeviceGet(int *device, int index) {
    if (index < 0 || uint64_t(index) >= settings().devices) return INVALID_DEVICE;
    *device = index;
    return OK;
}
int cuDeviceGetName(char *name, int size, int) {
    std::snprintf(name, size_t(size), "CUDA stand-in (threads as fibers on the CPU)");
    return OK;
}
int cuDeviceGetUuid_v2(void *uuid, int) {
    std::memset(uuid, 1, 16);
    return OK;
}
int cuDeviceTotalMem_v2(size_t *bytes, int) {
    *bytes = settings().memory;
    return OK;
}
int cuDeviceGetAttribute(int *value, int attribute, int) {
    switch (attribute) {
    case 1:                                     // threads of a block
    case 2: case 3: *value = THREADS; break;    // x and y of a block
    case 4: *value = 64; break;                 // z of a block
    case 5: *value = 2147483647; break;         // x of a grid
    case 6: case 7: *value = GRID; break;       // y and z of a grid
    case 8: *value = 49152; break;              // shared memory of a block
    case 10: *value = 32; break;                // threads of a warp
    case 16: *value = 132; break;               // multiprocessors
    case 75: *value = 9; break;                 // compute capability, major
    case 76: *value = 0; break;                 // and minor
    case 97: *value = SHARED_MEMORY; break;     // shared memory that a block may opt in to
    case 115: *value = 1; break;                // memory pools
    default: *value = 0;
    }
    return OK;
}
int cuMemGetInfo_v2(size_t *free, size_t *total) {
    std::lock_guard<std::mutex> guard(all);
    *free = settings().memory - used;
    *total = settings().memory;
    return sticky;
}

int cuDevicePrimaryCtxRetain(void **context, int device) {
    *context = reinterpret_cast<void *>(uintptr_t(device) + 1);
    return OK;
}
int cuDevicePrimaryCtxRelease_v2(int) { return OK; }
int cuCtxSetCurrent(void *) { return OK; }
int cuCtxGetCurrent(void **context) {
    *context = reinterpret_cast<void *>(uintptr_t(1));
    return OK;
}
int cuCtxSynchronize() { return reached(); }

int cuStreamCreate(void **stream, unsigned) {
    static uintptr_t next = 16;
    *stream = reinterpret_cast<void *>(next++);
    return OK;
}
int cuStreamDestroy_v2(void *) { return OK; }
int cuStreamSynchronize(void *) { return reached(); }
int cuStreamWaitEvent(void *, void *, unsigned) { return reached(); }
int cuEventCreate(void **event, unsigned) {
    *event = reinterpret_cast<void *>(uintptr_t(1));
    return reached();
}
int cuEventRecord(void *, void *) { return reached(); }
int cuEventSynchronize(void *) { return reached(); }
int cuEventDestroy_v2(void *) { return OK; }

int cuMemAllocAsync(uint64_t *address, size_t bytes, void *) { return allocate(address, bytes); }
int cuMemAlloc_v2(uint64_t *address, size_t bytes) { return allocate(address, bytes); }
int cuMemFreeAsync(uint64_t address, void *) { return release(address); }
int cuMemFree_v2(uint64_t address) { return release(address); }
int cuMemAllocHost_v2(void **address, size_t bytes) {
    *address = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return *address == MAP_FAILED ? OUT_OF_MEMORY : OK;
}
int cuMemHostAlloc(void **address, size_t bytes, unsigned) { return cuMemAllocHost_v2(address, bytes); }
int cuMemFreeHost(void *) { return OK; } // nobody tells how large it was
int cuMemcpyHtoDAsync_v2(uint64_t to, const void *from, size_t bytes, void *) {
    if (const Result result = reached()) return result;
    std::memcpy(reinterpret_cast<void *>(to), from, bytes);
    return OK;
}
int cuMemcpyDtoHAsync_v2(void *to, uint64_t from, size_t bytes, void *) {
    if (const Result result = reached()) return result;
    std::memcpy(to, reinterpret_cast<const void *>(from), bytes);
    return OK;
}
// CUDA_MEMCPY2D; type 1 is the host, 2 the device.
struct Copy2D {
    size_t from_x, from_y;
    int from_type;
    const void *from_host;
    uint64_t from_device;
    void *from_array;
    size_t from_pitch, to_x, to_y;
    int to_type;
    void *to_host;
    uint64_t to_device;
    void *to_array;
    size_t to_pitch, width, height;
};
int cuMemcpy2DAsync_v2(const Copy2D *copy, void *) {
    if (const Result result = reached()) return result;
    const char *from = copy->from_type == 1 ? static_cast<const char *>(copy->from_host) : reinterpret_cast<const char *>(copy->from_device);
    char *to = copy->to_type == 1 ? static_cast<char *>(copy->to_host) : reinterpret_cast<char *>(copy->to_device);
    for (size_t row = 0; row < copy->height; row++) std::memcpy(to + row * copy->to_pitch, from + row * copy->from_pitch, copy->width);
    return OK;
}

int cuModuleLoadData(void **module, const void *image) {
    const std::string ptx(static_cast<const char *>(image));
    const size_t space = ptx.find(' ');
    void *library = space == std::string::npos ? nullptr : dlopen(ptx.c_str() + space + 1, RTLD_NOW | RTLD_LOCAL);
    void *symbol = library ? dlsym(library, "standin_entry") : nullptr;
    if (!symbol) {
        std::fprintf(stderr, "cuda stand-in: %s\n", dlerror());
        return INVALID_IMAGE;
    }
    *module = new Kernel{reinterpret_cast<void (*)(void **)>(symbol), ptx.substr(0, space)};
    return OK;
}
int cuModuleUnload(void *) { return OK; }
int cuModuleGetFunction(void **function, void *module, const char *name) {
    *function = module;
    return static_cast<Kernel *>(module)->name == name ? OK : NOT_FOUND;
}
int cuFuncSetAttribute(void *, int, int value) { return value >= 0 && uint64_t(value) <= SHARED_MEMORY ? OK : INVALID_VALUE; }
int cuLaunchKernel(void *function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned x, unsigned y, unsigned z, unsigned shared, void *,
                   void **parameters, void **) {
    return launch(*static_cast<Kernel *>(function), {grid_x, grid_y, grid_z}, {x, y, z}, shared, parameters);
}
}
