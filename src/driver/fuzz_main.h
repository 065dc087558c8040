#ifndef RESPROBE_DRIVER_FUZZ_MAIN_H_
#define RESPROBE_DRIVER_FUZZ_MAIN_H_

// The entry points of a fuzz target, for every engine:
//
//   #include "driver/fuzz_main.h"
//   RESPROBE_HARNESS(resprobe::OpsHarness<resprobe::MyWorld>)
//
// Under libFuzzer, AFL++ and OSS-Fuzz the engine has the main(); without an engine,
// standalone_main.cc has it. The resprobe program calls `BINARY --resprobe VERB …` (driver.h). With
// RESPROBE_AFL_MUTATOR the same file becomes AFL++'s custom mutator instead.

#include <cstddef>
#include <cstdint>

#include "driver/driver.h"
#include "engine/ops_harness.h"
#include "engine/raw_harness.h"

// The software under test, for reports. A harness for other software defines its own (name and
// version) before including this file, or in the build.
#ifndef RESPROBE_SUBJECT
#ifdef RESPROBE_HIREDIS_VERSION
#define RESPROBE_SUBJECT "hiredis " RESPROBE_HIREDIS_VERSION
#else
#define RESPROBE_SUBJECT "resprobe core"
#endif
#endif

#define RESPROBE_THE_HARNESS_(...)                                                        \
  namespace {                                                                             \
  resprobe::Harness& TheHarness() {                                                       \
    static auto* const harness = new __VA_ARGS__; /* kept: engines run code after exit */ \
    return *harness;                                                                      \
  }                                                                                       \
  }

#ifndef RESPROBE_AFL_MUTATOR

#define RESPROBE_HARNESS(...)                                                                   \
  RESPROBE_THE_HARNESS_(__VA_ARGS__)                                                            \
  extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {                     \
    return resprobe::driver::TestOneInput(TheHarness(), {data, size});                          \
  }                                                                                             \
  extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {                                \
    return resprobe::driver::Initialize(TheHarness(), RESPROBE_SUBJECT, argc, argv);            \
  }                                                                                             \
  extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,        \
                                            unsigned int seed) {                                \
    return resprobe::driver::CustomMutator(TheHarness(), data, size, max_size, seed);           \
  }                                                                                             \
  extern "C" size_t LLVMFuzzerCustomCrossOver(const uint8_t* data1, size_t size1,               \
                                              const uint8_t* data2, size_t size2, uint8_t* out, \
                                              size_t max_size, unsigned int seed) {             \
    return resprobe::driver::CustomCrossOver(TheHarness(), {data1, size1}, {data2, size2}, out, \
                                             max_size, seed);                                   \
  }

#else

#include "driver/afl_mutator.h"

#define RESPROBE_HARNESS(...)                                                                 \
  RESPROBE_THE_HARNESS_(__VA_ARGS__)                                                          \
  extern "C" void* afl_custom_init(void*, unsigned int seed) {                                \
    return new resprobe::driver::AflMutator(TheHarness(), seed);                              \
  }                                                                                           \
  extern "C" size_t afl_custom_fuzz(void* mutator, uint8_t* data, size_t size, uint8_t** out, \
                                    uint8_t* other, size_t other_size, size_t max_size) {     \
    return static_cast<resprobe::driver::AflMutator*>(mutator)->Fuzz(                         \
        {data, size}, out, {other, other_size}, max_size);                                    \
  }                                                                                           \
  extern "C" void afl_custom_deinit(void* mutator) {                                          \
    delete static_cast<resprobe::driver::AflMutator*>(mutator);                               \
  }

#endif

#endif  // RESPROBE_DRIVER_FUZZ_MAIN_H_
