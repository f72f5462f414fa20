# Files that are missing or are not what they should be: one line that names them, exit 1.
try run -m no.gguf -p x
try run -m models -p x
try run -m text.txt -p x
try info no.gguf
try info text.txt
try info -m no.gguf --json
try tokenize -m no.gguf -p x
try logits -m no.gguf --ids 1 --hash
: > empty.gguf
try info empty.gguf
head -c 1000 models/tiny.gguf > short.gguf
try info short.gguf

# Of the text.
m=models/tiny.gguf
try run -m $m -f no.txt
try run -m $m -f models
try run -m $m -p x -f no.txt
try tokenize -m $m -f no.txt
try tokenize -m $m --decode -f no.txt
try logits -m $m -f no.txt --hash
try logits -m $m --ids @no.txt --hash

# Where a result can't be written.
try logits -m $m --ids 1 -o no/where.safetensors
try logits -m $m --ids 1 -o models
try convert golden/small -o no/where.gguf
try convert no-directory -o out.gguf
try convert models -o out.gguf
try convert golden/small.gguf
try convert golden/small.gguf -o out.gguf
try repack no.gguf -o out.gguf --pack 2bit
try repack models -o out.gguf --pack 2bit
try repack text.txt -o text.txt --pack 2bit
try repack short.gguf -o out.gguf --pack 1.6bit
try repack $m -o models --pack 1.6bit
try repack $m -o no/where.gguf --pack 1.6bit
ls

# The environment's model, and none at all.
NOMUL_MODEL=no.gguf
export NOMUL_MODEL
try tokenize -p x
NOMUL_MODEL=$m
try tokenize -p x
try tokenize -m no.gguf -p x
NOMUL_MODEL=
mkdir -p away/bin
cp models/tiny.gguf golden/small.gguf away
cp "$program" away/bin/nomul
cd away
program=$PWD/bin/nomul
places() { try tokenize -p Once | sed "s|[A-Z]:$(pwd -P)|HERE|g; s|$(pwd -P)|HERE|g"; }
places
mkdir -p share/nomul
cp tiny.gguf share/nomul/stories-77m.gguf
places
cp small.gguf bin/stories-77m.gguf # its own folder comes first
places
