# resprobe with everything built, for those who only want to run it:
#
#   docker build -t resprobe .
#   docker run --rm -it --network none -v "$PWD/work:/resprobe/work" resprobe fuzz --time 1m
#
# What runs find and learn is in /resprobe/work. To change a harness, use a clone and ./resprobe.
FROM debian:bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates
WORKDIR /resprobe
COPY . .
# Installs the compiler and the libraries, fetches hiredis 1.2 and valkey-server, and builds.
RUN ./resprobe build fuzz resprobe_cli resprobe_harness_cli all_harnesses && ./resprobe build afl harnesses
# What runs, without what it was built from.
RUN find build/fuzz build/afl -mindepth 1 -maxdepth 1 ! -name bin ! -name harnesses ! -name lib \
      -exec rm -rf {} + && rm -rf build/packages/apt*

FROM debian:bookworm
RUN apt-get update && apt-get install -y --no-install-recommends \
      afl++ libabsl20220623 libcpp-httplib0.11 libyaml-cpp0.7 llvm-19 redis-server && \
    rm -rf /var/lib/apt/lists/*
WORKDIR /resprobe
COPY --from=build /resprobe .
# ./resprobe installs and builds nothing here.
ENV RESPROBE_BUILT=1
VOLUME /resprobe/work
ENTRYPOINT ["./resprobe"]
CMD ["--help"]
