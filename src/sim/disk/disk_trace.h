#ifndef RESPROBE_SIM_DISK_DISK_TRACE_H_
#define RESPROBE_SIM_DISK_DISK_TRACE_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "sim/disk/disk.h"

namespace resprobe {

// "EIO" for -5; the number if the disk does not return it.
std::string ErrorName(int64_t result);

// `12 write appendonlydir/appendonly.aof.1.incr.aof 45 bytes at 120`. The number is missing if the
// call is not an I/O call.
std::string PrintCall(const DiskCall& call);

// Keeps the calls of a disk as text, a line each, with their results: PrintCall(), then ` = 45`.
class DiskTrace : public DiskObserver {
 public:
  // Crash points are I/O calls only; the other calls make a trace long.
  explicit DiskTrace(bool io_only = true) : io_only_(io_only) {}

  void OnResult(const Disk&, const DiskCall& call) override;
  const std::string& text() const { return text_; }
  void Clear() { text_.clear(); }

 private:
  bool io_only_;
  std::string text_;
};

}  // namespace resprobe

#endif  // RESPROBE_SIM_DISK_DISK_TRACE_H_
