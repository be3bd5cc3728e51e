#!/usr/bin/env bash
# Installs libgpoeo into a scratch folder, then builds and runs the schedulers in C, C++ and Python against it: plainly, with
# AddressSanitizer, and under Valgrind where there is one. All three must come to the same account.
set -euo pipefail
cd "$(dirname "$0")"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
../gpoeo-ffi/install.sh --sim --prefix "$scratch/usr"
export PKG_CONFIG_PATH="$scratch/usr/lib/pkgconfig"

has() {
    command -v "$1" >/dev/null || { echo "SKIPPED: $2: this machine has no $1"; return 1; }
}

if has nm 'the check of symbols'; then
    odd=$(nm -D --defined-only "$scratch/usr/lib/libgpoeo.so" | awk '$3 !~ /^gpoeo_/ || $3 ~ /^gpoeo_test/ { print $3 }')
    [ -z "$odd" ] || { echo "the library exports $odd"; exit 1; }
fi

# FOLDER NAME FLAGS
build() {
    cp -r "$1" "$scratch/$2"
    CFLAGS="-O1 -g ${3:-}" CXXFLAGS="-O1 -g ${3:-}" LDFLAGS="${3:-}" make -s -C "$scratch/$2"
}

python3 python/scheduler.py --library "$scratch/usr/lib/libgpoeo.so" >"$scratch/account"
cat "$scratch/account"

languages=(c)
has "${CXX:-c++}" 'the C++ example' && languages+=(cpp)
if ! has pkg-config 'the C and C++ examples' || ! has make 'the C and C++ examples'; then
    exit 0
fi
for language in "${languages[@]}"; do
    echo "--- $language"
    build "$language" "$language"
    "$scratch/$language/scheduler" 2>/dev/null | cmp - "$scratch/account"
    echo 'the same account as in Python'
    build "$language" "$language-asan" '-fsanitize=address,undefined -fno-sanitize-recover=all'
    "$scratch/$language-asan/scheduler" 2>/dev/null | cmp - "$scratch/account"
    echo 'clean under AddressSanitizer'
    if has valgrind "$language under Valgrind"; then
        valgrind --quiet --error-exitcode=99 --leak-check=full --show-leak-kinds=all \
            "$scratch/$language/scheduler" 3 >/dev/null
        echo 'clean under Valgrind'
    fi
done

if has cmake 'the CMake package'; then
    cmake -S cpp -B "$scratch/cmake" -DCMAKE_PREFIX_PATH="$scratch/usr" -DCMAKE_BUILD_TYPE=Release >/dev/null
    cmake --build "$scratch/cmake" >/dev/null
    "$scratch/cmake/scheduler" 2>/dev/null | cmp - "$scratch/account"
    echo '--- the CMake package is found'
fi
