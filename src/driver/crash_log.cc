#include "driver/crash_log.h"

#include <cstdio>

#include "driver/build_facts.h"
#include "sim/chaos_log.h"

namespace resprobe::driver {
namespace {

std::string_view harness_name;
Bytes current_tape;
bool written = true;

}  // namespace

void NoteCase(std::string_view harness, Bytes tape) {
  harness_name = harness;
  current_tape = tape;
  written = false;
}

void WriteCrashLog() {
  const ChaosLog* const log = ChaosLog::current();
  if (written || log == nullptr) return;
  written = true;
  // No large allocation, and no lock that the failing code could hold.
  std::fprintf(stderr, "== resprobe: descriptor {\"harness\":\"%.*s\",\"tape\":\"",
               static_cast<int>(harness_name.size()), harness_name.data());
  for (const uint8_t byte : current_tape) std::fprintf(stderr, "%02x", byte);
  std::fprintf(stderr, "\",\"compiler\":\"%s\",\"flags\":\"%s\",\"engine\":\"%s\"}\n", __VERSION__,
               kBuildFlags, kBuildEngine);
  std::fprintf(stderr, "== resprobe: the last of %llu events\n",
               static_cast<unsigned long long>(log->size()));
  for (uint64_t number = log->first(); number < log->size(); ++number) {
    std::fprintf(stderr, "   %s\n", ChaosLog::Text(log->at(number)).c_str());
  }
  std::fflush(stderr);
}

}  // namespace resprobe::driver

// NOLINTBEGIN(bugprone-reserved-identifier): the names that the sanitizers call.
extern "C" void __asan_on_error();
extern "C" void __asan_on_error() { resprobe::driver::WriteCrashLog(); }
extern "C" void __ubsan_on_report();
extern "C" void __ubsan_on_report() { resprobe::driver::WriteCrashLog(); }
// NOLINTEND(bugprone-reserved-identifier)
