#ifndef RESPROBE_CLI_BENCH_BENCH_SANDBOX_H_
#define RESPROBE_CLI_BENCH_BENCH_SANDBOX_H_

#include <filesystem>
#include <string>

#include "runner/json.h"

namespace resprobe::cli {

// What a sandboxed server costs, on one processor: an idle cluster of six (virtual seconds for each
// second of CPU time, and a turn), a copy of it with a failover, and recoveries from crashes by the
// verb crash, which runs for `seconds`. `program` is resprobe. {"skipped": why} if the server
// cannot run.
Json BenchSandbox(const std::filesystem::path& program, const std::string& server, double seconds);
void PrintSandbox(const Json& json);

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_BENCH_BENCH_SANDBOX_H_
