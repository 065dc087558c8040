#ifndef RESPROBE_DRIVER_ABLATIONS_H_
#define RESPROBE_DRIVER_ABLATIONS_H_

namespace resprobe::driver {

// Parts of the search that $RESPROBE_WITHOUT turns off, separated by commas, so that what each of
// them is worth can be measured:
//
//   op-mutator   cases are mutated and crossed over as bytes alone, by the engine's own mutator
//   coverage     the engine is not told which code a case reached, so it learns nothing (libFuzzer
//                still sees how deep the stack was, which is some twenty features); libFuzzer needs
//                -keep_seed=1 then, or it has no corpus
//   swarm        every seed of the generator has the same weights
//
// Ends the process if the variable names another part.
void ReadAblations();

// Set by ReadAblations().
inline bool without_op_mutator = false;
inline bool without_coverage = false;

// Without coverage: clears the engine's counters, after a run.
void ForgetCoverage();

}  // namespace resprobe::driver

#endif  // RESPROBE_DRIVER_ABLATIONS_H_
