#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A tensor costs one row of the plan, a hyper-parameter one row of config.def.  In a copy of the
# tree this adds such rows and nothing else, builds, and takes a checkpoint that has them through
# convert, info, check, repack and bench.  Needs python3, for the checkpoint.
set -eu

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/tree" "$scratch/checkpoint"
cp -R Makefile src include tests tools "$scratch/tree"
cp tests/golden/small/config.json tests/golden/small/tokenizer.model "$scratch/checkpoint"

fail() {
    echo "FAIL $1"
    exit 1
}

# insert FILE BEFORE TEXT: a line of TEXT before the first line that has BEFORE.
insert() {
    awk -v at="$2" -v text="$3" '!done && index($0, at) { print text; done = 1 } { print }' \
        "$scratch/tree/$1" > "$scratch/edited"
    cp "$scratch/edited" "$scratch/tree/$1"
}
insert src/model/config.def 'FIELD(F32, rms_norm_eps' \
    'FIELD(U32, n_dummies, "hgrn_bit.dummy_count", 0, 9, "num_dummies", 7, 3)'

build() {
    "${MAKE:-make}" --no-print-directory -C "$scratch/tree" -j2 CFLAGS="${CFLAGS:--O1}" all \
        > "$scratch/log" 2>&1 || {
        tail -n 20 "$scratch/log"
        fail "a copy with one row $1 does not build"
    }
}
build 'more of config.def'
"$scratch/tree/build/nomul" info tests/golden/small.gguf > /dev/null ||
    fail 'a file written before the row does not open'

insert src/model/tensors.c '{"blk.%u.ffn_norm"' \
    '{"blk.%u.dummy", "model.layers.%u.dummy", NM_KIND_GAIN, ONE, DIM, NOWHERE},'
insert src/model/tensors.c '{"blk.%u.ffn_norm"' \
    '{"blk.%u.dummy_proj", "model.layers.%u.dummy_proj", NM_KIND_BITLINEAR, FFN, DIM, NOWHERE},'
insert src/model/tensors.c '{"output_norm"' \
    '{"dummy_table", "model.dummy_table", NM_KIND_TABLE, ONE, DIM, NOWHERE},'

python3 - "$scratch/checkpoint" << 'END'
import json, random, struct, sys
data = open("tests/golden/small/model.safetensors", "rb").read()
n = struct.unpack("<Q", data[:8])[0]
header, body = json.loads(data[8 : 8 + n]), bytearray(data[8 + n :])
config = json.load(open("tests/golden/small/config.json"))
layers, dim, ffn = config["num_hidden_layers"], config["hidden_size"], config["intermediate_size"]
random.seed(1)
def add(name, shape):
    count = shape[0] * (shape[1] if len(shape) == 2 else 1)
    values = struct.pack("<%df" % count, *[random.gauss(0, 1) for _ in range(count)])
    end = len(body) + len(values)
    header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(body), end]}
    body.extend(values)
for l in range(layers):
    add("model.layers.%d.dummy.weight" % l, [dim])
    add("model.layers.%d.dummy_proj.weight" % l, [ffn, dim])
    add("model.layers.%d.dummy_proj.norm.weight" % l, [dim])
add("model.dummy_table", [1, dim])
text = json.dumps(header).encode()
out = open(sys.argv[1] + "/model.safetensors", "wb")
out.write(struct.pack("<Q", len(text)) + text + body)
config["num_dummies"] = 5
json.dump(config, open(sys.argv[1] + "/config.json", "w"))
END

cd "$scratch/tree"
build 'of each'
nomul=build/nomul
$nomul convert -q "$scratch/checkpoint" -o a.gguf || fail "convert"
$nomul convert -q "$scratch/checkpoint" -o b.gguf --pack 1.6bit || fail "convert --pack 1.6bit"
$nomul info --check-tensors --metadata --tensors a.gguf > info || fail "check"
for what in 'blk.1.dummy.weight' 'blk.0.dummy_proj.scale' 'dummy_table' 'hgrn_bit.dummy_count'; do
    grep -q "$what" info || fail "info has no $what"
done
grep -q 'hgrn_bit.dummy_count  *u32  *5' info || fail "hgrn_bit.dummy_count is not 5"
$nomul repack -q a.gguf -o c.gguf --pack 1.6bit && cmp b.gguf c.gguf || fail "repack there"
$nomul repack -q c.gguf -o d.gguf --pack 2bit && cmp a.gguf d.gguf || fail "repack back"
$nomul run -m a.gguf -p a -n 3 > /dev/null 2>&1 || fail "run"
$nomul bench --shape tiny > bench || fail "bench of a synthetic model"

$nomul info --json a.gguf > info.json
for name in blk.1.dummy.weight blk.0.dummy_proj.weight dummy_table; do
    python3 - "$name" << 'END'
import json, sys
data = bytearray(open("a.gguf", "rb").read())
tensors = json.load(open("info.json"))["tensors"]
data[[t for t in tensors if t["name"] == sys.argv[1]][0]["offset"]] ^= 1
open("damaged.gguf", "wb").write(data)
END
    $nomul info --check-tensors damaged.gguf > /dev/null 2> errors && fail "damage of $name passes"
    grep -q "tensor $name: checksum" errors || fail "damage of $name is not named"
done
echo "1 passed, 0 failed, 0 skipped"
