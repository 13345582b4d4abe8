// In the place of NVIDIA's header: makes a kernel a C++ function that one thread of a block runs (see ../README.md). Only what CubeCL
// writes into its sources is here; a kernel that needs more does not compile, which is how one finds out.
#pragma once
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __shared__
#define __grid_constant__
#define __launch_bounds__(...)
#define __cluster_dims__(...)
#define __align__(n) __attribute__((aligned(n)))
#define __CUDA_ARCH__ 900

struct StandinDim {
    unsigned x, y, z;
};
extern "C" {
extern StandinDim standin_thread, standin_block, standin_block_dim, standin_grid_dim;
extern unsigned char standin_shared_memory[];
void standin_barrier(int line);
}
struct uint3 {
    unsigned x, y, z;
};
static inline uint3 make_uint3(unsigned x, unsigned y, unsigned z) { return {x, y, z}; }
#define threadIdx standin_thread
#define blockIdx standin_block
#define blockDim standin_block_dim
#define gridDim standin_grid_dim
#define warpSize 32
#define __syncthreads() standin_barrier(__LINE__)
// Threads of a block run one at a time: what one wrote the next one sees.
#define __threadfence() ((void)0)
#define __threadfence_block() ((void)0)

// The fast functions are the exact ones here. (glibc has some of these names for itself.)
#define __expf standin_exp
#define __logf standin_log
#define __sinf standin_sin
#define __cosf standin_cos
#define __powf standin_pow
static inline float standin_exp(float x) { return std::exp(x); }
static inline float standin_log(float x) { return std::log(x); }
static inline float standin_sin(float x) { return std::sin(x); }
static inline float standin_cos(float x) { return std::cos(x); }
static inline float standin_pow(float x, float y) { return std::pow(x, y); }
static inline float __frcp_rn(float x) { return 1.0f / x; }
static inline float __fdividef(float x, float y) { return x / y; }
static inline float __fsqrt_rn(float x) { return std::sqrt(x); }
static inline float __frsqrt_rn(float x) { return 1.0f / std::sqrt(x); }
static inline float rsqrt(float x) { return 1.0f / std::sqrt(x); }
static inline unsigned __umulhi(unsigned a, unsigned b) { return unsigned((uint64_t(a) * b) >> 32); }
static inline float __uint_as_float(unsigned x) {
    float y;
    std::memcpy(&y, &x, sizeof y);
    return y;
}
static inline unsigned __float_as_uint(float x) {
    unsigned y;
    std::memcpy(&y, &x, sizeof y);
    return y;
}
using std::abs, std::ceil, std::cos, std::exp, std::fabs, std::floor, std::fma, std::isinf, std::isnan, std::log, std::pow, std::sin;
using std::sqrt, std::tanh, std::trunc;
template <class A, class B> static inline std::common_type_t<A, B> min(A a, B b) { return b < a ? b : a; }
template <class A, class B> static inline std::common_type_t<A, B> max(A a, B b) { return a < b ? b : a; }

// Calls a kernel with arguments from a launch's array of pointers.
template <class... A, size_t... I> static void standin_call(void (*kernel)(A...), void **arguments, std::index_sequence<I...>) {
    kernel(*reinterpret_cast<std::remove_reference_t<std::remove_cv_t<A>> *>(arguments[I])...);
}
template <class... A> static void standin_call(void (*kernel)(A...), void **arguments) {
    standin_call(kernel, arguments, std::index_sequence_for<A...>{});
}
