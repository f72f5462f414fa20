#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Prints compile_commands.json: the commands with which `make` compiles everything, tests included.
set -eu
here=$(pwd | sed 's/[\\"]/\\&/g')
${MAKE:-make} --no-print-directory -n -B MODE=debug checked |
    awk -v here="$here" '
        / -c -o / {
            gsub(/[\\"]/, "\\\\&")
            printf "%s\n {\"directory\": \"%s\", \"file\": \"%s\",\n  \"command\": \"%s\"}",
                n++ ? "," : "[", here, $NF, $0
        }
        END { print n ? "\n]" : "[]" }'
