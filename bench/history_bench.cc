// How many operations a second the check of histories judges: histories of clients that share keys,
// made by the workload of `simulate` on the core, each operation with an effect at a moment between
// its begin and its end. The time is that of CheckHistory() alone; `operations` per second is what
// docs/simulate.md quotes.

#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "core/server/server.h"
#include "engine/rng.h"
#include "history/history.h"
#include "history/linearizer.h"
#include "history/workload.h"

namespace resprobe::history {
namespace {

History Make(uint64_t seed, uint32_t clients, uint32_t keys, size_t operations) {
  Rng rng(seed);
  Workload workload({.seed = seed, .clients = clients, .keys = keys});
  Server server;
  std::vector<uint64_t> connections;
  for (uint32_t i = 0; i < clients; ++i) connections.push_back(server.Connect());
  History history;
  constexpr size_t kIdle = SIZE_MAX;
  std::vector<size_t> open(clients, kIdle);
  size_t busy = 0;
  for (uint64_t now = 1; history.operations.size() < operations || busy > 0; ++now) {
    const auto client = static_cast<uint32_t>(rng.Below(clients));
    if (open[client] == kIdle) {
      if (history.operations.size() == operations) continue;
      open[client] = history.operations.size();
      ++busy;
      Operation& operation = history.operations.emplace_back();
      operation.client = client;
      operation.begin_us = now;
      operation.requests = workload.Next(client).bytes;
      continue;
    }
    Operation& operation = history.operations[open[client]];
    if (operation.replies.empty()) {
      server.Receive(connections[client], operation.requests);
      operation.replies = std::exchange(server.Output(connections[client]), {});
      continue;
    }
    operation.end_us = now;
    open[client] = kIdle;
    --busy;
  }
  return history;
}

void Check(benchmark::State& state) {
  const auto clients = static_cast<uint32_t>(state.range(0));
  const auto keys = static_cast<uint32_t>(state.range(1));
  const auto operations = static_cast<size_t>(state.range(2));
  // Seeds differ in their commands; the mean over several is what a campaign sees.
  std::vector<History> histories;
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    histories.push_back(Make(seed, clients, keys, operations));
  }
  uint64_t checked = 0;
  uint64_t runs = 0;
  for (auto _ : state) {
    for (const History& history : histories) {
      const LinearizerResult result = CheckHistory(history, Profile::kRedis70);
      if (result.verdict != Verdict::kOk) {
        std::fprintf(stderr, "a history is not judged ok: %s\n", result.why.c_str());
        std::exit(1);
      }
      checked += result.operations;
      runs += result.runs;
    }
  }
  state.counters["operations"] =
      benchmark::Counter(static_cast<double>(checked), benchmark::Counter::kIsRate);
  state.counters["runs_each"] = static_cast<double>(runs) / static_cast<double>(checked);
}

BENCHMARK(Check)
    ->ArgNames({"clients", "keys", "operations"})
    ->Args({8, 100, 1000})
    ->Args({8, 100, 20000})
    ->Args({8, 10, 1000})
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace resprobe::history

BENCHMARK_MAIN();
