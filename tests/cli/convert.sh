# A checkpoint to a model file, and back to how it was if that fails.
try convert golden/small -o a.gguf | sed 's/in [0-9.]* m\{0,1\}s$/in TIME/'
nomul convert golden/small -o b.gguf -q
cmp a.gguf b.gguf
nomul convert golden/small/ -q --output=b.gguf --embedding f16
cmp a.gguf b.gguf
for embedding in f32 f16; do
    nomul convert golden/small -o $embedding.gguf -q --embedding $embedding --name "A name"
    nomul info --metadata --tensors $embedding.gguf | sed 's/  [0-9a-f]*$//' |
        grep -E '^name|general.name|token_embd'
done
name=x # long, and in characters of two bytes: none may be cut on its way out
while [ ${#name} -lt 2000 ]; do name=${name}é$name; done
nomul convert golden/small -o name.gguf -q --name "$name"
nomul info name.gguf --json | grep -c '"general.name":"'"$name"'"'
rm name.gguf
try convert golden/small -o no.gguf --embedding q8_0 -q
mkdir own
cp golden/small/* own
try convert own -o own/model.safetensors
cmp own/model.safetensors golden/small/model.safetensors
rm -r own
try run -m a.gguf -p Once -n 3 --temp 0 -q

nomul convert golden/small -o ids.gguf --no-tokenizer -q
try run -m ids.gguf -p x
try tokenize -m ids.gguf -p x
try logits -m ids.gguf -p x --hash
try logits -m ids.gguf --ids 1,2 --hash
nomul logits -m a.gguf --ids 1,2 --hash

mkdir broken
cp golden/small/* broken
head -c 9000 golden/small/model.safetensors > broken/model.safetensors
cp a.gguf old.gguf
try convert broken -o old.gguf
cmp a.gguf old.gguf
ls
