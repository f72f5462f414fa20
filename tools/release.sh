#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Archives that hold the same bytes wherever and whenever they are made: sorted names, one owner,
# the time of the last commit ($SOURCE_DATE_EPOCH, or 1980 without git), no name of a folder.
#
#   release.sh sources VERSION BUILD                  BUILD/nomul-VERSION.tar.gz
#   release.sh program VERSION BUILD PROGRAM SYSTEM   BUILD/nomul-VERSION-SYSTEM.tar.gz, or .zip for
#                                                     a PROGRAM that ends in .exe
#
# A program's archive has the program, the model, README, LICENSE and SHA256SUMS of them.  Needs GNU
# tar; python3 for a .zip.
set -eu
cd "$(dirname "$0")/.."
do=$1 version=$2 build=$3
name=nomul-$version
if [ "$do" = program ]; then name=$name-$5; fi
stage=$build/release/$name
rm -rf "$stage"
mkdir -p "$stage"
time=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2> /dev/null || echo 315619200)}

case $do in
sources)
    # What is committed; without git, as in an archive like this one, all but what is built.
    if git rev-parse > /dev/null 2>&1; then
        git ls-files
    else
        find . -type f ! -path './build*' ! -name '*.o' | sed 's|^\./||'
    fi | while read -r file; do
        [ -f "$file" ] || continue
        mkdir -p "$stage/$(dirname "$file")"
        cp -p "$file" "$stage/$file"
    done
    ;;
program)
    cp "$4" LICENSE README.md "$stage"
    [ ! -f models/stories-77m.gguf ] || cp models/stories-77m.gguf "$stage"
    (cd "$stage" && sha256sum -- * > ../sums && mv ../sums SHA256SUMS)
    ;;
esac

case ${4-} in
*.exe)
    archive=$build/$name.zip
    rm -f "$archive"
    python3 - "$archive" "$stage" "$time" << 'END'
import os, sys, time, zipfile
archive, stage, seconds = sys.argv[1:]
date = time.gmtime(max(int(seconds), 315619200))[:6]
with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as out:
    for name in sorted(os.listdir(stage)):
        info = zipfile.ZipInfo(os.path.basename(stage) + "/" + name, date)
        info.compress_type, info.create_system = zipfile.ZIP_DEFLATED, 3
        info.external_attr = (0o755 if name.endswith(".exe") else 0o644) << 16
        with open(os.path.join(stage, name), "rb") as data:
            out.writestr(info, data.read())
END
    ;;
*)
    archive=$build/$name.tar.gz
    (cd "$build/release" && find "$name" | LC_ALL=C sort |
        tar -c --format=ustar --no-recursion --mtime="@$time" --owner=0 --group=0 --numeric-owner \
            --mode='u=rwX,go=rX' -T - | gzip -9n) > "$archive"
    ;;
esac
rm -rf "$stage"
echo "$archive: $(wc -c < "$archive" | tr -d ' ') bytes"
