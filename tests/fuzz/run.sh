#!/bin/sh
# Runs every libFuzzer program of a build folder: its kept corpus, then new inputs.
#
#   tests/fuzz/run.sh BUILD SECONDS      SECONDS for each target; 0: the corpus only
#
# New inputs go to BUILD/corpus/NAME, not into the tree; a crash leaves its input in
# BUILD/crash-* and ends the run with an error. Keep such an input in corpus/NAME.
set -eu
build=$(cd "${1:?build folder}" && pwd)
seconds=${2:-60}
here=$(cd "$(dirname "$0")" && pwd)

for source in "$here"/fuzz_*.cc; do
  name=$(basename "$source" .cc)
  name=${name#fuzz_}
  program=$build/tests/fuzz/fuzz_$name
  [ -x "$program" ] || { echo "run.sh: $program is not built" >&2; exit 1; }
  found=$build/corpus/$name
  mkdir -p "$found"
  limit=-max_total_time=$seconds
  [ "$seconds" -gt 0 ] || limit=-runs=0
  echo "fuzz_$name"
  "$program" "$limit" -max_len=4096 -timeout=10 -rss_limit_mb=1024 -verbosity=0 \
    -artifact_prefix="$build/crash-$name-" "$found" "$here/corpus/$name"
done
