#ifndef RESPROBE_DRIVER_DRIVER_H_
#define RESPROBE_DRIVER_DRIVER_H_

// What makes a harness a program. Unlike the engine, this room may see processes and time.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "engine/harness.h"

namespace resprobe::driver {

// One run under a fuzzing engine. A violation is printed with the ops that lead to it, and aborts,
// so that the engine keeps the tape.
int TestOneInput(Harness& harness, Bytes tape);

// `BINARY --resprobe VERB …` is answered and the process ends; any other command line is left to
// the engine. Output is one fact a line, a key and its words (as engine/quote.h reads them), so
// that any program can ask. Exit codes: 0 done, 1 the case fails, 2 wrong use.
//
//   info                           name, summary, input, invariants; how it was built: subject,
//                                  compiler, flags, engine
//   show FILE…                     the cases for people
//   run [--trace] [--twice] FILE…  outcome, invariant, op, expected, seen, ops, hash (, hash2,
//                                  trace) of each
//   generate (SEED OUT)…           the tapes that seeds stand for
//   parse TEXT OUT                 .ops text to tape
//   shrink IN OUT [--candidates N] [--timeout SECONDS] [--rss MB]
//                                  the smallest case found that fails the same way; before, after
//   random FIRST COUNT             runs the cases of so many seeds until one fails; runs,
//   nanoseconds bench SECONDS FILE…            cases, ops (in all of them), runs, nanoseconds
//
// FILE may be a tape or `.ops` text.
// `subject` names the software under test with its version.
int Initialize(Harness& harness, std::string_view subject, int argc, char** argv);

size_t CustomMutator(Harness& harness, uint8_t* data, size_t size, size_t max_size, uint32_t seed);

// A byte mutator for where no engine brings one: flips, sets, inserts, deletes, repeats.
size_t PlainMutateBytes(uint8_t* data, size_t size, size_t max_size);

}  // namespace resprobe::driver

#endif  // RESPROBE_DRIVER_DRIVER_H_
