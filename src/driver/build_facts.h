#ifndef RESPROBE_DRIVER_BUILD_FACTS_H_
#define RESPROBE_DRIVER_BUILD_FACTS_H_

namespace resprobe::driver {

// The compiler flags that affect how a failure looks: optimization, assertions, sanitizers.
extern const char kBuildFlags[];
// "libfuzzer", "afl", "standalone" or "external".
extern const char kBuildEngine[];

}  // namespace resprobe::driver

#endif  // RESPROBE_DRIVER_BUILD_FACTS_H_
