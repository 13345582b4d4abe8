#!/bin/sh
# build.sh FOLDER: builds the stand-in for CUDA into FOLDER, with g++. Programs are started on it by
# FOLDER/run PROGRAM ARGUMENTS...
set -eu
[ $# = 1 ] || { echo "usage: $0 FOLDER" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1/lib" "$1/include"
home=$(cd "$1" && pwd)

# Kernels of a former header or compiler are compiled anew.
rm -rf "$home/cache"
cp "$here/include/cuda_runtime.h" "$home/include/"
warnings="-Wall -Wextra -Werror"
g++ -std=c++17 -O2 $warnings -shared -fPIC -o "$home/lib/libcuda.so.1" "$here/driver.cpp" -ldl
ln -sf libcuda.so.1 "$home/lib/libcuda.so"
g++ -std=c++17 -O2 $warnings -shared -fPIC -o "$home/lib/libnvrtc.so" "$here/compiler.cpp"
# Halves the time of a kernel; its flags are those of compiler.cpp.
g++ -w -std=c++17 -O2 -fPIC -mavx2 -mfma -ffp-contract=off -x c++-header -o "$home/include/cuda_runtime.h.gch" "$home/include/cuda_runtime.h"

cat >"$home/run" <<END
#!/bin/sh
# Starts a program on the stand-in for CUDA.
LD_LIBRARY_PATH="$home/lib\${LD_LIBRARY_PATH:+:\$LD_LIBRARY_PATH}" CUDA_PATH="$home" CUDA_STANDIN_HOME="$home" exec "\$@"
END
chmod +x "$home/run"
