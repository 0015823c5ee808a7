#!/bin/sh
# Installs the generated completions where each shell looks for them.
#
#   install.sh BUILD_FOLDER PREFIX NAME:SLURMS_NAME...      (DESTDIR counts)
set -eu
build=$1
share=${DESTDIR-}$2/share
bash=$share/bash-completion/completions
shift 2
mkdir -p "$bash" "$share/zsh/vendor-completions" "$share/fish/vendor_completions.d"
for file in "$build"/*.bash; do
  name=$(basename "$file" .bash)
  install -m 644 "$file" "$bash/$name"
done
install -m 644 "$build"/_[gs]* "$share/zsh/vendor-completions/"
install -m 644 "$build"/*.fish "$share/fish/vendor_completions.d/"
for pair; do
  ln -sf "${pair%:*}" "$bash/${pair#*:}"
done
