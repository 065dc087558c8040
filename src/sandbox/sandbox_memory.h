#ifndef RESPROBE_SANDBOX_SANDBOX_MEMORY_H_
#define RESPROBE_SANDBOX_SANDBOX_MEMORY_H_

#include <cstdint>
#include <memory>
#include <string>

#include "sandbox/preload/shared.h"

namespace resprobe::sandbox {

// The memory that a sandbox shares with its processes. It is a file without a name, so that it is
// gone when the last of them is.
class SharedMemory {
 public:
  // An empty system whose rings have this many bytes, a power of two. nullptr with a line in
  // `error` if the system gives no memory.
  static std::unique_ptr<SharedMemory> Make(uint32_t ring_bytes, std::string* error);
  ~SharedMemory();
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;

  SandboxMemory* get() const { return memory_; }
  SandboxMemory* operator->() const { return memory_; }
  int fd() const { return fd_; }

 private:
  SharedMemory() = default;

  int fd_ = -1;
  SandboxMemory* memory_ = nullptr;
  uint64_t bytes_ = 0;
};

}  // namespace resprobe::sandbox

#endif  // RESPROBE_SANDBOX_SANDBOX_MEMORY_H_
