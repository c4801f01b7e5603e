#!/usr/bin/env bash
# What kcat observes of a broker: one line per fact, `scenario: outcome`, without ids, times and ports.
#   kcat.sh BOOTSTRAP   on a broker that has the topics below, empty
#   kcat.sh --topics    names these topics, NAME:PARTITIONS a line: kcat makes none
# $KCAT is the program (default: kcat), $PREFIX what topics' and groups' names begin with (default: kcat).
set -u
kcat=${KCAT:-kcat}
prefix=${PREFIX:-kcat}
topics="list:3 keyed:1 time:1 group:4 transactions:1 open:1 none:1 gzip:1 snappy:1 lz4:1 zstd:1 acks:1 large:1"

if [ "${1:-}" = --topics ]; then
    for topic in $topics; do echo "$prefix-$topic"; done
    exit 0
fi
bootstrap=${1:?expected a bootstrap address, or --topics}
"$kcat" -V >/dev/null || { echo "kcat is not to be had as '$kcat': install it, or name it in \$KCAT" >&2; exit 2; }
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$folder"' EXIT

say() { echo "$1: $2"; }
# Lines become one, with " | " between them.
line() { paste -sd'|' - | sed 's/|/ | /g'; }
run() { timeout 20 "$kcat" -b "$bootstrap" -m 10 "$@"; }
produce() { local topic=$1; shift; run -q -P -t "$prefix-$topic" -p 0 "$@"; }
# Reads partition 0 to its end.
consume() { local topic=$1; shift; run -q -C -t "$prefix-$topic" -p 0 -e "$@"; }
# Where a partition ends: the offset at timestamp -1.
query() { run -Q -t "$prefix-$1:0:$2" 2>&1 | sed 's/.*offset //'; }
# Waits until a command says something; half a minute at most.
until_says() {
    local expected=$1 said= end=$((SECONDS + 30))
    shift
    while said=$("$@"); [ "$said" != "$expected" ] && [ $SECONDS -lt $end ]; do
        sleep 0.25
    done
    echo "$said"
}
# An error without what it is about.
error() { grep -o -E '(Broker|Local): [A-Za-z, ]*[a-z]' | head -1; }

list() {
    say "list, partitions" "$(run -L -t "$prefix-list" | grep -E '^ +partition' | sed 's/^ *//' | line)"
    say "list, brokers" "$(run -L | grep -c -E '^ +broker .*controller')"
    say "list, all" "$(run -L | grep -c "topic \"$prefix-")"
    say "list, unknown" "$(run -L -t "$prefix-nowhere" | error)"
    say "list, as JSON" "$(run -L -J -t "$prefix-list" | grep -o -E '"partitions":\[\{"partition":0,"leader":1,"replicas":\[\{"id":1\}\],"isrs":\[\{"id":1\}\]\}')"
}

