# SPDX-License-Identifier: Apache-2.0
# Mutation coverage, a part of run.sh (`make mutate-rtl`): 228 faults that Yosys plants in the
# netlists of the modules, each against the cases of its bench in `make check-rtl`, then
# the proof of the module.  Some are proved to change nothing; of the others, at least 200, 95 %
# must be found.
#
# All faults of a bench are in one netlist, where an input `fault` selects one (mutate -ctrl): each
# bench is compiled once.  A fault is found if the bench says FAIL; a bench that fails in any other
# way has broken down.  Without a fault every bench must pass.  MUTATE_SEED=2 plants other faults,
# MUTATE='array axi' those of some benches.
#
# Results stay in $build/TOP.faults/results as long as netlist and benches are the same: a found
# fault as long as what found it is one of the runs, a survivor as long as all runs and proofs are.

# plant TOP COUNT SOURCES PARAMETERS CELLS: $build/TOP.faults/TOP.v and the list of its faults, all
# in CELLS.  The checkers of the rules stay as they are, outside.  splitnets: Yosys makes write
# enables whose bits are copies of one of them; from such a wire that depends on an input,
# Verilator 5.006 took the value of the clock before.
plant() {
    faults=$build/$1.faults
    mkdir -p "$faults"
    yosys -q -p "read_verilog -lib tests/rtl/*_rules.v; setattr -mod -set keep 1 =*_rules; \
        read_verilog -DNM_RULES -Isrc/rtl $3; $4 prep -top $1; opt -full; clean; \
        write_rtlil $faults/clean.il; \
        mutate -list $2 -seed ${MUTATE_SEED:-1} -ctrl fault 8 1 -o $faults/list $5" \
        > "$faults/yosys.log" 2>&1 &&
        yosys -q -p "read_rtlil $faults/clean.il; script $faults/list; splitnets -driver; \
            write_verilog -noattr $faults/$1.v" >> "$faults/yosys.log" 2>&1 &&
        [ "$(wc -l < "$faults/list")" = "$2" ]
}

# finds FAULT COMMAND...: 0 if the bench passes, 1 if it finds the fault, otherwise it broke down.
finds() {
    FAULT=$1 && export FAULT
    shift
    timeout 900 "$@" > "$build/mutate.out" 2>&1
    code=$?
    [ $code = 0 ] || { grep -q '^FAIL' "$build/mutate.out" && code=1 || code=2; }
    return $code
}

# first_to_find FAULT COMMANDS: the first of these lines that finds the fault; none: survives.
first_to_find() {
    while read -r command; do
        # Unquoted: several words.
        finds "$1" $command
        case $? in
        0) ;;
        1) echo "found     by $(basename "$command")" && return ;;
        *) echo "breakdown of $command: $(tail -n 1 "$build/mutate.out")" && return ;;
        esac
    done << END
$2
END
    echo survives
}

# same FILE: FILE is the checksum of the input; if not it is now.
same() {
    cksum > "$1.new"
    cmp -s "$1.new" "$1" || ! mv "$1.new" "$1"
}

# known TOP COMMANDS: drops the results that are not valid any more.
known() {
    results=$build/$1.faults/results
    cat "$build/$1.faults/$1.v" tests/rtl/*.[chv]* src/rtl/host/* |
        same "$build/$1.faults/sources" || : > "$results"
    ! { echo "$2" && cat tests/rtl/mutate.sh; } | same "$build/$1.faults/runs" || return
    { echo "$2" | sed 's|.*/||; s|$| \||' && echo 'found     by its proof |' &&
        echo 'changes nothing |'; } > "$build/valid"
    grep -F -f "$build/valid" "$results" > "$results.new"
    mv "$results.new" "$results"
}

# hunt TOP COMMANDS BUILD...: every fault, with what finds it, in $build/TOP.faults/results.
hunt() {
    top=$1 commands=$2 list=$build/$1.faults/list
    shift 2
    known "$top" "$commands"
    if [ "$(wc -l < "$results")" -lt "$(wc -l < "$list")" ]; then
        "$@" || return 1
        sound=$(first_to_find 0 "$commands")
        [ "$sound" = survives ] || { bad "$top without a fault: $sound" && return; }
    fi
    n=0
    while read -r fault; do
        n=$((n + 1))
        ! grep -q "^$n " "$results" || continue
        result=$(first_to_find $n "$commands")
        [ "$result" != survives ] || result=$(judge "$top" $n)
        printf '%s %s | %s\n' "$n" "$result" "$fault" >> "$results"
    done < "$list"
    sort -n "$results" >> "$build/mutate.results"
}

