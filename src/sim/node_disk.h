#ifndef RESPROBE_SIM_NODE_DISK_H_
#define RESPROBE_SIM_NODE_DISK_H_

#include <cstdint>

namespace resprobe {

// How a process ends unexpectedly.
enum class CrashKind : uint8_t {
  // kill -9: the kernel keeps running. It closes the connections, what it was given still arrives,
  // and files are as the process has written them.
  kProcess,
  // Power failure: peers are not notified, and the disk may keep any part of what was not flushed.
  kMachine,
};

// What a node keeps when its process ends. The simulated disk (sim/disk/disk.h) implements it.
class NodeDisk {
 public:
  virtual ~NodeDisk() = default;
  // The process that wrote to it is gone.
  virtual void Crash(CrashKind kind) = 0;
};

}  // namespace resprobe

#endif  // RESPROBE_SIM_NODE_DISK_H_
