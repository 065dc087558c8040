#ifndef RESPROBE_CLI_BENCH_BENCH_ORACLE_H_
#define RESPROBE_CLI_BENCH_BENCH_ORACLE_H_

#include <filesystem>

#include "runner/output.h"

namespace resprobe::cli {

// Commands that the oracle compares a second with a private redis-server, over its unix socket, as
// a ratio to the requests a second that redis-benchmark reaches there with one connection and
// pipelines of 16, by turns. `program` is resprobe without sanitizers. {"skipped": why} if it, or
// one of the two, is not there.
Json BenchOracle(const std::filesystem::path& program, int rounds, double seconds);
void PrintOracle(const Json& json);

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_BENCH_BENCH_ORACLE_H_
