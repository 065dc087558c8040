#ifndef RESPROBE_SANDBOX_ELF_H_
#define RESPROBE_SANDBOX_ELF_H_

#include <string>

namespace resprobe::sandbox {

// The path of a program, as execvp() would find it; empty if there is none.
std::string FindProgram(const std::string& name);

// Why the program at this path cannot be run with a preloaded library; empty if it can, or if it is
// a script, which is followed when it runs.
std::string WhyNoPreload(const std::string& path);

}  // namespace resprobe::sandbox

#endif  // RESPROBE_SANDBOX_ELF_H_
