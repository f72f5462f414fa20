# The file of logits: what is in it, and that all or nothing of it is there.
m=models/tiny.gguf
try logits -m $m --ids 1,2,300 -o out.safetensors
wc -c < out.safetensors | tr -d ' '
head -c 8 out.safetensors | od -t u1 | sed 1q
tail -c +9 out.safetensors | head -c 136; echo '<'
tail -c 12 out.safetensors | od -t u1 | sed 1q
try logits -m $m --ids 1,2,300 -o again.safetensors --hash -b 1 -t 1
cmp out.safetensors again.safetensors
try logits -m $m --ids 1,2,300 --hash
try logits -m $m --ids 1,2,300 --hash -b 0

# As text: BOS in front, the last newline dropped.
nomul tokenize -m $m -p Once > ids
printf 'Once\n' > text
for from in '-p Once' '-f text' '--ids @ids'; do nomul logits -m $m $from --hash; done
nomul logits -m $m -f - --hash < text
nomul logits -m $m -p '' --hash
nomul logits -m $m --ids 1 --hash

# Not over the model, whatever it is called.
ln -s $m link.gguf
try logits -m $m --ids 1 -o link.gguf
rm link.gguf

# An older file stays if it fails, and nothing else is left.
echo old > old.safetensors
try logits -m $m --ids 1,2,999 -o old.safetensors
cat old.safetensors
ls
