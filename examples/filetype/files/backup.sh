#!/bin/sh
# Copies what has changed since the last time.
set -eu
from=${1:?the folder to copy}
to=${2:?where it goes}

mkdir -p "$to"
for file in "$from"/*; do
  name=$(basename "$file")
  if [ ! -e "$to/$name" ] || [ "$file" -nt "$to/$name" ]; then
    cp -p "$file" "$to/$name"
    echo "copied $name"
  fi
done
