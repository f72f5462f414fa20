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
nomul=$1/nomul
shift
parts=${*:-program lint float array netlist core axi shapes icarus multiply formal}
root=$(pwd)
sources='-y src/rtl -y tests/rtl'
modules=$sources
passed=0 failed=0 skipped=0 objects=
mkdir -p "$build"

ok() { passed=$((passed + 1)) && echo "ok   $1"; }
bad() { failed=$((failed + 1)) && echo "FAIL $1"; }
# skip TITLE WHAT [WHY]: counts a test that cannot run: WHAT is not installed, or WHY.
skip() { skipped=$((skipped + 1)) && echo "SKIP $1: $2 is ${3:-not installed}"; }
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
    verilator --lint-only -Wall --top-module "$top" -y src/rtl -Isrc/rtl "$@" "src/rtl/$top.v"
}

# simulate NAME TOP SOURCE OPTION...: builds $build/NAME from TOP, as $modules has it, and the C++
# driver SOURCE.  The rules of the ports (tests/rtl/*_rules.v) are checked at every clock.
# Registers begin with random values, so that one that is used before it is set cannot hide.
simulate() {
    name=$1 top=$2 driver=$3
    shift 3
    rm -rf "$build/$name.dir" "$build/$name"
    verilator --cc --exe --build -O3 --x-assign unique --x-initial unique -Wall \
        --top-module "$top" $modules -Isrc/rtl +define+NM_RULES +define+NM_RULES_STOP \
        -CFLAGS "-O2 -ffp-contract=off -I$root/src -I$root/include -I$root/tests/rtl" \
        -LDFLAGS "$objects $root/$library -lm -pthread" \
        --Mdir "$build/$name.dir" -o "../$name" "$@" \
        "$top.v" "$root/tests/rtl/$driver" > "$build/$name.log" 2>&1 ||
        { grep -i error "$build/$name.log" | head -n 20 && return 1; }
}