# mutants_of TOP COMMAND...: a simulation of the netlist with the faults instead of the modules.
mutants_of() {
    modules="-y $build/$1.faults $sources -Wno-fatal" planted=-Wno-fatal
    shift
    "$@" -CFLAGS -DFAULTS
    code=$?
    modules=$sources planted=
    return $code
}

# judge TOP FAULT: what the proofs say of a fault that no bench finds.
judge() {
    fault=$(sed -n "$2p" "$build/$1.faults/list" | sed 's/ -ctrl fault 8 [0-9]*//')
    module=$(printf '%s\n' "$fault" | sed 's/.* -module \(.*\) -cell .*/\1/')
    if disproved "$1"; then
        echo "found     by its proof"
    elif changes_nothing "$1"; then
        echo 'changes nothing'
    else
        echo survives
    fi
}

# upper_bit NAME SIGNAL: of a port or register of $build/NAME.netlist.
upper_bit() {
    sed -n "/^module $1 *(/,/^endmodule/s/.* \[\([0-9]*\):0\] $2;.*/\1/p" "$build/$1.netlist" |
        head -n 1
}

# with_properties NAME: the constants and properties of a module's source, for what the netlist has
# of it, $build/NAME.netlist.
with_properties() {
    echo 'localparam LANES = 4, LANE_BITS = 2, DEPTH_BITS = 4, ROWS = 16, ADDRESS_BITS = 20;'
    case $1 in
    nm_fifo)
        echo "localparam WIDTH = $(upper_bit "$1" in_data) + 1, BITS = $(upper_bit "$1" head);"
        ;;
    nm_memory)
        echo "localparam WIDTH = $(upper_bit "$1" write_data) + 1;"
        echo "localparam BITS = $(upper_bit "$1" write_address) + 1;"
        sed -n 's/.*words *\[\([0-9]*\):0\];/\1/p' "$build/$1.netlist" |
            awk '{ n += $1 + 1 } END { print "localparam WORDS = " n ";" }'
        ;;
    nm_qpack) echo "localparam Q_BITS = $(upper_bit "$1" q_address);" ;;
    nm_stream)
        echo "localparam Q_BITS = $(upper_bit "$1" q_address);"
        echo "localparam G_BITS = $(upper_bit "$1" g_address) + 1;"
        ;;
    esac
    sed -n '/^    localparam/p; /^`ifdef FORMAL/,/^`endif/p' "src/rtl/$1.v"
}

# disproved TOP: the properties of $module do not hold with $fault.  They are in the module's
# source; here they go into the netlist, which has the same registers.
disproved() {
    case $module in
    *nm_fifo*) name=nm_fifo steps=20 ;;
    *nm_memory*) name=nm_memory steps=6 ;;
    *nm_array*) name=nm_array steps=8 ;;
    *nm_qpack*) name=nm_qpack steps=7 ;;
    *nm_stream*) name=nm_stream steps=7 ;;
    *nm_axi_lite*) name=nm_axi_lite steps=12 ;;
    *nm_axi_read*) name=nm_axi_read steps=7 ;;
    *) return 1 ;;
    esac
    has yosys-smtbmc && has z3 || return 1
    # What the sums are no property of nm_stream says; without them z3 needs seconds, not minutes.
    cut=
    [ $name != nm_stream ] || cut='delete */t:*nm_row_sum*;'
    for side in "$fault;" ''; do
        yosys -q -p "read_rtlil $build/$1.faults/clean.il; $side hierarchy -top $module; \
            rename $module $name; $cut write_verilog -noattr $build/$name.netlist" \
            > "$build/proof.log" 2>&1 || return 1
        with_properties "$name" > "$build/$name.properties"
        awk -v name="$name" -v properties="$build/$name.properties" '
            $1 == "module" { inside = $2 == name || index($2, name "(") == 1 }
            inside && $1 == "endmodule" { while ((getline line < properties) > 0) print line }
            { print }' "$build/$name.netlist" > "$build/$name.proof.v"
        yosys -q -p "read_verilog -formal -DFORMAL -DNM_RULES $build/$name.proof.v $rules; \
            prep -top $name; setundef -undriven -anyseq; \
            write_smt2 -wires $build/$name.smt2" >> "$build/proof.log" 2>&1 ||
            return 1
        bounded "$build/$name.smt2" $steps >> "$build/proof.log" 2>&1
        code=$?
        [ -z "$side" ] || grep -q "Assert failed in $name" "$build/proof.log" || return 1
    done
    return $code
}

