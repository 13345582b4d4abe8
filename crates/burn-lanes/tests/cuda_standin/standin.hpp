// What the driver and the compiler of the stand-in share: the environment, read the same way by both, and their faults.
#pragma once
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace standin {

[[noreturn]] inline void refuse(const char *variable, const char *value, const char *legal) {
    std::fprintf(stderr, "cuda stand-in: %s=%s is not %s\n", variable, value, legal);
    std::abort();
}

// A variable's text; empty where it is not set.
inline std::string text(const char *variable) {
    const char *value = std::getenv(variable);
    return value ? value : "";
}

inline uint64_t parsed(const char *variable, const std::string &value) {
    errno = 0;
    char *end = nullptr;
    const uint64_t number = std::strtoull(value.c_str(), &end, 10);
    if (value.empty() || errno || *end) refuse(variable, value.c_str(), "a whole number");
    return number;
}

inline uint64_t number(const char *variable, uint64_t otherwise) {
    const std::string value = text(variable);
    return value.empty() ? otherwise : parsed(variable, value);
}

// A version such as 12.8, as the driver tells it: 12080.
inline int version(const char *variable, const char *otherwise) {
    std::string value = text(variable);
    if (value.empty()) value = otherwise;
    int major = 0, minor = 0, read = 0;
    if (std::sscanf(value.c_str(), "%d.%d%n", &major, &minor, &read) != 2 || value[read]) refuse(variable, value.c_str(), "a version such as 12.8");
    return 1000 * major + 10 * minor;
}

// CUDA_STANDIN_FAULT=KIND:N.
struct Fault {
    std::string kind;
    uint64_t number = 0;

    static Fault asked() {
        const std::string value = text("CUDA_STANDIN_FAULT");
        if (value.empty()) return {};
        const size_t colon = value.find(':');
        const std::string kind = value.substr(0, colon);
        for (const char *known : {"alloc", "launch", "late", "silent", "compile"})
            if (kind == known && colon != std::string::npos) return {kind, parsed("CUDA_STANDIN_FAULT", value.substr(colon + 1))};
        refuse("CUDA_STANDIN_FAULT", value.c_str(), "alloc:BYTES, launch:N, late:N, silent:N or compile:N");
    }

    bool is(const char *name) const { return kind == name; }
};

} // namespace standin