# The ROM is what assemble.awk makes of the program.
run_program() {
    awk -f src/rtl/assemble.awk src/rtl/program.txt > "$build/nm_program.v" &&
        cmp "$build/nm_program.v" src/rtl/nm_program.v && ok "nm_program.v is program.txt" ||
        bad "nm_program.v is program.txt: make rtl"
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

# simulate_core NAME LANES M_STRIPS G_STRIPS Q_GROUPS [OPTION...]: a core and the C engine side by
# side.
simulate_core() {
    core=$1
    shape="-DLANES=$2 -DM_STRIPS=$3 -DG_STRIPS=$4 -DQ_GROUPS=$5 -DWAIT_BITS=$wait_bits"
    sizes="-GLANES=$2 -GM_STRIPS=$3 -GG_STRIPS=$4 -GQ_GROUPS=$5 -GWAIT_BITS=$wait_bits"
    shift 5
    objects=
    for source in src/rtl/host/rtl_image.c tests/rtl/core_host.c; do
        object=$root/$build/$(basename "$source" .c).o
        ${CC:-cc} -std=c11 -D_POSIX_C_SOURCE=200809L -O2 -Wall -Wextra -Iinclude -Isrc -Itests/rtl \
            -c -o "$object" "$source" || return 1
        objects="$objects $object"
    done
    simulate "$core" ${core_top:-nm_core} core_sim.cpp ${planted:-$sizes $root/tests/rtl/busy.vlt} \
        -CFLAGS "$shape" "$@"
    code=$?
    objects=
    return $code
}

# tokens MODEL OPTION...: whole tokens, each logit and all of the state as from the C engine.
tokens() {
    check "$core: $(basename "$1") $(echo "$*" | cut -s -d ' ' -f 2-)" "$build/$core" "$@"
}

# The hash of eight ids must be that of the program.
same_hash() {
    ids=1,5,200,17,2,258,64,8
    hash=$("$build/$core" "$1" -q -i $ids | tail -n 1)
    [ -n "$hash" ] && [ "$hash" = "$("$nomul" logits -m "$1" --ids $ids --hash)" ]
}

# The models of the tests that are not in the repository as model files.
make_models() {
    for model in odd wide-no-bound; do
        "$nomul" convert "tests/golden/$model" -o "$build/$model.gguf" --no-tokenizer \
            --embedding f32 -q &&
            "$nomul" repack "$build/$model.gguf" --pack 1.6bit -o "$build/$model-t5.gguf" -q ||
            bad "convert $model"
    done
    # A term of the norm that counts, with each bit of its fraction 0 in one and 1 in the other.
    for eps in a:0.66666663 5:0.83333331; do
        rm -rf "$build/eps" && cp -r tests/golden/odd "$build/eps" &&
            sed -i "s/\(rms_norm_eps\": \).*,/\1${eps#*:},/" "$build/eps/config.json" &&
            "$nomul" convert "$build/eps" -o "$build/eps-${eps%:*}.gguf" --no-tokenizer \
                --embedding f32 -q || bad "convert eps ${eps#*:}"
    done
    "$nomul" repack models/tiny.gguf --pack 1.6bit -o "$build/tiny-t5.gguf" -q ||
        bad "repack tiny"
}

# The runs of a core of 4 lanes, those that find faults (mutate.sh) in most places first.  The first
# one may not take a clock more than it does.  The images lie where most bits of an address count,
# vectors at the beginnings (-t: ends) of the core's memories.  The shapes have several panels of
# tiles, K blocks and requests a vector, K blocks without a rest in two panels, two rows in the last
# tile, an `up` that begins at the last lane, nearly as many columns and as many tokens as there may
# be.  With -g 14 the reader of the logits is slower than the core.  -k: sigmoids near 0 and 1.
# Where the term of the norms is not small (eps) the bits of a scalar count.
core4_sizes='4 10880 8704 6560'
wait_bits=11
core_cases() {
    cat << END
tests/golden/small.gguf -n 1 -b 0xa5a5a5a40 -c $small_clocks
tests/golden/small-t5.gguf -n 2 -t -x -g 3 -b 0x5a5a5a580 -c 200000
$build/odd.gguf -n 3 -g 3 -c 200000
$build/odd-t5.gguf -n 4 -t -g 3 -s 7 -c 200000
$build/wide-no-bound.gguf -n 3 -g 3 -c 400000
$build/wide-no-bound-t5.gguf -n 3 -t -g 3 -s 7 -c 400000
tests/golden/small.gguf -n 2 -x -g 4 -c 200000
tests/golden/small.gguf -n 2 -g 14 -s 5 -c 60000
shape:2,1024,704,300 -n 1 -b 0xa5a5a5a40 -c 900000
shape:2,768,1408,300:t5 -n 1 -t -b 0x5a5a5a580 -c 900000
models/tiny.gguf -n 6 -g 6 -l 60 -c 400000
$build/tiny-t5.gguf -n 8 -g 4 -c 400000
shape:1,64,67,258 -n 1 -c 10000
shape:1,64,32767,258:t5 -n 1 -c 500000
$build/odd.gguf -n 3 -k 20 -c 100000
$build/odd-t5.gguf -n 3 -k 200 -s 3 -c 100000
$build/eps-a.gguf -n 1 -g 3 -c 100000
$build/eps-5.gguf -n 1 -g 3 -c 100000
shape:1,480,67,2500 -n 1 -b 0xa5a5a5a40 -c 60000
shape:1,64,67,131072 -n 1 -t -i 131071 -c 400000
END
}
small_clocks=11233

run_core() {
    has verilator || { skip core verilator && return; }
    make_models
    # Unquoted, here and below: several words.
    simulate_core core4 $core4_sizes || { bad "core of 4 lanes: build" && return; }
    core_cases > "$build/core.cases"
    while read -r case; do tokens $case; done < "$build/core.cases"
    for seed in 1 2 3; do
        tokens models/tiny.gguf -n 64 -s $seed -g $((2 * seed)) -l $((20 * seed))
        for model in "$build/odd.gguf" "$build/odd-t5.gguf"; do
            tokens "$model" -n 6 -s $seed -g $((2 * seed)) -l $((20 * seed))
        done
    done
    tokens models/tiny.gguf -n 64
    for model in models/tiny.gguf "$build/odd.gguf" "$build/odd-t5.gguf"; do
        check "the hash of nomul logits: $(basename "$model")" same_hash "$model"
    done
    n=8 && [ -z "${LONG-}" ] || n=64
    shipped=models/stories-77m.gguf
    if [ -f $shipped ]; then
        tokens $shipped -n $n
    else
        skip "the shipped model" $shipped missing
    fi
    if [ -n "${LONG-}" ]; then wide_cores; fi
}

# The same through the adapters; the rules of the buses are checked at every clock.
run_axi() {
    has verilator || { skip axi verilator && return; }
    make_models
    core_top=nm_axi_core
    for lanes in 4 ${LONG:+16}; do
        simulate_core "axi$lanes" "$lanes" 4096 1024 512 -CFLAGS -DAXI ||
            { bad "AXI, $lanes lanes: build" && continue; }
        axi_cases > "$build/axi.cases"
        while read -r case; do tokens $case; done < "$build/axi.cases"
        for seed in 1 2 3; do
            tokens "$build/odd.gguf" -n 2 -s $seed -g $((3 * seed)) -l $((40 * seed))
        done
    done
    core_top=
}
axi_cases() {
    cat << END
tests/golden/small.gguf -n 2 -x -g 4 -c 400000
models/tiny.gguf -n 2 -s 1 -g 3 -l 40 -b 0xfffc0 -c 400000
models/tiny.gguf -n 2 -s 2 -g 6 -l 80 -b 0xa5a5a5a40 -c 400000
models/tiny.gguf -n 2 -t -s 3 -g 9 -l 120 -b 0x5a5a5a580 -c 400000
END
}

wide_cores() {
    for lanes in 8 16; do
        simulate_core core$lanes $lanes 2048 512 512 ||
            { bad "core of $lanes lanes: build" && continue; }
        for model in models/tiny.gguf "$build/tiny-t5.gguf" "$build/odd.gguf" \
            "$build/odd-t5.gguf" "$build/wide-no-bound-t5.gguf" tests/golden/small.gguf; do
            tokens "$model" -n 4 -g 3
        done
        tokens tests/golden/small.gguf -n 2 -x -g 4 -c 200000
    done
}

# The table in README.md, "Figures": the shipped models with both packings, and a token of the large
# shapes, random weights, with memories that are just large enough for 1.3B: needs 2 GB of memory.
run_shapes() {
    [ -n "${LONG-}" ] || return
    has verilator || { skip shapes verilator && return; }
    table_of 16 3584 624 1536
    table_of 4 14336 2560 1536
}
# table_of LANES M_STRIPS G_STRIPS Q_GROUPS
table_of() {
    simulate_core "large$1" "$@" || { bad "large core of $1 lanes: build" && return; }
    for name in stories-77m stories-14m tiny; do
        for packing in 2bit 1.6bit; do
            model=$build/$name-$packing.gguf
            [ -f "models/$name.gguf" ] || { skip "$name" "models/$name.gguf" missing && continue; }
            "$nomul" repack "models/$name.gguf" --pack $packing -o "$model" -q || bad "repack $name"
            tokens "$model" -n 2
        done
    done
    for shape in 12,512,1536,8192 370m 1.3b; do tokens "shape:$shape" -n 1; done
}

# A token under Icarus, where a register that was not set is x and spreads: 30,000 clocks.
icarus_token() {
    prefix=$build/tiny
    iverilog -g2005 -Isrc/rtl -s core_tb -o "$build/core_tb" tests/rtl/core_tb.v src/rtl/nm_*.v ||
        return 1
    # Unquoted: several arguments.
    vvp -n "$build/core_tb" "+prefix=$prefix" $("$build/core4" models/tiny.gguf -n 1 \
        -d "$prefix") > "$build/icarus.log"
    tail -n 12 "$build/icarus.log"
    grep -q '^512 logits of 512: 0 wrong' "$build/icarus.log"
}
run_icarus() {
    has iverilog || { skip icarus iverilog && return; }
    check "Icarus reads the core as Verilog-2005" iverilog -g2005 -Wall -Wno-timescale \
        -Isrc/rtl -tnull -s nm_core src/rtl/nm_*.v
    has verilator || { skip "a token under Icarus" verilator && return; }
    [ "$build/core4" -nt tests/rtl/core_sim.cpp ] || simulate_core core4 $core4_sizes ||
        { bad "icarus: build" && return; }
    check "a token under Icarus" icarus_token
}

# The sources of a module's proof: those of its parts, and the rules of the ports.
rules=$(echo tests/rtl/*_rules.v)
parts_of() {
    case $1 in
    nm_array) echo src/rtl/nm_row_sum.v src/rtl/nm_trits.v "$rules" ;;
    nm_stream) echo src/rtl/nm_array.v src/rtl/nm_row_sum.v src/rtl/nm_trits.v "$rules" ;;
    *) echo "$rules" ;;
    esac
}
# The parameters of the smallest one in which everything can happen.
small_one() {
    case $1 in
    nm_fifo) echo "chparam -set WIDTH 4 -set BITS 2 nm_fifo;" ;;
    nm_memory) echo "chparam -set WIDTH 2 -set WORDS 112 nm_memory;" ;;
    nm_array) echo "chparam -set ROWS 1 nm_array;" ;;
    nm_qpack) echo "chparam -set DEPTH_BITS 2 -set Q_BITS 2 nm_qpack;" ;;
    nm_stream) echo "chparam -set Q_BITS 8 -set G_BITS 4 nm_stream;" ;;
    esac
}
# bounded SMT2 STEPS [-i]: no assertion fails in the first STEPS clocks.
bounded() { timeout 600 yosys-smtbmc -s z3 --unroll --noprogress -t "$2" ${3-} "$1"; }

# holds MODULE STEPS INDUCTION: its properties hold for STEPS clocks from a reset on, and by
# induction over INDUCTION clocks always.  SOURCE is the module's file.
holds() {
    # Unquoted: several files.
    yosys -q -p "read_verilog -formal -DFORMAL -DNM_RULES ${SOURCE:-src/rtl/$1.v} $(parts_of "$1");
        $(small_one "$1") prep -top $1; write_smt2 -wires $build/$1.smt2" \
        > "$build/formal.log" 2>&1 &&
        bounded "$build/$1.smt2" "$2" >> "$build/formal.log" 2>&1 &&
        bounded "$build/$1.smt2" "$3" -i >> "$build/formal.log" 2>&1
}
# refuted MODULE STEPS SCRIPT: after these sed commands an assertion fails; that the tools do is not
# enough.
refuted() {
    sed "$3" "src/rtl/$1.v" > "$build/$1.v"
    ! cmp -s "$build/$1.v" "src/rtl/$1.v" && ! SOURCE=$build/$1.v holds "$1" "$2" 1 &&
        grep -q "Assert failed in $1" "$build/formal.log"
}
run_formal() {
    has yosys-smtbmc || { skip formal yosys && return; }
    has z3 || { skip formal z3 && return; }
    check "nm_fifo: nothing is lost, doubled or changed" holds nm_fifo 12 4
    check "an overfull queue is found" \
        refuted nm_fifo 12 "s/assign in_ready = .*/assign in_ready = 1'b1;/"
    check "nm_memory: what is read was written" holds nm_memory 6 3
    check "a write to two places is found" \
        refuted nm_memory 6 's/wire  *to_here = .*/wire to_here = 1;/'
    check "nm_array: sums stay, one beat for each last one" holds nm_array 8 2
    check "an array that does not wait is found" \
        refuted nm_array 8 's/move = !out_full || out_ready/move = 1/'
    check "nm_qpack: each byte in its place, padding" holds nm_qpack 5 2
    check "a group too early is found" \
        refuted nm_qpack 6 "s/n_held >= group_bytes/n_held >= 5'd4/"
    check "nm_stream: requests stay, exactly the beats that are needed" holds nm_stream 5 2
    check "a request that does not stay is found" \
        refuted nm_stream 5 's/if (ask) asking/if (ar_valid) asking/'
    check "a beat too many is found" \
        refuted nm_stream 9 "/more *<= more >/s/more - 16'd256/more - 16'd255/"
    check "nm_axi_lite: the rules of the bus" holds nm_axi_lite 4 2
    check "an answer that does not stay is found" refuted nm_axi_lite 6 \
        's/else if (s_axi_bready) s_axi_bvalid/else s_axi_bvalid/'
    check "a lost bit of an address is found" refuted nm_axi_lite 4 \
        's/read_address <= s_axi_araddr.*;/& read_address[11] <= 0;/'
    check "nm_axi_read: the rules of the bus, exactly the beats asked for" holds nm_axi_read 4 2
    check "a burst across 4 KB is found" refuted nm_axi_read 4 's/left < room ? left : room/left/'
    check "a burst that waits for ARREADY is found" refuted nm_axi_read 4 \
        's/(!m_axi_arvalid || m_axi_arready)/m_axi_arready/'
}

# multipliers TOP EXPECTED SOURCES: the netlist has none, or some, both before and after mapping to
# an FPGA with DSP blocks.  Yosys counts: where it fails there is no count, which is neither.
multipliers() {
    yosys -p "read_verilog $3; hierarchy -top $1; proc; flatten; opt; select -count \
        t:\$mul t:\$macc t:\$div t:\$mod t:\$pow; synth_ecp5 -run :map_gates; \
        select -count t:*MULT*" > "$build/multiply.log" 2>&1 || return 1
    counts=$(sed -n 's/^\([0-9]*\) objects\.$/\1/p' "$build/multiply.log" | tr '\n' ' ')
    echo "$1: $counts"
    case $2:$counts in
    none:'0 0 ') ;;
    some:[1-9]*' '[1-9]*' ') ;;
    *) return 1 ;;
    esac
}
run_multiply() {
    has yosys || { skip multiply yosys && return; }
    check "no multiplication in the array" multipliers nm_array none \
        "src/rtl/nm_array.v src/rtl/nm_row_sum.v src/rtl/nm_trits.v"
    check "the multiplier of nm_fmul is found" multipliers nm_fmul some \
        "src/rtl/nm_fmul.v src/rtl/nm_unpack.v \
        src/rtl/nm_clz.v src/rtl/nm_shift_right.v"
}

