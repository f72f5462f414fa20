#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Formats the C sources by .clang-format, with the one version of clang-format that all contributors
# use: versions differ in what they do with the same settings.
#
#   format.sh            formats all *.c, *.h, *.cu and *.cuh of include, src and tests in place
#   format.sh --check    changes nothing; names the files that formatting would change, and fails
#
# CLANG_FORMAT= names the program, else clang-format-14 or clang-format is used.  Tables in *.def
# and between "clang-format off" and "clang-format on" are aligned by hand.
set -eu
version=14
program=${CLANG_FORMAT-}
[ -n "$program" ] || program=$(command -v clang-format-$version || command -v clang-format || true)
if [ -z "$program" ]; then
    echo "format.sh: clang-format $version is needed (Debian: apt install clang-format-$version;" \
        "elsewhere: pip install clang-format==$version.0.6)" >&2
    exit 2
fi
found=$("$program" --version | sed 's/.*version \([0-9]*\).*/\1/')
if [ "$found" != "$version" ]; then
    echo "format.sh: $program: version $found, expected $version" >&2
    exit 2
fi

sources() { find include src tests -name '*.[ch]' -o -name '*.cu' -o -name '*.cuh' | sort; }

if [ "${1-}" != --check ]; then
    sources | tr '\n' '\0' | xargs -0 "$program" -i
    exit
fi
changed=0
for file in $(sources); do
    "$program" "$file" | cmp -s - "$file" || { changed=$((changed + 1)) && echo "$file"; }
done
[ "$changed" = 0 ] || echo "$changed files would be changed by make format"
[ "$changed" = 0 ]
