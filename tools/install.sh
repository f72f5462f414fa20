#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What make install and make uninstall do, and with PART=train install-train and uninstall-train:
#
#   [PART=train] VERSION=0.2.0 install.sh install|uninstall BUILT PREFIX [DESTDIR]
#
# One list says what goes where, so that uninstall removes exactly what install wrote, and then the
# folders of our own that are empty.  BUILT is the folder of what was built.
set -eu
do=$1 built=$2 prefix=$3 root=${4-}$3
major=${VERSION%%.*}

# MODE SOURCE TARGET; a link has "link" for its mode and what it points to for its source.
files="
755 $built/nomul bin/nomul
644 include/nomul.h include/nomul.h
644 $built/libnomul.a lib/libnomul.a
755 $built/libnomul.so lib/libnomul.so.$VERSION
link libnomul.so.$VERSION lib/libnomul.so.$major
link libnomul.so.$major lib/libnomul.so
644 - lib/pkgconfig/nomul.pc
644 $built/share/nomul.1 share/man/man1/nomul.1
644 $built/share/nomul.3 share/man/man3/nomul.3
644 $built/share/nomul.bash share/bash-completion/completions/nomul
644 $built/share/_nomul share/zsh/site-functions/_nomul
644 $built/share/nomul.fish share/fish/vendor_completions.d/nomul.fish
644 models/stories-77m.gguf share/nomul/stories-77m.gguf
"
if [ "${PART-}" = train ]; then
    files="
755 $built/nomul-train bin/nomul-train
644 $built/share/nomul-train.1 share/man/man1/nomul-train.1
"
fi

pc() {
    cat << END
prefix=$prefix
libdir=\${prefix}/lib
includedir=\${prefix}/include

Name: nomul
Description: inference of MatMul-free language models
Version: $VERSION
Cflags: -I\${includedir}
Libs: -L\${libdir} -lnomul
Libs.private: -lm -pthread
END
}

echo "$files" | while read -r mode source target; do
    [ -n "$mode" ] || continue
    file=$root/$target
    if [ "$do" = uninstall ]; then
        rm -f "$file"
        continue
    fi
    if [ "$source" = models/stories-77m.gguf ] && [ ! -f "$source" ]; then
        echo "install: $source is missing, so commands will need -m" >&2
        continue
    fi
    install -d "$(dirname "$file")"
    case $mode:$source in
    link:*) ln -sf "$source" "$file" ;;
    *:-) pc > "$file" && chmod "$mode" "$file" ;;
    *) install -m "$mode" "$source" "$file" ;;
    esac
    echo "$file"
done
if [ "$do" = uninstall ] && [ -d "$root/share/nomul" ]; then
    rmdir "$root/share/nomul" 2> /dev/null || true # somebody else's models stay
fi