# changes_nothing TOP: proves, by induction over the registers of the same name, that $module with
# $fault computes what it does without, whatever its inputs are, or that TOP does, all modules in
# one.  Such a fault cannot be found.  Memories, and modules in $module, are boxes, the same on both
# sides: their inputs have to be equal.
changes_nothing() {
    cat > "$build/box.v" << 'END'
(* blackbox *) module memory_box (
    input RD_CLK, RD_EN, RD_ARST, RD_SRST, RD_ADDR, WR_CLK, WR_EN, WR_ADDR, WR_DATA,
    output RD_DATA
);
endmodule
END
    equal "$1" "$module" '' clean || equal "$1" "$module" '' 'equiv_struct -icells' ||
        equal "$1" "$1" 'flatten; clean' 'equiv_struct -icells'
}

# equal TOP MODULE FLATTEN FIRST
equal() {
    for side in gold gate; do
        echo "read_rtlil $build/$1.faults/clean.il; delete */c:*rules"
        [ $side = gold ] || printf '%s\n' "$fault"
        printf 'hierarchy -top %s; %s; memory_map -rom-only; opt_clean -purge\n' "$2" "$3"
        printf 'chtype -set \\memory_box t:$mem_v2\n'
        echo "read_verilog $build/box.v; rename -top $side; design -stash $side"
    done > "$build/equal.ys"
    cat >> "$build/equal.ys" << END
design -load gold; design -copy-from gate -as gate gate
equiv_make gold gate equiv; delete gold gate; cd equiv; $4
equiv_simple; equiv_induct -seq 2; equiv_status -assert
END
    timeout 600 yosys -q "$build/equal.ys" > "$build/equal.log" 2>&1
}

mutate_float() {
    plant float_units 48 "tests/rtl/float_units.v src/rtl/nm_f*.v src/rtl/nm_unpack.v \
        src/rtl/nm_clz.v src/rtl/nm_shift_right.v src/rtl/nm_lane.v" '' '*nm_*' &&
        hunt float_units "$build/float_faults 20000
$build/float_faults 2000000" mutants_of float_units simulate float_faults float_units float_sim.cpp
}
mutate_array() {
    plant nm_array 24 "src/rtl/nm_array.v src/rtl/nm_row_sum.v src/rtl/nm_trits.v" '' \
        '*nm_* */c:*rules %d' &&
        hunt nm_array "$build/array_faults 4 1 480
$build/array_faults 20" mutants_of nm_array simulate array_faults nm_array array_sim.cpp \
            -CFLAGS -DROWS=16
}
# core_sizes LANES M_STRIPS G_STRIPS Q_GROUPS
core_sizes() {
    echo "chparam -set LANES $1 -set M_STRIPS $2 -set G_STRIPS $3 -set Q_GROUPS $4 \
        -set WAIT_BITS $wait_bits"
}

# Of the core what the other two do not have.
mutate_core() {
    theirs="*nm_core *nm_sequencer *nm_program *nm_vector *nm_stream *nm_qpack *nm_memory \
        *nm_limits *nm_fifo"
    make_models
    plant nm_core 120 'src/rtl/nm_*.v' "$(core_sizes $core4_sizes) nm_core;" \
        "$theirs %% */c:*rules %d" &&
        hunt nm_core "$(core_cases | sed "s|^|$build/core_faults |")" \
            mutants_of nm_core simulate_core core_faults $core4_sizes
}
# Of the adapters all.
mutate_axi() {
    core_top=nm_axi_core
    plant nm_axi_core 36 'src/rtl/nm_*.v' \
        "$(core_sizes 4 4096 1024 512) nm_axi_core;" \
        "*nm_axi_read* *nm_axi_lite* %u */c:rules %d *nm_axi_core" &&
        hunt nm_axi_core "$(axi_cases | sed "s|^|$build/axi_faults |")" \
            mutants_of nm_axi_core simulate_core axi_faults 4 4096 1024 512 -CFLAGS -DAXI
    code=$?
    core_top=
    return $code
}

run_mutate() {
    has verilator || { skip mutate verilator && return; }
    has yosys || { skip mutate yosys && return; }
    : > "$build/mutate.results"
    for bench in ${MUTATE:-float array core axi}; do
        "mutate_$bench" || bad "faults of $bench: build"
    done
    report_faults
}

report_faults() {
    n=$(grep -vc '^[0-9]* changes nothing' "$build/mutate.results")
    found=$(grep -c '^[0-9]* found' "$build/mutate.results")
    grep -v '^[0-9]* found' "$build/mutate.results"
    check "$found of $n faults found" test "$((found * 100))" -ge "$((n * 95))" -a "$n" -gt 0
}
