#include "driver/leak_checks.h"

#include <bit>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

extern "C" int __lsan_do_recoverable_leak_check() __attribute__((weak));

namespace resprobe::driver {
namespace {

constexpr uint64_t kFirstLook = 4096;  // executions

bool looks = false;
uint64_t executions = 0;

}  // namespace

void LookForLeaksNowAndThen(int* argc, char*** argv) {
  static char option[] = "-detect_leaks=0";
  static std::vector<char*> words;
  words.assign(*argv, *argv + *argc);
  words.insert(words.begin() + 1, option);
  *argc = static_cast<int>(words.size());
  words.push_back(nullptr);
  *argv = words.data();
  looks = __lsan_do_recoverable_leak_check != nullptr;
}

void CountCaseForLeaks() {
  if (!looks) return;
  ++executions;
  if (executions < kFirstLook || !std::has_single_bit(executions)) return;
  if (__lsan_do_recoverable_leak_check() == 0) return;
  std::fprintf(stderr, "resprobe: one of %llu cases has leaked\n",
               static_cast<unsigned long long>(executions));
  std::abort();
}

}  // namespace resprobe::driver
