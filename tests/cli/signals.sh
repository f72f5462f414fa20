# Signals, closed pipes, full disks, a file that shrinks.
not_on_windows "there are no signals: tests/windows/events.c sends Ctrl-C"
need models/stories-77m.gguf
m=models/tiny.gguf
start() { # what is to be ended; not through `nomul`: $! has to be the program
    : > out
    $RUN "$program" run -m "$@" > out 2> err &
    wait_for out
}
end() { # SIGNAL; who doesn't hear it is killed, so that nothing waits for ever
    kill -s "$1" $!
    pid=$!
    (sleep 20 && kill -s KILL $pid) 2> /dev/null &
    guard=$!
    wait $pid
    echo "$1 [$?]"
    kill $guard
    sed 's/ .*//' err
}
hup=$(sh -c 'sh -c "kill -s HUP \$\$; echo ignored"; :' 2> /dev/null)
[ "$hup" != ignored ] || skip "HUP is ignored here, as by nohup"
for signal in INT TERM HUP QUIT; do
    start $m -p Once -n -1 --ignore-eos -t 1
    end $signal
done
start $m -p Once -n -1 --ignore-eos -q
end INT

# While it reads a long prompt, shown before it is read.
for i in 1 2 3 4 5 6 7 8 9 10; do cat text.txt; done > long.txt
start $m -f long.txt -t 1 -b 1
end INT
grep '^generated' err

# Or makes tokens of one that takes seconds: the text does not have it, so nothing is saved, which a
# message says unless the file was still being read.
awk 'BEGIN { for (i = 0; i < 100000; i++) print i * 7919 % 1000003 " abc" }' > part.txt
for i in 1 2 3 4 5 6 7 8 9 10; do cat part.txt; done > huge.txt
for save in --save-session --prompt-cache; do
    $RUN "$program" run -m $m -f huge.txt -n 5 -q $save no.nms > out 2> err &
    wait_ready $!
    kill -s INT $!
    wait $!
    echo "[$?] $(cat out)"
    [ ! -e no.nms ] || echo "no.nms was written"
done
rm huge.txt part.txt

# While it waits for one.  TERM: a shell starts these with INT ignored, and it may come too early.
mkfifo pipe
$RUN "$program" run -m $m -n 1 < pipe > out 2> err &
exec 3> pipe
wait_ready $!
end TERM
exec 3>&-
rm pipe

# A pipe that has a name is waited for, too.
mkfifo pipe
for command in "perplexity -f pipe" "run -f pipe"; do
    $RUN "$program" ${command%% *} -m $m ${command#* } 2> err &
    wait_ready $!
    kill -s TERM $!
    wait $!
    echo "[$?] $(cat err)"
done
{ echo Once > pipe; } &
nomul perplexity -m $m -q -f pipe | head -n 1
rm pipe

# With an object, which says so.
$RUN "$program" run -m $m -p Once -n -1 --ignore-eos --json -q -t 1 > out 2> err &
wait_ready $!
end TERM
sed 's/.*"finish_reason":\("[a-z]*"\).*/\1/' out

# logits leaves nothing behind.
count() { set -- * .*; n_files=$#; } # in the shell itself, which is quicker than ls
count
before=$n_files
$RUN "$program" logits -m $m -f long.txt -t 1 -b 1 -o no.safetensors > out 2> err &
more() { count; [ $n_files -gt "$before" ]; }
poll more
end INT
ls -A

# Neither do convert and repack, whatever ends them: SIGBUS is a model that shrinks.
cp $m in.gguf
count
before=$n_files
for signal in BUS QUIT TERM XCPU; do
    for command in "convert golden/wide-no-bound" "repack models/stories-77m.gguf --pack 2bit"; do
        $RUN "$program" $command -o no.gguf > out 2> err &
        pid=$!
        while kill -s 0 $pid 2> /dev/null && ! more; do :; done # a poll might come too late
        kill -s $signal $pid 2> /dev/null
        wait $pid
        rm -f no.gguf # it may have been done
        ls -A | grep nomul
    done
done
rm in.gguf

# Bench, in the middle of a prompt.
$RUN "$program" bench --shape tiny -p 16777216 -n 0 -r 1 --no-warmup -t 1 > out 2> err &
wait_ready $!
end INT

# A reader that has seen enough: silently, 0.
for command in "run -p Once -n -1 --ignore-eos" "tokenize -f long.txt" "info --json"; do
    { nomul $command -m $m 2> err; echo "$command [$?]" > code; } | head -c 10 > /dev/null
    cat code err
done

# A stdout that takes nothing.
nomul info $m >&- 2> err
echo "[$?] $(cat err)"
for command in help "info $m" "tokenize -m $m -p x" "run -m $m -p x -n 3 -q" \
    "run -m $m -p x -n -1 --ignore-eos -q --no-display-prompt" "logits -m $m --ids 1 --hash"; do
    [ -c /dev/full ] || skip "there is no /dev/full"
    nomul $command > /dev/full 2> err
    echo "[$?] $(cat err)"
done
nomul tokenize -m $m <&- 2>&1
echo "[$?]"

# The model shrinks while it is mapped; read into memory, it may.
cp models/tiny.gguf shrinks.gguf
start shrinks.gguf -p Once -n -1 --ignore-eos -t 1
: > shrinks.gguf
wait $!
echo "[$?] $(cat err)"
cp models/tiny.gguf shrinks.gguf
start shrinks.gguf -p Once -n -1 --ignore-eos --no-mmap -q -t 1
: > shrinks.gguf
end TERM
