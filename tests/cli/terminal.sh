# nomul on a terminal: what is on the screen after which keys.
not_on_windows "a pseudo-terminal is a thing of Unix"
m=models/stories-14m.gguf
need $m
pty=$(dirname "$program")/tests/pty
[ -x "$pty" ] || pty=$(dirname "$program")/obj-release/tests/pty
need "$pty"
[ -z "$RUN" ] || skip "a program that is emulated sees another terminal"
NOMUL_HISTORY=$PWD/history TERM=xterm
export NOMUL_HISTORY TERM
"$pty" 40 5 true < /dev/null > out || skip "there is no pseudo-terminal"
# Steps on stdin.
on() { # COLUMNS ROWS COMMAND...
    echo
    columns=$1 rows=$2
    shift 2
    echo "$ nomul $*"
    "$pty" "$columns" "$rows" "$program" "$@"
}
turns() { on 60 16 run -i -m $m -q -n 6 --temp 0 -s 1 "$@"; }

echo "== Editing: arrows, Home, End, Ctrl-K, Ctrl-U, Ctrl-W, UTF-8; history, two turns and an end"
turns << 'END'
prompt
type nce upom\x7fn a\e[HO\e[F tome\e[D\e[D\e[D\x7ft
at 0 15
type \e[3~i\x05
at 0 18
show
type \r
prompt
type \xe6\xbc\xa2\xe5\xad\x97e\xcc\x81 !\e[D\e[D
at 2 7
show
type \x15\x0bx y\x17\x7f
at 2 3
type \x15\e[A
at 2 18
type \x15/undo\r
prompt
type /quit\r
END
sed 's/^/history: /' history
ls -l history | cut -c 1-10

echo "== A line longer than 4,095 bytes, on a small screen; pasted lines are one turn"
on 40 6 run -i -m $m -n 0 -q << 'END'
prompt
line
see word0500
show
type \r
prompt
type \e[200~one\rtwo\e[31m\rthree\e[201~
see three
show
type \r/quit\r
END
tail -n 3 history | cut -c 1-30
tail -n 3 history | head -n 1 | wc -c

echo "== Ctrl-C in an answer, Ctrl-L, Ctrl-Z, another size, Ctrl-C at the prompt"
on 60 8 run -i -m $m -q -n 100000 --ignore-eos -s 1 -t 1 --color always << 'END'
prompt
type Once\r
see the
kill INT
prompt
type abc\x0cd
at 0 6
show
type \x1a
stopped
kill CONT
type e
see abcde
size 20 8
at 0 7
type fghijklmnopqrstu
at 1 3
show
type \x03
END

echo "== A terminal that knows no escape sequences"
TERM=dumb
turns --no-history << 'END'
prompt
type abd\x7fc\e[D\e[A\x17Lily
at 0 6
type \r
prompt
line
see word0500
type \x15/quit\r
END

echo "== What is typed before the prompt is there"
TERM=xterm
printf 'type Once\\r\\e[200~a\\rb\\e[201~\\r\\x04\n' | turns > out
grep -c 'upon a time' out
grep 'exit code' out
tail -n 1 history

echo "== Colors; a stderr that is no terminal"
TERM=xterm
NO_COLOR=1 on 80 8 run -m $m -p Once -n 2 -s 1 -q < /dev/null | tail -n 1
NO_COLOR='' on 80 8 run -m $m -p Once -n 2 -s 1 -q < /dev/null | tail -n 1
NO_COLOR=1 on 80 8 run -m $m -p Once -n 2 -s 1 -q --color always < /dev/null | tail -n 1
TERM=dumb on 80 8 run -m $m -p Once -n 2 -s 1 -q < /dev/null | tail -n 1
on 80 8 run -m $m -p Once -n 2 -s 1 -q --color never < /dev/null | tail -n 1
nomul run -m $m -p Once -n 2 -s 1 -q --color on | sed 's/\x1b/ESC/g'
echo
nomul run -m $m -p Once -n 2 -s 1 -q
echo
echo "\"$program\" run -i -m $m -q --temp 0 -n 2 2> err" > run
"$pty" 80 8 sh run << 'END'
type Once\e[D\e[3~\r
see upon
type \x04
END
cat err

echo "== SIGTERM at the prompt; a crash gives the terminal back"
TERM=xterm
for signal in TERM QUIT; do
    printf 'prompt\ntype abc\nat 0 5\nkill %s\n' $signal | turns --no-history
done
wc -l < history

echo "== Where the history is"
NOMUL_HISTORY='' turns > out << 'END'
prompt
type /help\r
prompt
type \x04
END
unset NOMUL_HISTORY
XDG_STATE_HOME=$PWD/state turns > out << 'END'
prompt
type /help\r
prompt
type \x04
END
ls -ld state/nomul state/nomul/history | cut -c 1-10
cat state/nomul/history
NOMUL_HISTORY=$PWD turns << 'END'
prompt
type \x04
END

echo "== Work that takes seconds says how far it is; who waits says so; statistics begin a line"
i=0
while [ $i -lt 20 ]; do cat text.txt; i=$((i + 1)); done > long
printf 'see left\nkill INT\n' > steps
for command in "perplexity -f long" "run -f long --no-display-prompt -n 1"; do
    on 80 12 $command -m $m -t 1 < steps > out
    grep -c 'exit code 130' out
done
on 80 8 tokenize -m $m << 'END'
see reading
type Once\r\x04
at 3 0
show
type \x04
END
nomul run -m models/tiny.gguf -p Once -n 3 -s 1 2>&1 | sed -n 2p | cut -c 1-20
on 80 8 run -m $m -p "Once upon" -n 3 -s 1 -q < /dev/null

echo "== Tables fit a terminal: whole rows"
on 100 12 bench --shape tiny -p 8 -n 4 --parallel 1,8 -b 8 -r 1 --quick < /dev/null > out
grep -c '^|| .* |$' out
printf 'see scalar\nkill INT\n' | on 100 40 bench --ops --quick --kernels scalar > out
grep '^|| kernels .* |$' out
grep '^|| --* .* |$' out
grep -c 'exit code 130' out
