# eos_token_id as a list: each id of it ends a text, from the checkpoint to batches and sessions.
mkdir own
cp golden/small/* own
sed 's/"rms_norm_eps"/"eos_token_id": [2, 261, 262], &/' golden/small/config.json > own/config.json
cat > own/tokenizer_config.json << 'END'
{"eos_token": "</s>", "unread": [NaN, -Infinity, {"x": Infinity}],
 "chat_template": "{{ '\u00e9\n' }}"}
END
try convert own -o a.gguf -q
nomul repack a.gguf -o b.gguf --pack 1.6bit -q
nomul repack b.gguf -o c.gguf --pack 2bit -q
cmp a.gguf c.gguf
nomul info b.gguf --metadata | grep -E 'eos_token|chat_template' | sed 's/  */ /g'
show() { sed 's/.*"tokens":\(\[[^]]*\]\),"finish_reason":"\([a-z]*\)".*/\1 \2/'; }
for id in 2 260 261 262; do
    for model in a b; do
        nomul run -m $model.gguf -p One -n 3 --temp 0 -l $id+1e30 --json -q | show
        echo One | nomul batch -m $model.gguf -n 3 --temp 0 -l $id+1e30 -q | show
    done
done
echo no id of them is sampled with --ignore-eos
nomul run -m a.gguf -p One -n 40 --ignore-eos -s 1 --temp 9 --top-k 0 --json -q -l 2+99 -l 261+99 |
    show
echo a saved text goes on and ends
nomul run -m a.gguf -p One -n 2 --temp 0 -l 260+1e30 --save-session s.nms -q
nomul run -m b.gguf --load-session s.nms -n 3 --temp 0 -l 262+1e30 --json -q | show

# two files that name different ends
sed 's/"rms_norm_eps"/"eos_token_id": 261, &/' golden/small/config.json > own/config.json
try convert own -o d.gguf | sed 's/in [0-9.]* m\{0,1\}s$/in TIME/'
nomul info d.gguf --metadata | grep eos_token | sed 's/  */ /g'
for id in 2 260 261; do
    nomul run -m d.gguf -p One -n 3 --temp 0 -l $id+1e30 --json -q | show
done
sed 's/"rms_norm_eps": 1e-06/"rms_norm_eps": NaN/' golden/small/config.json > own/config.json
try convert own -o e.gguf
