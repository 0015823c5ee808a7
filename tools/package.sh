#!/bin/bash
# A Debian package of a build: programs, units, account, manual pages, completions, below /usr.
#
#   tools/package.sh BUILD_FOLDER OUTPUT_FOLDER
#
# Writes OUTPUT_FOLDER/gd_VERSION_ARCHITECTURE.deb and prints its path. The build is configured for
# PREFIX=/usr by it, as `make install PREFIX=/usr` does; no program is compiled again. Dependencies
# are those of the libraries that the programs are linked with (dpkg-shlibdeps). Root is not needed.
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# = 2 ] || { sed -n '4p' "$0" >&2 && exit 2; }
build=$1
mkdir -p "$2"
output=$(cd "$2" && pwd)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
umask 022
root=$work/root
mkdir -p "$root/DEBIAN" "$work/debian"

if ! (meson configure "$build" --prefix=/usr && ninja -C "$build" &&
  DESTDIR=$root meson install -C "$build" --no-rebuild --quiet) >"$work/log" 2>&1; then
  tail -n 20 "$work/log" >&2
  exit 1
fi
mapfile -t programs < <(find "$root/usr" -type f -perm -100 -exec sh -c \
  '[ "$(head -c 4 "$1" | tail -c 3)" != ELF ] || echo "$1"' sh {} \;)
strip --strip-unneeded --remove-section=.comment "${programs[@]}"
# Debian's slurm-client has completions of these names, and both may be there. Of zsh and fish it
# has none, and those of gd's own names stay.
for name in "$root"/usr/lib/gd/slurm/*; do
  rm -f "$root/usr/share/bash-completion/completions/$(basename "$name")"
done
find "$root/usr/share/man" "$root/usr/lib/gd/man" -type f -exec gzip -9n {} +
install -Dm 644 LICENSE "$root/usr/share/doc/gd/copyright"
gzip -9nc CHANGELOG.md >"$root/usr/share/doc/gd/changelog.gz"

version=$(meson introspect "$build" --projectinfo | sed 's/.*"version": "\([^"]*\)".*/\1/')
architecture=$(dpkg --print-architecture)
# dpkg-shlibdeps wants a source package around it.
printf 'Source: gd\n\nPackage: gd\nArchitecture: any\n' >"$work/debian/control"
libraries=$(cd "$work" && dpkg-shlibdeps -O "${programs[@]/#/-e}" 2>>"$work/log" |
  sed 's/^shlibs:Depends=//')
sed -e "s/@version@/$version/; s/@architecture@/$architecture/" \
  -e "s/@size@/$(du -sk --exclude=DEBIAN "$root" | cut -f1)/; s/@libraries@/$libraries/" \
  etc/debian/control.in >"$root/DEBIAN/control"
(cd "$root" && find etc -type f -printf '/%p\n' | sort) >"$root/DEBIAN/conffiles"
(cd "$root" && find usr -type f -print0 | sort -z | xargs -0 md5sum) >"$root/DEBIAN/md5sums"
install -m 755 etc/debian/{postinst,prerm,postrm} "$root/DEBIAN/"
package=$output/gd_${version}_$architecture.deb
dpkg-deb --root-owner-group --build "$root" "$package" >>"$work/log"
echo "$package"
