#!/bin/bash
# This host for a comparison with another program on the same topics, under the same tools: a script that starts whatever is to be
# measured sets APP to this file. It makes the topics that the host needs besides, publishes wine-linear, and becomes the host.
#
#   BROKER          bootstrap address
#   PEER_IN         topic of JSON wines with an `id`
#   PEER_OUT        topic of the results, with as many partitions
#   PEER_GUARANTEE  eos | alo
#   PEER_THREADS    lanes
#
# The host is ready when its stdout has a line with "event":"running". Results carry the record's id: {..,"id":7,"outputs":{"quality":5.1}}.
# SANDSTREAM names the program; default: the newest that `cargo build --release` or `cargo xtask` made.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
caches=${SANDSTREAM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/sandstream}
built=$(ls -t "${CARGO_TARGET_DIR:-$root/target}/release/sandstream" "$caches/target/release/sandstream" 2>/dev/null | head -n 1 || true)
sandstream=${SANDSTREAM:-$built}
[ -x "$sandstream" ] || { echo "peer.sh: no program at '$sandstream'; set SANDSTREAM, or cargo build --release" >&2; exit 1; }

case "$PEER_GUARANTEE" in
  eos) delivery=exactly_once ;;
  alo) delivery=at_least_once ;;
  *) echo "peer.sh: PEER_GUARANTEE is eos or alo, got $PEER_GUARANTEE" >&2; exit 1 ;;
esac

folder=$caches/peer
mkdir -p "$folder"
config=$folder/$PEER_OUT.toml
# A group of its own every time: each run reads its input from the beginning. The commit interval is the other program's.
cat > "$config" <<TOML
[kafka]
brokers = "$BROKER"

[control]
topic = "sandstream.peer.models"

[types.wine]
format = "json"
[types.wine.fields]
id = "integer"
"fixed acidity" = "number"
"volatile acidity" = "number"
"citric acid" = "number"
"residual sugar" = "number"
chlorides = "number"
"free sulfur dioxide" = "number"
"total sulfur dioxide" = "number"
density = "number"
pH = "number"
sulphates = "number"
alcohol = "number"

[streams.wine]
inputs = ["$PEER_IN"]
type = { constant = "wine" }
output = "$PEER_OUT"
dead_letters = "sandstream.peer.dlq"
include = ["id"]
group = "sandstream-peer-$$-$(date +%s)"
lanes = $PEER_THREADS
delivery = "$delivery"
commit.interval = "100ms"
TOML

"$sandstream" check --config "$config" --kafka --create >&2
"$sandstream" model publish --config "$config" --name wine-linear --version 1 --no-wait "$root/plugins/prebuilt/wine-linear.wasm" >&2
# So that a signal to this script's process reaches the host, and its CPU time is the host's.
exec "$sandstream" run --config "$config"