keyed() {
    printf 'a:1\nb:2\na:3\n' | produce keyed -K: -H one=1 -H two=2
    say "keyed" "$(consume keyed -f '%o %k=%s %h\n' | line)"
    printf 'a:\n:4\n' | produce keyed -K: -Z
    say "keyed, null" "$(consume keyed -o 3 -Z -f '%o %k=%s, lengths %K %S\n' | line)"
    say "keyed, JSON" "$(consume keyed -o 0 -c 1 -J | sed -E 's/"ts":[0-9]+/"ts":T/; s/"topic":"[^"]*"/"topic":T/')"
    say "offsets, from 2" "$(consume keyed -o 2 -f '%o\n' | line)"
    say "offsets, last 2" "$(consume keyed -o -2 -f '%o\n' | line)"
    say "offsets, from the end" "$(consume keyed -o end -f '%o\n' | line)"
    say "offsets, 2 from 1 on" "$(consume keyed -o 1 -c 2 -f '%o\n' | line)"
    say "offsets, out of range" "$(consume keyed -o 99 -X auto.offset.reset=error -f '%o\n' 2>&1 | error)"
    say "offsets, out of range, reset" "$(consume keyed -o 99 -X auto.offset.reset=earliest -f '%o\n' | line)"
    say "topic that is not" "$(echo x | run -P -t "$prefix-nowhere" -p 0 -X message.timeout.ms=3000 2>&1 | error)"
}

by_time() {
    for value in 0 1 2 3; do
        echo "$value" | produce time
        sleep 0.05
    done
    local stamp
    stamp=$(consume time -o 2 -c 1 -f '%T')
    say "time, beginning" "$(query time -2)"
    say "time, end" "$(query time -1)"
    say "time, 1970" "$(query time 1)"
    say "time, of record 2" "$(query time "$stamp")"
    say "time, just after record 2" "$(query time $((stamp + 1)))"
    say "time, tomorrow" "$(query time $((stamp + 86400000)))"
    say "time, consume from" "$(consume time -o "s@$stamp" -f '%s\n' | line)"
    say "time, consume until" "$(consume time -o "s@1" -o "e@$stamp" -f '%s\n' | line)"
}

# A member of a group that reads until it is told to stop; what it is assigned is on its standard error.
member() {
    : >"$folder/$1.out" >"$folder/$1.err"
    "$kcat" -b "$bootstrap" -G "$prefix-group" -X auto.offset.reset=earliest -X session.timeout.ms=6000 -X heartbeat.interval.ms=300 \
        -X auto.commit.interval.ms=100 "${@:2}" -u -f '%s\n' "$prefix-group" >"$folder/$1.out" 2>"$folder/$1.err" &
}
# How many partitions a member has, by the last thing it was told.
share() { grep -E 'assigned: |revoked: ' "$folder/$1.err" | tail -1 | sed '/revoked/s/.*//' | grep -o '\[' | wc -l; }
read_by() { cat "$@" | sort -un | wc -l; }

groups() {
    seq 1 40 | run -q -P -t "$prefix-group"
    member one
    local one=$!
    say "group, one member has" "$(until_says 4 share one)"
    say "group, it read" "$(until_says 40 read_by "$folder/one.out")"
    member two
    local two=$!
    until_says 2 share one >/dev/null
    say "group, two members have" "$(until_says 2 share one) and $(until_says 2 share two)"
    seq 41 80 | run -q -P -t "$prefix-group"
    say "group, both read" "$(until_says 80 read_by "$folder/one.out" "$folder/two.out")"
    kill -TERM $two
    wait $two
    say "group, one again has" "$(until_says 4 share one)"
    kill -TERM $one
    wait $one
    seq 81 90 | run -q -P -t "$prefix-group"
    say "group, later it goes on with" "$(run -q -G "$prefix-group" -e -f '%s\n' "$prefix-group" | sort -n | line)"
    say "group, another reads all" "$(run -q -G "$prefix-group-other" -X auto.offset.reset=earliest -e -f '%s\n' "$prefix-group" | wc -l)"
    member three -X partition.assignment.strategy=cooperative-sticky -X group.instance.id=three
    local three=$!
    sleep 1
    kill -TERM $three
    wait $three
}

# A producer whose transaction stays open until its pipe, $folder/$1, is closed. It has read much before it sends the first of it, and
# never sends what it read last: so it is given more than that.
hold_open() {
    mkfifo "$folder/$1"
    "$kcat" -b "$bootstrap" -P -t "$prefix-$2" -p 0 -X transactional.id="$3" -X linger.ms=0 \
        < <(seq -f '%0999.0f' 1 4000; cat "$folder/$1") 2>"$folder/$1.err" &
}
count() { consume "$1" -X isolation.level="$2" -f '%o\n' | wc -l; }
# Whether there are more records than $2.
has_more() { [ "$(count "$1" read_uncommitted)" -gt "$2" ] && echo true; }

transactions() {
    local id=$prefix-transactional
    printf '1\n2\n' | produce transactions -X transactional.id="$id"
    say "transaction, ends at" "$(query transactions -1)"
    hold_open aborted transactions "$id"
    local aborted=$!
    exec 7<>"$folder/aborted"
    say "transaction, to be aborted, there are more records" "$(until_says true has_more transactions 2)"
    say "transaction, to be aborted, read committed" "$(count transactions read_committed)"
    say "transaction, to be aborted, ends at" "$(query transactions -1)"
    kill -TERM $aborted
    exec 7>&-
    wait $aborted
    printf '5\n' | produce transactions -X transactional.id="$id"
    say "transaction, aborted, read committed" "$(consume transactions -X isolation.level=read_committed -f '%s\n' | line)"
    say "transaction, aborted, read uncommitted, there are more" "$(has_more transactions 3)"

    hold_open open open "$id-open"
    local open=$!
    exec 8<>"$folder/open"
    say "transaction, open, there are records" "$(until_says true has_more open 0)"
    say "transaction, open, read committed" "$(count open read_committed)"
    exec 8>&-
    wait $open
    say "transaction, committed, read committed" "$(count open read_committed)"

    hold_open zombie open "$id-open"
    local zombie=$!
    exec 9<>"$folder/zombie"
    until_says true has_more open 4000 >/dev/null
    printf 'heir\n' | produce open -X transactional.id="$id-open"
    exec 9>&-
    wait $zombie
    say "transaction, zombie" "exit $?, $(grep -o -i -m1 fenced "$folder/zombie.err" | head -1)"
    say "transaction, after the takeover, read committed" \
        "$(count open read_committed), the last $(consume open -X isolation.level=read_committed -f '%s\n' | tail -1)"
}

codecs() {
    for codec in none gzip snappy lz4 zstd; do
        if [ "$codec" != none ] && ! "$kcat" -V | grep -q "$codec"; then
            say "compression, $codec" "not in this kcat"
            continue
        fi
        seq 1000 1999 | produce "$codec" -z "$codec"
        say "compression, $codec" "$(consume "$codec" -f '%s\n' | cksum | tr -d '\n'), offset of the first by time $(query "$codec" 1)"
    done
}

producing() {
    seq 1 100 | produce acks -X enable.idempotence=true
    say "idempotent, ends at" "$(query acks -1)"
    seq 1 100 | produce acks -X acks=1
    say "acks 1, ends at" "$(until_says 200 query acks -1)"
    seq 1 100 | produce acks -X acks=0
    say "acks 0, ends at" "$(until_says 300 query acks -1)"
    head -c 1200000 /dev/zero | tr '\0' x >"$folder/large"
    say "too large" "$(run -P -t "$prefix-large" -X message.max.bytes=2000000 "$folder/large" 2>&1 | error)"
    head -c 900000 "$folder/large" >"$folder/fits"
    produce large "$folder/fits"
    say "large" "$(consume large -f '%o %S\n')"
}

# The groups wait most, so they wait beside the others.
groups >"$folder/groups" 2>&1 &
{ list; keyed; by_time; producing; codecs; }
transactions
wait
cat "$folder/groups"
