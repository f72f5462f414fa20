#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What the accelerator core takes of an ECP5, by Yosys' synthesis: an estimate, without place and
# route and so without a clock.  Takes minutes.
#
#   rtl_report.sh TOP [NAME VALUE]...    e.g. nm_array ROWS 16
#                                        or nm_core LANES 4 M_BITS 12 G_BITS 10 Q_BITS 9
set -eu
[ $# -gt 0 ] || { sed -n '3,8s/^# \{0,1\}//p' "$0" && exit 2; }
command -v yosys > /dev/null || { echo "rtl_report.sh: yosys is not installed" >&2 && exit 1; }
top=$1
shift
parameters=
while [ $# -gt 1 ]; do
    parameters="$parameters -set $1 $2"
    shift 2
done
set_them=${parameters:+chparam $parameters $top;}
out=$(mktemp)
trap 'rm -f "$out"' EXIT
yosys -q -p "read_verilog -Isrc/rtl src/rtl/nm_*.v; $set_them synth_ecp5 -top $top; \
    tee -o $out stat -top $top" > /dev/null 2>&1
awk -v top="$top" '
    $1 ~ /^(LUT4|CCU2C|TRELLIS_FF|TRELLIS_DPR16X4|DP16KD|MULT18X18D|PFUMX|L6MUX21)$/ { n[$1] = $2 }
    END {
        # An adder cell takes two LUTs, a cell of distributed memory four (two of them as ports).
        printf "%s: %d LUTs, of which %d logic, %d adders, %d memory; ", top,
            n["LUT4"] + 2 * n["CCU2C"] + 4 * n["TRELLIS_DPR16X4"], n["LUT4"], 2 * n["CCU2C"],
            4 * n["TRELLIS_DPR16X4"]
        printf "%d registers, %d block memories, %d multipliers\n", n["TRELLIS_FF"], n["DP16KD"],
            n["MULT18X18D"]
    }' "$out"
