#!/bin/bash
# clang-tidy over what differs from main, or over all sources with --all.
#
#   tools/clang-tidy.sh BUILD_FOLDER [--all]
#
# One file takes some seconds, hence the selection. Says so and does nothing
# where clang-tidy is not installed.
set -euo pipefail
build=${1:?usage: tools/clang-tidy.sh BUILD_FOLDER [--all]}
tidy=$(command -v clang-tidy-14 || command -v clang-tidy) || {
  echo "clang-tidy: not installed (apt install clang-tidy-14); left out"
  exit 0
}
if [ "${2-}" = --all ] || ! git rev-parse -q --verify main >/dev/null; then
  mapfile -t files < <(git ls-files '*.cc')
else
  mapfile -t files < <(git diff --name-only --diff-filter=d main -- '*.cc')
fi
[ ${#files[@]} -gt 0 ] || exit 0
printf '%s\0' "${files[@]}" | xargs -0 -n 1 -P "$(nproc)" "$tidy" --quiet -p "$build"
