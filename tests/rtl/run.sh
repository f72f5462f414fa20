#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The accelerator core of src/rtl against the C code: lint, arithmetic units, array, whole tokens,
# netlists.
#
#   run.sh BUILD [PART...]    BUILD is make's folder of everything built; without parts: all
#
# Needs verilator and a C++ compiler, iverilog, yosys; what is missing is skipped and counted.
# LONG=1 runs ten to a hundred times as much.  The last line is "N passed, N failed, N skipped".
set -u
build=$1/rtl
library=$1/libnomul.a
shift
parts=${*:-lint float array multiply}
root=$(pwd)
passed=0 failed=0 skipped=0
mkdir -p "$build"

ok() { passed=$((passed + 1)) && echo "ok   $1"; }
bad() { failed=$((failed + 1)) && echo "FAIL $1"; }
skip() { skipped=$((skipped + 1)) && echo "SKIP $1: $2 is not installed"; }
has() { command -v "$1" > /dev/null; }

# check TITLE COMMAND...: its output is shown.
check() {
    title=$1
    shift
    if "$@"; then ok "$title"; else bad "$title"; fi
}

# lint TOP [OPTION...]: all warnings, no waivers.
lint() {
    top=$1
    shift
    verilator --lint-only -Wall --top-module "$top" -y src/rtl "$@" "src/rtl/$top.v"
}

# simulate NAME TOP SOURCE OPTION...: builds $build/NAME from TOP and the C++ driver SOURCE.
# Registers begin with random values, so that one that is used before it is set cannot hide.
simulate() {
    name=$1 top=$2 driver=$3
    shift 3
    rm -rf "$build/$name.dir" "$build/$name"
    verilator --cc --exe --build -O3 --x-assign unique --x-initial unique -Wall \
        --top-module "$top" -y src/rtl -y tests/rtl \
        -CFLAGS "-O2 -ffp-contract=off -I$root/src -I$root/include" \
        -LDFLAGS "$root/$library -lm -pthread" \
        --Mdir "$build/$name.dir" -o "../$name" "$@" \
        "$top.v" "$root/tests/rtl/$driver" > "$build/$name.log" 2>&1 ||
        { grep -i error "$build/$name.log" | head -n 20 && return 1; }
}

run_lint() {
    has verilator || { skip lint verilator && return; }
    for module in src/rtl/*.v; do
        check "lint $(basename "$module" .v)" lint "$(basename "$module" .v)"
    done
}

run_float() {
    has verilator || { skip float verilator && return; }
    simulate float_sim float_units float_sim.cpp || { bad "float: build" && return; }
    check "add, multiply, divide, square root" "$build/float_sim" "1${LONG:+0}0000000"
}

run_array() {
    has verilator || { skip array verilator && return; }
    for rows in 16 ${LONG:+32} 64; do
        simulate "array_sim$rows" nm_array array_sim.cpp -GROWS=$rows -CFLAGS -DROWS=$rows ||
            { bad "array of $rows rows: build" && continue; }
        check "array of $rows rows" "$build/array_sim$rows" "1${LONG:+0}00"
    done
}

# The array's netlist has no multiplier: not before and not after mapping to an FPGA with some.
# The same check must find the one of nm_fmul.
no_multiplier() {
    yosys -q -p "read_verilog $2; hierarchy -top $1; proc; flatten; opt; select -assert-none \
        t:\$mul t:\$macc t:\$div t:\$mod t:\$pow; synth_ecp5 -run :map_gates; \
        select -assert-none t:*MULT*" > "$build/multiply.log" 2>&1
}
run_multiply() {
    has yosys || { skip multiply yosys && return; }
    array="src/rtl/nm_array.v src/rtl/nm_row_sum.v src/rtl/nm_trits.v"
    check "no multiplication in the array" no_multiplier nm_array "$array"
    if no_multiplier nm_fmul "src/rtl/nm_fmul.v src/rtl/nm_clz.v"; then
        bad "the multiplier of nm_fmul is found"
    else
        ok "the multiplier of nm_fmul is found"
    fi
}

for part in $parts; do "run_$part"; done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
