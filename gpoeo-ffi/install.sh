#!/bin/sh
# Builds libgpoeo and installs it, with its headers, its pkg-config file and its CMake package.
#
#   gpoeo-ffi/install.sh [--prefix DIR] [--libdir DIR] [--sim]
#
# --prefix   where to (/usr/local)
# --libdir   where libraries go (PREFIX/lib)
# --sim      with the simulated GPU, for tests
#
# DESTDIR is put in front of everything, for packages.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
prefix=/usr/local
libdir=
features=
defines=
cmake_defines=
while [ $# -gt 0 ]; do
    case $1 in
    --prefix) prefix=$2; shift 2 ;;
    --libdir) libdir=$2; shift 2 ;;
    --sim) features=sim; defines=' -DGPOEO_SIM'; cmake_defines=GPOEO_SIM; shift ;;
    *) sed -n '2,11s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
    esac
done
libdir=${libdir:-$prefix/lib}
destdir=${DESTDIR:-}

number=$(sed -n 's/^#define GPOEO_VERSION //p' "$here/include/gpoeo.h")
major=$((number / 10000)) minor=$((number / 100 % 100)) patch=$((number % 100))
version=$major.$minor.$patch
# Programs that were linked with one version must not be run with another that breaks them.
if [ "$major" -eq 0 ]; then series=0.$minor; else series=$major; fi
soname=libgpoeo.so.$series

cd "$here"
cargo rustc --release --lib --features "$features" --crate-type cdylib,staticlib -- -C link-arg=-Wl,-soname,"$soname"
built=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/release

fill() { # TEMPLATE FILE
    sed -e "s|@PREFIX@|$prefix|g; s|@LIBDIR@|$libdir|g; s|@VERSION@|$version|g; s|@SERIES@|$series|g" \
        -e "s|@SONAME@|$soname|g; s|@DEFINES@|$defines|g; s|@CMAKE_DEFINES@|$cmake_defines|g" "$1" >"$2"
    chmod 644 "$2"
}

mkdir -p "$destdir$prefix/include" "$destdir$libdir/pkgconfig" "$destdir$libdir/cmake/gpoeo"
install -m 644 include/gpoeo.h include/gpoeo.hpp "$destdir$prefix/include"
install -m 644 "$built/libgpoeo.a" "$destdir$libdir"
install -m 755 "$built/libgpoeo.so" "$destdir$libdir/libgpoeo.so.$version"
ln -sf "libgpoeo.so.$version" "$destdir$libdir/$soname"
ln -sf "$soname" "$destdir$libdir/libgpoeo.so"
fill gpoeo.pc.in "$destdir$libdir/pkgconfig/gpoeo.pc"
fill cmake/gpoeo-config.cmake.in "$destdir$libdir/cmake/gpoeo/gpoeo-config.cmake"
fill cmake/gpoeo-config-version.cmake.in "$destdir$libdir/cmake/gpoeo/gpoeo-config-version.cmake"
echo "installed libgpoeo $version below $destdir$prefix"
