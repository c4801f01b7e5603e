#!/usr/bin/env bash
# What Apache Kafka's Java client observes of a broker: java.sh BOOTSTRAP [FAMILY..]
# $KAFKA_LIBS is the folder of Apache Kafka's jars (default: where `cargo xtask kafka up` has put them); a JDK of 17 or newer is needed.
# With TIMES=1 lines go to standard error as well, when they come.
set -eu
here=$(cd -- "$(dirname -- "$0")" && pwd)
libs=${KAFKA_LIBS:-$(ls -d "$HOME"/.cache/sandstream/kafka/[0-9]* | sort -V | tail -1)}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
javac -nowarn -proc:none -d "$folder" -cp "$libs/*" "$here"/java/*.java
# Compiled lightly and quickly: most of the time is spent waiting.
java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xmx512m -cp "$folder:$libs/*" conformance.Conformance "$@"
