#ifndef RESPROBE_DRIVER_DRIVER_H_
#define RESPROBE_DRIVER_DRIVER_H_

// What makes a harness a program. Unlike the engine, this room may use processes and time.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "engine/harness.h"

namespace resprobe::driver {

// One run under a fuzzing engine. A violation prints its ops and aborts, so that the engine keeps
// the tape.
int TestOneInput(Harness& harness, Bytes tape);

// Handles `BINARY --resprobe VERB …` and ends the process; any other command line is left to the
// engine. Output is one fact per line, a key and its words (quoted for engine/quote.h), so that any
// program can parse it. Exit codes: 0 done, 1 the case fails, 2 wrong use.
//
// clang-format off
//   info                           name, summary, input, invariants; how it was built: subject,
//                                  compiler, flags, engine
//   show FILE…                     the cases in readable form
//   run [--trace] [--twice] FILE…  for each: outcome, invariant, op, expected, seen, ops, hash
//                                  (, hash2, trace)
//   generate (SEED OUT)…           writes the tapes of the seeds
//   parse TEXT OUT                 .ops text to tape
//   shrink IN OUT [--candidates N] [--timeout SECONDS] [--rss MB]
//                                  writes the smallest case found that fails in the same way;
//                                  signature, candidates, ops and bytes before and after, report
//   random seeds|bytes FIRST COUNT
//                                  runs up to COUNT generated tapes, or random bytes of the same
//                                  lengths, from seed FIRST on, until one fails; runs, invariant
//   stream SEED OPS OUT            runs the endless stream of the seed for that many ops; where it
//                                  fails, writes a case that fails the same way; ops, invariant
//   streamed SEED OPS OUT          writes the ops of that stream as one case, and runs nothing
//   bench SECONDS FILE…            runs the cases again and again; cases, ops (in all of them),
//                                  runs, nanoseconds
//   cost FILE…                     nanoseconds of one run of each case, the fastest of five
// clang-format on
//
// FILE may be a tape or `.ops` text. `subject` is the software under test, with its version.
int Initialize(Harness& harness, std::string_view subject, int* argc, char*** argv);

size_t CustomMutator(Harness& harness, uint8_t* data, size_t size, size_t max_size, uint32_t seed);
size_t CustomCrossOver(Harness& harness, Bytes a, Bytes b, uint8_t* out, size_t max_size,
                       uint32_t seed);

// A byte mutator for builds without an engine's: flips, sets, inserts, deletes, repeats.
size_t PlainMutateBytes(uint8_t* data, size_t size, size_t max_size);

}  // namespace resprobe::driver

#endif  // RESPROBE_DRIVER_DRIVER_H_
