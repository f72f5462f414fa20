# Lines that come one by one, and signals.
not_on_windows "wine cannot look into a pipe of Unix: tests/windows/events.c"
t=models/tiny.gguf
# An answer does not wait for a line that has not come yet.
mkfifo pipe
nomul batch -m $t -q -n 1 -s 1 < pipe > answers &
{
    echo first
    wait_for answers
    wc -l < answers | tr -d ' ' > before
    echo second
} > pipe
wait $!
cat before
wc -l < answers | tr -d ' '
# Stopped: what is done, and what was running as far as it went.  TERM: see signals.sh.
yes Once | $RUN "$program" batch -m $t -t 1 -n -1 --ignore-eos -q --n-best 2 --parallel 3 -s 5 \
    > cut &
pid=$!
wait_ready $pid # and all three have begun
kill -s TERM $pid
wait $pid
echo "[$?]"
sed 's/,"prompt_tokens.*"finish_reason":/ /; s/,"seed.*//' cut
$RUN "$program" batch -m $t -q < pipe > cut 2>&1 &
pid=$!
exec 3> pipe
wait_ready $pid
kill -s TERM $pid
wait $pid
echo "[$?]"
exec 3>&-
cat cut

# Stopped with --skip-done and resumed: the answers of an undisturbed run, in its order.  The signal
# comes while the second line runs, and those after it are done.
for n in 3 8000 2 1; do echo "{\"id\":$n,\"prompt\":\"Once\",\"n_predict\":$n}"; done > lines
options='-t 1 -q -s 1 --ignore-eos --no-timings --n-best 2 --parallel 8 -f lines'
nomul batch -m $t $options > whole
: > part
$RUN "$program" batch -m $t $options --skip-done part >> part &
pid=$!
wait_for part
kill -s TERM $pid
wait $pid
echo "[$?] $(wc -l < part | tr -d ' ') of $(wc -l < whole | tr -d ' ')"
nomul batch -m $t $options --skip-done part >> part
cmp part whole
