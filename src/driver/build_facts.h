#ifndef RESPROBE_DRIVER_BUILD_FACTS_H_
#define RESPROBE_DRIVER_BUILD_FACTS_H_

namespace resprobe::driver {

// The compiler's flags that bear on what a failure looks like: optimization, assertions,
// sanitizers.
extern const char kBuildFlags[];
// "libfuzzer", "afl", "standalone" or "external".
extern const char kBuildEngine[];

}  // namespace resprobe::driver

#endif  // RESPROBE_DRIVER_BUILD_FACTS_H_
