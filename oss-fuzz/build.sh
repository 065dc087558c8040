#!/bin/bash -eu
# Builds the fuzz targets as OSS-Fuzz and ClusterFuzzLite require, in the root of the project:
# compiler and flags come from $CC, $CXX, $CFLAGS, $CXXFLAGS, the engine from $LIB_FUZZING_ENGINE,
# and the results go to $OUT. oss-fuzz/check.sh runs this offline and checks the result.

[[ -f CMakePresets.json && -d harnesses ]] || {
  echo "build.sh runs in the root of resprobe" >&2
  exit 1
}

prefix=$WORK/prefix
mkdir -p "$prefix"
if [[ -d $SRC/hiredis ]]; then
  # With the same flags as the rest, so that it is instrumented and sanitized too.
  cmake -S "$SRC/hiredis" -B "$WORK/hiredis" -G Ninja -DCMAKE_BUILD_TYPE=None \
    -DCMAKE_INSTALL_PREFIX="$prefix" -DCMAKE_INSTALL_LIBDIR=lib \
    -DBUILD_SHARED_LIBS=OFF -DDISABLE_TESTS=ON -DENABLE_EXAMPLES=OFF
  cmake --build "$WORK/hiredis" --target install
fi

cmake -S . -B "$WORK/resprobe" -G Ninja -DCMAKE_BUILD_TYPE=None -DCMAKE_PREFIX_PATH="$prefix" \
  -DRESPROBE_ENGINE=external -DRESPROBE_WERROR=OFF \
  -DRESPROBE_BUILD_TESTS=OFF -DRESPROBE_BUILD_CLI=OFF
cmake --build "$WORK/resprobe" --target harnesses

while read -r harness corpus; do
  cp "$WORK/resprobe/harnesses/$harness" "$OUT/$harness"
  cp "dictionaries/$corpus.dict" "$OUT/$harness.dict"
  cp oss-fuzz/harness.options "$OUT/$harness.options"
  rm -f "$OUT/${harness}_seed_corpus.zip"
  zip -q -r -j "$OUT/${harness}_seed_corpus.zip" "corpus/$corpus"
done <"$WORK/resprobe/harnesses/harnesses.txt"