# netlist TOP SOURCES: $build/netlist/TOP.v, nothing but Yosys' generic gates and flip-flops.
netlist() {
    mkdir -p "$build/netlist"
    yosys -q -p "read_verilog $2; synth -flatten -top $1; select -assert-none t:* t:\$_* %d; \
        write_verilog -noattr $build/netlist/$1.v" > "$build/netlist/$1.log" 2>&1
}

# The same benches on what synthesis makes of the modules: all vectors of the array, a tenth of the
# random ones of adder and multiplier.
run_netlist() {
    has verilator || { skip netlist verilator && return; }
    has yosys || { skip netlist yosys && return; }
    parts="src/rtl/nm_unpack.v src/rtl/nm_clz.v src/rtl/nm_shift_right.v"
    netlist nm_array "src/rtl/nm_array.v src/rtl/nm_row_sum.v src/rtl/nm_trits.v" &&
        netlist nm_fadd "src/rtl/nm_fadd.v $parts" && netlist nm_fmul "src/rtl/nm_fmul.v $parts" ||
        { bad "netlists: synthesis" && return; }
    modules="-y $build/netlist $sources -Wno-fatal"
    simulate array_gates nm_array array_sim.cpp -CFLAGS "-O1 -DROWS=16" &&
        check "the netlist of the array" "$build/array_gates" "1${LONG:+0}00" ||
        bad "the netlist of the array: build"
    simulate float_gates float_units float_sim.cpp -CFLAGS -O1 &&
        check "the netlists of adder and multiplier" "$build/float_gates" "1${LONG:+0}000000" ||
        bad "the netlists of adder and multiplier: build"
    modules=$sources
}

. tests/rtl/mutate.sh
for part in $parts; do "run_$part"; done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
