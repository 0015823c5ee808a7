#!/bin/sh
# Installs the generated completions where each shell looks for them.
#
#   install.sh BUILD_FOLDER PREFIX      (DESTDIR counts)
set -eu
build=$1
share=${DESTDIR-}$2/share
bash=$share/bash-completion/completions
mkdir -p "$bash" "$share/zsh/vendor-completions" "$share/fish/vendor_completions.d"
for file in "$build"/*.bash; do
  name=$(basename "$file" .bash)
  install -m 644 "$file" "$bash/$name"
done
install -m 644 "$build"/_gd* "$share/zsh/vendor-completions/"
install -m 644 "$build"/*.fish "$share/fish/vendor_completions.d/"
for pair in gdsub:sbatch gdalloc:salloc gdrun:srun gdstat:squeue gdkill:scancel gdinfo:sinfo gdacct:sacct gdctl:scontrol gdprio:sprio gdshare:sshare; do
  ln -sf "${pair%:*}" "$bash/${pair#*:}"
done
