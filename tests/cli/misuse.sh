# What is wrong by the command line alone: one line, exit 2, and no file was opened: none exists.
unset NOMUL_MODEL
try
try frob
try rnu
try ''
try --frob
try help nosuch
try help run info
for command in run batch convert repack info session logits perplexity tokenize bench selftest; do
    try $command --frob
done

# Options that aren't there, and values that aren't.
try run -m no.gguf --tmp 1
try run -m no.gguf --topp 1
try run -m no.gguf -x
try run -m no.gguf -qx
try run -m no.gguf word
try run -m no.gguf -p x -- -q
try run -m no.gguf -
try run --model
try run -m
try run --json=yes
try run --temp=
try run "$(printf -- '--a\nb\033')"

# Numbers.
try run -n 5x
try run -n ''
try run -n 0x10
try run -n 5.0
try run -n 1e3
try run -n -2
try run -n -
try run -n 1000000001
try run -n99999999999999999999
try run --temp -1
try run --temp -1e-9
try run --temp nan
try run --temp inf
try run --temp 1,5
try run --temp 1e
try run --temp ' 1'
try run --temp 1e39
try run --top-k -1
try run --top-p 1.001
try run --top-p -0.1
try run --min-p 1.5
try run --repeat-penalty 0
try run --repeat-last-n -2
try run --presence-penalty 1e9
try run --frequency-penalty x
try run -s -2
try run -s 9007199254740992
try run -t -1
try run -t 1025
try run -b -1
try run -b 4097
try run -c -1

# What its own command knows better.
try run --logit-bias 5
try run --logit-bias +5
try run --logit-bias 5+
try run --logit-bias 5+inf
try run --logit-bias 5--1
try run --logit-bias 5+1x
try run --logit-bias 1+1 --logit-bias 5+1e99
try run -r ''
try run --logprobs 3
try run --json --logprobs -1
try run -i --json
try run -i -f -
try run --in-prefix x
try run --in-suffix x
try convert
try convert no-directory
try convert no-directory other -o no.gguf
try convert no-directory -o no.gguf --embedding bf16
try convert no-directory -o no.gguf --embedding ''
try convert no-directory -o no.gguf --pack t5
try convert no-directory -o no.gguf --pack 1.6
try repack
try repack no.gguf
try repack no.gguf -o no.gguf
try repack no.gguf -o no.gguf --pack
try repack no.gguf -o no.gguf --pack 3bit
try repack no.gguf -o no.gguf --pack 2bit --pack ''
try repack no.gguf no.gguf -o no.gguf --pack 2bit
try info no.gguf -m no.gguf
try info no.gguf other.gguf
try session
try session no.nms other.nms
try logits -m no.gguf
try logits -m no.gguf --ids 1
try logits -m no.gguf --ids 1 -p x --hash
try logits -m no.gguf --ids 1 -f no.txt --hash
try logits -m no.gguf --ids 1,two --hash
try logits -m no.gguf --ids '1 2 0x3' --hash
try logits -m no.gguf --ids ' ,' --hash
try logits -m no.gguf --ids '' --hash
try logits -m no.gguf --ids @ --hash
try tokenize -m no.gguf --decode --count
try tokenize -m no.gguf --decode --no-bos
try tokenize -m no.gguf --count --json
try tokenize -m no.gguf --count --pieces
try tokenize -m no.gguf --decode -p '1 x'
[ "$(ls)" = "$(printf 'golden\nmodels\ntext.txt')" ] || ls
