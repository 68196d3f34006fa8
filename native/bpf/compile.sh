#!/usr/bin/env bash
# Compiles the eBPF programs, those whose sources are newer than what is there. They need the kernel's stable headers
# only, so what is compiled here runs on any node: the objects are part of the published package.
set -euo pipefail
cd "$(dirname "$0")"

for source in *.bpf.c; do
  object="${source%.c}.o"
  if [ ! -f "$object" ] || [ -n "$(find . -name '*.[ch]' -newer "$object" -print -quit)" ]; then
    # A process that reads the object meanwhile has a whole one.
    # The debug information would name this folder, and so no two checkouts would compile to the same bytes.
    clang -O2 -g -fdebug-compilation-dir=. -target bpf -mcpu=v3 -Wall -Werror "-I/usr/include/$(uname -m)-linux-gnu" -c "$source" -o "$object.new"
    mv "$object.new" "$object"
  fi
done
