#!/bin/sh
# The names of the one binary: gdsub ... beside it, Slurm's names in a folder of their own.
#
#   install_links.sh GD PREFIX BINDIR LIBDIR     (DESTDIR counts)
#
# The list is the binary's own (`gd --gd-links`), so no link lacks its command.
set -eu
gd=$1
bin=${DESTDIR-}$2/$3
slurm=${DESTDIR-}$2/$4/gd/slurm
mkdir -p "$bin" "$slurm"
up=$(printf '%s\n' "$4/gd/slurm" | sed 's,[^/][^/]*,..,g')
"$gd" --gd-links | while read -r link; do
  case $link in
    slurm/*) ln -sf "$up/$3/gd" "$slurm/${link#slurm/}" ;;
    *) ln -sf gd "$bin/$link" ;;
  esac
done
