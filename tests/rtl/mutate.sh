# SPDX-License-Identifier: Apache-2.0
# Mutation coverage, a part of run.sh (`make mutate-rtl`): 240 faults that Yosys plants in the
# netlists of the modules, each against the bench of its module.  Some are proved to change nothing;
# of the others, at least 200, 95 % must be found.
#
# All faults of a bench are in one netlist, where an input `fault` selects one (mutate -ctrl): each
# bench is compiled once.  A fault is found if the bench says FAIL; a bench that fails in any other
# way has broken down.  Without a fault every bench must pass.  MUTATE_SEED=2 plants other faults.

# plant TOP COUNT SOURCES PARAMETERS MODULES: $build/TOP.faults/TOP.v and the list of its faults.
plant() {
    faults=$build/$1.faults
    rm -rf "$faults" && mkdir -p "$faults"
    yosys -q -p "read_verilog -Isrc/rtl $3; $4 prep -top $1; opt -full; clean -purge; \
        write_rtlil $faults/clean.il; \
        mutate -list $2 -seed ${MUTATE_SEED:-1} -ctrl fault 8 1 -o $faults/list $5" \
        > "$faults/yosys.log" 2>&1 &&
        yosys -q -p "read_rtlil $faults/clean.il; script $faults/list; \
            write_verilog -noattr $faults/$1.v" >> "$faults/yosys.log" 2>&1 &&
        [ "$(wc -l < "$faults/list")" = "$2" ]
}

# finds FAULT COMMAND...: 0 if the bench passes, 1 if it finds the fault, otherwise it broke down.
finds() {
    FAULT=$1 && export FAULT
    shift
    timeout 900 "$@" > "$build/mutate.out" 2>&1
    code=$?
    [ $code != 1 ] || grep -q '^FAIL' "$build/mutate.out" || code=2
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

# hunt TOP COMMANDS: every fault, with what finds it, in $build/TOP.faults/results.
hunt() {
    sound=$(first_to_find 0 "$2")
    [ "$sound" = survives ] || { bad "$1 without a fault: $sound" && return; }
    n=0
    while read -r fault; do
        n=$((n + 1))
        result=$(first_to_find $n "$2")
        [ "$result" != survives ] || ! changes_nothing "$1" $n || result='changes nothing'
        printf '%s %s | %s\n' "$n" "$result" "$fault"
    done < "$build/$1.faults/list" > "$build/$1.faults/results"
    cat "$build/$1.faults/results" >> "$build/mutate.results"
}

# mutants_of TOP COMMAND...: a simulation of the netlist with the faults instead of the modules.
mutants_of() {
    modules="-y $build/$1.faults -Wno-fatal" planted=-Wno-fatal
    shift
    "$@" -CFLAGS -DFAULTS
    code=$?
    modules=$sources planted=
    return $code
}

# changes_nothing TOP FAULT CONTEXT: proves, by induction over the registers of the same name, that
# a module with the fault computes what it does without.  Such a fault cannot be found.  The module
# is CONTEXT, or without one that in which the fault is.
changes_nothing() {
    fault=$(sed -n "$2p" "$build/$1.faults/list" | sed 's/ -ctrl fault 8 [0-9]*//')
    module=${3:-$(printf '%s\n' "$fault" | sed 's/.* -module \(.*\) -cell .*/\1/')}
    {
        for side in gold gate; do
            echo "read_rtlil $build/$1.faults/clean.il"
            [ $side = gold ] || printf '%s\n' "$fault"
            printf 'hierarchy -top %s; flatten; opt_clean; rename -top %s\n' "$module" $side
            echo "design -stash $side"
        done
        echo "design -copy-from gold -as gold gold; design -copy-from gate -as gate gate"
        echo "equiv_make gold gate equiv; hierarchy -top equiv"
        echo "equiv_simple -seq 2; equiv_induct -seq 4; equiv_status -assert"
    } > "$build/equal.ys"
    timeout 600 yosys -q "$build/equal.ys" > "$build/equal.log" 2>&1
}

mutate_float() {
    plant float_units 72 "tests/rtl/float_units.v src/rtl/nm_f*.v src/rtl/nm_unpack.v \
        src/rtl/nm_clz.v src/rtl/nm_shift_right.v" '' '' &&
        mutants_of float_units simulate float_faults float_units float_sim.cpp &&
        hunt float_units "$build/float_faults 20000
$build/float_faults 2000000"
}
mutate_array() {
    plant nm_array 48 "src/rtl/nm_array.v src/rtl/nm_row_sum.v src/rtl/nm_trits.v" '' '' &&
        mutants_of nm_array simulate array_faults nm_array array_sim.cpp -CFLAGS -DROWS=16 &&
        hunt nm_array "$build/array_faults 4 1 480
$build/array_faults 20"
}
# Of the core what the other two do not have.  The first token may not take a clock more than it
# does without a fault; the image lies where most bits of an address count.
mutate_core() {
    sizes="chparam -set LANES 4 -set M_STRIPS 4096 -set G_STRIPS 1024 -set Q_GROUPS 512 nm_core;"
    theirs="*nm_core *nm_sequencer *nm_program *nm_vector *nm_lane *nm_stream *nm_qpack *nm_memory"
    make_models
    plant nm_core 120 'src/rtl/nm_*.v' "$sizes" "$theirs *nm_fifo" &&
        mutants_of nm_core simulate_core core_faults 4 4096 1024 512 || return 1
    clocks=$(FAULT=0 "$build/core_faults" tests/golden/small.gguf -n 1 |
        sed -n 's/.* \([0-9]*\) clocks a token.*/\1/p')
    hunt nm_core "$(sed "s|^|$build/core_faults |" << END
tests/golden/small.gguf -n 1 -b 0xa5a5a5a40 -c $clocks
tests/golden/small-t5.gguf -n 2 -g 3 -b 0x5a5a5a580 -c 200000
$build/odd.gguf -n 3 -g 3 -c 200000
$build/odd-t5.gguf -n 4 -g 3 -s 7 -c 200000
$build/wide-no-bound.gguf -n 3 -g 3 -c 400000
$build/wide-no-bound-t5.gguf -n 3 -g 3 -s 7 -c 400000
models/tiny.gguf -n 6 -g 6 -l 60 -c 400000
$build/tiny-t5.gguf -n 8 -g 4 -c 400000
shape:1,1024,704,300 -n 1 -c 900000
shape:1,768,1408,300:t5 -n 1 -c 900000
END
)"
}

run_mutate() {
    has verilator || { skip mutate verilator && return; }
    has yosys || { skip mutate yosys && return; }
    : > "$build/mutate.results"
    for bench in ${MUTATE:-float array core}; do
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
