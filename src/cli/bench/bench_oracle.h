#ifndef RESPROBE_CLI_BENCH_BENCH_ORACLE_H_
#define RESPROBE_CLI_BENCH_BENCH_ORACLE_H_

#include <filesystem>

#include "runner/output.h"

namespace resprobe::cli {

// Commands per second that the oracle compares with a private redis-server over its unix socket, as
// a ratio to the requests per second that redis-benchmark reaches there with one connection and
// pipelines of 16, in alternation. `program` is resprobe without sanitizers. Returns {"skipped":
// why} if it or one of the other two programs is missing.
Json BenchOracle(const std::filesystem::path& program, int rounds, double seconds);
void PrintOracle(const Json& json);

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_BENCH_BENCH_ORACLE_H_
