# vm.sh - the emulated ARM machine of e2e/in-vm and bench/in-vm, which source this in the root of the repository:
# makes its image and sysroot unless they are there, and cross-builds the programs into build/arm64/bin.
#
# ARM64_VM names the script `arm64-vm` (else it is in PATH), ARM64_VM_DIR the folder of its image and sysroot (made
# once, in 5 minutes).
vm=${ARM64_VM:-arm64-vm}
logs=build/in-vm
export ARM64_VM_DIR=${ARM64_VM_DIR:-$HOME/.cache/arm64-vm-e2e}
export ARM64_VM_PACKAGES="python3-psutil python3-uvloop libdebuginfod1 python3.11-dbg libpython3.11-dev linux-perf gnuplot-nox fonts-dejavu-core libcap2-bin gcc libc6-dev"
export ARM64_VM_SYSROOT_PACKAGES="musl libiberty-dev libffi-dev"
export ARM64_SYSROOT=${ARM64_SYSROOT:-$ARM64_VM_DIR/sysroot}
mkdir -p "$logs"

"$vm" build
[[ $ARM64_SYSROOT != "$ARM64_VM_DIR/sysroot" ]] || "$vm" sysroot
{ cmake --preset arm64 -G Ninja && cmake --build --preset arm64; } >"$logs/build.log" 2>&1 ||
    { tail -n 40 "$logs/build.log"; exit 1; }
