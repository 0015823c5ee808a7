#!/bin/sh
# Every name of the commands beside the static program that is bound into containers.
#
#   install_client_links.sh GD FOLDER     (DESTDIR counts)
set -eu
folder=${DESTDIR-}$2
mkdir -p "$folder"
ln -sf gd-client "$folder/gd"
"$1" --gd-links | while read -r link; do
  ln -sf gd-client "$folder/${link#slurm/}"
done
