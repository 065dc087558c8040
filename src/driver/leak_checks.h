#ifndef RESPROBE_DRIVER_LEAK_CHECKS_H_
#define RESPROBE_DRIVER_LEAK_CHECKS_H_

namespace resprobe::driver {

// libFuzzer looks for leaks after each case that has allocated more than it has freed. A harness
// that keeps memory for its next cases does so often, and each look takes as long as a thousand
// cases. These replace libFuzzer's looks for such a harness: it is looked at as often as its
// executions double.

// Puts the option that ends libFuzzer's own looks in front of the others, so that one of the
// command line outweighs it; and begins to count.
void LookForLeaksNowAndThen(int* argc, char*** argv);

// Call after each case. Ends the process if something has leaked since it began: LeakSanitizer's
// report says what, and any of the cases may have done it.
void CountCaseForLeaks();

}  // namespace resprobe::driver

#endif  // RESPROBE_DRIVER_LEAK_CHECKS_H_
