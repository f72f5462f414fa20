#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Fetches a published MMfreeLM checkpoint into models/ and converts it:
#
#   fetch_model.sh 370M|1.3B|2.7B
#
# Needs curl, a network and up to 6 GB of disk space; an interrupted download is resumed.  HUB=
# names another server with the same layout.
set -eu
size=${1-}
case $size in
370M | 1.3B) weights=model.safetensors ;;
2.7B) weights='model.safetensors.index.json model-00001-of-00002.safetensors
               model-00002-of-00002.safetensors' ;;
*)
    echo "usage: $0 370M|1.3B|2.7B" >&2
    exit 2
    ;;
esac
hub=${HUB:-https://huggingface.co}
from=$hub/ridger/MMfreeLM-$size/resolve/main
cd "$(dirname "$0")/.."
to=models/MMfreeLM-$size
mkdir -p "$to"

fetch() { # FILE; complete ones are kept
    [ ! -f "$to/$1" ] || return 0
    curl --fail --location --continue-at - --output "$to/$1.part" "$from/$1" &&
        mv "$to/$1.part" "$to/$1"
}

for file in config.json $weights tokenizer.model; do
    fetch "$file"
done
for file in tokenizer_config.json special_tokens_map.json; do
    fetch "$file" || echo "$file: not there, and not needed"
done
make
build/nomul convert "$to" -o "models/mmfreelm-$size.gguf" --name "MMfreeLM-$size"
echo "models/mmfreelm-$size.gguf is ready; $to can be deleted"
