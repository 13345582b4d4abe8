// A stand-in for libnvrtc: compiles a CUDA source for the host with g++, once for each source, and hands out as its "PTX" the name of the
// kernel and the path of the shared object, which the stand-in for libcuda loads.
#include <atomic>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <regex>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

#include "standin.hpp"

namespace {

enum Result { OK = 0, COMPILATION = 6 };

struct Program {
    std::string source, log, ptx;
};

// Where build.sh put the libraries, the header and the cache.
std::string home() {
    const std::string folder = standin::text("CUDA_STANDIN_HOME");
    if (folder.empty()) standin::refuse("CUDA_STANDIN_HOME", "", "set: start programs by the script `run` that build.sh made");
    return folder;
}

// As they are in the precompiled header. Without contraction, so that a product and a sum have the same bits wherever the compiler finds
// them; CUDA_STANDIN_CXXFLAGS adds to them.
std::string flags() { return "-std=c++17 -O2 -fPIC -mavx2 -mfma -ffp-contract=off " + standin::text("CUDA_STANDIN_CXXFLAGS"); }

std::string contents(const std::string &path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

// CUDA_STANDIN_DROP_BARRIER=KERNEL:N takes the N-th barrier (from 0) out of the kernels of that name.
void drop_barrier(const std::string &kernel, std::string &source) {
    const std::string asked = standin::text("CUDA_STANDIN_DROP_BARRIER");
    if (asked.empty()) return;
    const size_t colon = asked.find(':');
    if (colon == std::string::npos) standin::refuse("CUDA_STANDIN_DROP_BARRIER", asked.c_str(), "KERNEL:N");
    uint64_t left = standin::parsed("CUDA_STANDIN_DROP_BARRIER", asked.substr(colon + 1));
    const std::string barrier = "__syncthreads();";
    for (size_t at = source.find(barrier); kernel == asked.substr(0, colon) && at != std::string::npos; at = source.find(barrier, at + 1))
        if (left-- == 0) return void(source.replace(at, barrier.size(), ";"));
}

int compile(Program &program) {
    static std::atomic<uint64_t> compiled{0};
    const standin::Fault fault = standin::Fault::asked();
    if (fault.is("compile") && ++compiled >= fault.number) {
        program.log = "default_program(7): error: identifier \"nonsense\" is undefined\n1 error detected in the compilation of \"default_program\".\n";
        return COMPILATION;
    }
    std::smatch match;
    if (!std::regex_search(program.source, match, std::regex(R"(__global__\s+void\s+(?:__\w+__\s*\([^)]*\)\s*)*(\w+)\s*\()"))) {
        program.log = "cuda stand-in: error: no kernel found\n";
        return COMPILATION;
    }
    const std::string name = match[1];
    std::string source = program.source;
    drop_barrier(name, source);
    // One array for all kernels, in the driver's library.
    const std::regex shared(R"(extern\s+__shared__\s+(?:__align__\(\d+\)\s*)?(\w+)\s+dynamic_shared_mem\[\];)");
    source = std::regex_replace(source, shared, "$1 *const dynamic_shared_mem = reinterpret_cast<$1 *>(standin_shared_memory);");
    source += "\nextern \"C\" void standin_entry(void **arguments) { standin_call(" + name + ", arguments); }\n";

    char key[17];
    std::snprintf(key, sizeof key, "%016zx", std::hash<std::string>{}(source + flags()));
    const std::string cache = home() + "/cache", stem = cache + "/" + name + "-" + key;
    if (access((stem + ".so").c_str(), R_OK) != 0) {
        mkdir(cache.c_str(), 0777);
        // Whole or not at all: several processes may compile the same.
        static std::atomic<unsigned> files{0};
        const std::string own = stem + "." + std::to_string(getpid()) + "." + std::to_string(files++);
        std::ofstream(own + ".cpp") << "#include <cuda_runtime.h>\n" << source;
        const std::string command = "g++ -w -shared " + flags() + " -I'" + home() + "/include' -o '" + own + ".so' '" + own + ".cpp' -L'" + home() +
                                    "/lib' -l:libcuda.so.1 2>'" + own + ".log'";
        const int status = std::system(command.c_str());
        program.log = contents(own + ".log");
        if (status == 0) std::rename((own + ".so").c_str(), (stem + ".so").c_str());
        if (status == 0) unlink((own + ".cpp").c_str());
        unlink((own + ".log").c_str());
        if (status != 0) return COMPILATION;
    }
    program.ptx = name + " " + stem + ".so";
    return OK;
}

} // namespace

extern "C" {
int nvrtcVersion(int *major, int *minor) {
    const int version = standin::version("CUDA_STANDIN_NVRTC", "12.8");
    *major = version / 1000;
    *minor = version % 1000 / 10;
    return OK;
}
const char *nvrtcGetErrorString(int result) { return result == OK ? "NVRTC_SUCCESS" : "NVRTC_ERROR_COMPILATION"; }
int nvrtcCreateProgram(Program **program, const char *source, const char *, int, const char *const *, const char *const *) {
    *program = new Program{source, "", ""};
    return OK;
}
int nvrtcDestroyProgram(Program **program) {
    delete *program;
    *program = nullptr;
    return OK;
}
int nvrtcCompileProgram(Program *program, int, const char *const *) { return compile(*program); }
int nvrtcGetProgramLogSize(Program *program, size_t *bytes) {
    *bytes = program->log.size() + 1;
    return OK;
}
int nvrtcGetProgramLog(Program *program, char *out) {
    std::strcpy(out, program->log.c_str());
    return OK;
}
int nvrtcGetPTXSize(Program *program, size_t *bytes) {
    *bytes = program->ptx.size() + 1;
    return OK;
}
int nvrtcGetPTX(Program *program, char *out) {
    std::strcpy(out, program->ptx.c_str());
    return OK;
}
}
