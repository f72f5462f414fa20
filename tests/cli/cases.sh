# The checkpoints of $NOMUL_SHARED/cases with the ids, texts and ends that the references gave.
cases=${NOMUL_SHARED:-$root/../shared}/cases
need "$cases/01-merge-ranks"
convert() { # CHECKPOINT
    echo "$1"
    nomul convert "$cases/$1" -o a.gguf -q
}
ids() { # IDS OPTION... TEXT
    want=$1
    shift
    got=$(nomul tokenize -m a.gguf -p "$@") || got=failed
    [ "$got" = "$want" ] || echo "$*: $got, expected $want"
}
text() { # TEXT IDS
    got=$(nomul tokenize -m a.gguf --decode -p "$2" && echo .)
    [ "$got" = "$1." ] || echo "$2: '$got', expected '$1.'"
}
convert 01-merge-ranks/five-merges
ids '260 271' abcd --no-bos
ids '270' abc --no-bos
ids '260 271 260' abcda --no-bos
convert 01-merge-ranks/neighbours
ids '270 263' abcd --no-bos
convert 02-no-dummy-prefix/model
ids 264 ' the' --no-bos
ids '339 260' the --no-bos
ids '337 264' '  the' --no-bos
ids 337 ' ' --no-bos
text ' the' 264
text the '339 260'
text '  the' '337 264'
text ' ' 337
nomul run -m a.gguf -p '' -n 2 --temp 0 -l 264+1e30 -q
echo .
convert 03-added-tokens-json/plain
ids '1 262 400' 'a<tok>' --special
convert 03-added-tokens-json/eos
nomul info a.gguf --metadata | grep -o 'eos_token_id .*'
convert 04-added-not-special/json
ids '268 270 269' 'a<tok>b' --no-bos
ids '270 269' '<tok>b' --no-bos
ids '270 259 269' '<tok> b' --no-bos
ids '268 270 270 269' 'a<tok><tok>b' --no-bos
ids 271 'my tok' --no-bos
ids '268 259 271' 'a my tok' --no-bos
convert 05-post-processor/none
ids '268 261' ab
convert 05-post-processor/eos
ids '1 268 261 2' ab
convert 06-id-gap/decoder
ids '1 262 402' 'a<tok>' --special
convert 07-eos-list/config
for id in 2 260; do
    nomul run -m a.gguf -p b -n 3 --temp 0 -l $id+1e30 --json -q |
        grep -o '"finish_reason":"[a-z]*"'
done
convert 09-scheme-first/first
ids '268 1 261' 'a<s>b' --no-bos --special
ids '1 261' '<s>b' --no-bos --special
ids '268 1 269' 'a<s> b' --no-bos --special
convert 10-special-flags/json
ids '268 270 269' 'a <l>b' --no-bos --special
ids '268 271 269' 'a<r> b' --no-bos --special
ids '268 63 122 65 261' 'a<w>b' --no-bos --special
ids '268 259 272 259 269' 'a <w> b' --no-bos --special
convert 11-infinity/config
convert 11-infinity/generation_config
