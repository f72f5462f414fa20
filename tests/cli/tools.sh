# Tools that measure: their arguments, and what they make of that which nomul bench prints.
not_on_windows "they are shell scripts of Linux"
[ -r /proc/stat ] && taskset -c 0 true 2> /dev/null || skip "tools: no taskset, or no CPU 0"
tool() { # NAME ARGUMENT...: the first line and the exit code
    echo "$ $*" | sed "s:$PWD/::"
    name=$1
    shift
    code=0
    sh "$root/tools/$name" "$@" < /dev/null > tool.out 2>&1 || code=$?
    grep -v '^| ' tool.out | sed 1q
    echo "[$code]"
}
# A shape has commas.  The program is run once to ask for its kernels and three times a round: one
# thread, one process, one of -t 1.  CPUs are far in the second round.
cat > bench << END
#!/bin/sh
case \$* in
    *avx2*) echo "no AVX2"; exit 1 ;;
    *1,64,64,64*) printf 'packing,kernels\n"t4","wide"\n'; exit ;;
esac
n=\$((\$(cat "$PWD/calls") % 3 + 1))
echo \$n > "$PWD/calls"
far=\$(grep -c 2bit "$PWD/rounds")
echo 'model_filename,n_gen,avg_ts,signal_ns'
printf '"2,64,128,512","%d","%d","%d.9"\n' \
    0 \${n}00 \$((far * 300 + 29 - n)) 4 \${n}0 \$((far * 300 + 10 + n))
END
chmod +x bench
echo 0 > calls
sh "$root/tools/compare_threads.sh" -t 1 -r 2 -w 0 -P 2bit -b "$PWD/bench" 2,64,128,512 > rounds
sed -E 's/(\| [^|]+, (near|far) \|) [0-9.-]+!?/\1 N/' rounds
tool compare_threads.sh -t 1 -r 1 -k avx2 -b "$PWD/bench" 370m
echo 'exit 1' > bench
tool compare_threads.sh -t 1 -r 1 -w 0 -b "$PWD/bench" 370m
for wrong in '-t 0' '-t 1x' '-t 1,' '-r 0' '-s x' '-w x' '-n -1' '-n 0 -p 0' '-t 1 -c 0,1' \
    '-c 0,0' '-c 0-1' '-c 0,,1'; do
    tool compare_threads.sh $wrong
done
# Of 900 us of products and 100 of the rest, of which 80 are shared; two threads wait for 7 signals
# and 22 lines, four for 7 and 30.
cat > bench << END
#!/bin/sh
case \$* in *-p\ *--ops* | *--ops*-p\ *) exit 2 ;; *--ops*)
    echo op,token_ns
    printf '"%s","%s"\n' 'tables and gemv' 900000 recurrence 60000 gates 20000 all 1000000
    exit ;;
esac
echo avg_ts,weight_bytes_per_token,read_bandwidth_gbs,signal_ns
case \$* in
    *"-t 1"*) echo '"1000","1000000","10",""' ;;
    *) echo '"2000","1000000","10","200"' ;;
esac
END
sh "$root/tools/predict_threads.sh" -t 1,2,4 -b "$PWD/bench" 1,64,64,64
tool predict_threads.sh -t 0
tool predict_threads.sh -n x
tool predict_threads.sh -b /bin/false 1,64,64,64
tool compare_threads.sh -t 1 -c 99999 -b "$PWD/bench"
for wrong in --help '370m 3bit' '370m 2bit avx2 1' '370m 2bit avx2 17' '370m 2bit avx2 2 x'; do
    tool count_shares.sh $wrong
done
for wrong in --help --loop 'a b' no-folder '--loop no .'; do tool mca.sh $wrong; done
