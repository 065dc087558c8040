// Calls of the processes on their files, answered from the disks of their nodes.

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/sandbox.h"

namespace resprobe::sandbox {
namespace {

// The names, each with a zero after it. They must fit into the bytes of a call.
int64_t List(Disk& disk, const char* path, uint8_t* out) {
  std::vector<std::string> names;
  const int error = disk.List(path, &names);
  if (error < 0) return error;
  int64_t size = 0;
  for (const std::string& name : names) {
    if (size + static_cast<int64_t>(name.size()) >= kSandboxCallBytes) return -EOVERFLOW;
    std::copy_n(name.c_str(), name.size() + 1, out + size);
    size += static_cast<int64_t>(name.size()) + 1;
  }
  return size;
}

int64_t Execute(SandboxCall& call, uint8_t* bytes, Disk& disk) {
  const std::span into(reinterpret_cast<char*>(bytes), static_cast<size_t>(call.size));
  const std::string_view from(into.data(), into.size());
  constexpr int64_t kNs = 1000;  // in a microsecond
  switch (call.kind) {
    case kSandboxCallOpen:
      return disk.Open(call.path, call.flags);
    case kSandboxCallClose:
      return disk.Close(call.file);
    case kSandboxCallRead:
      return disk.Read(call.file, into);
    case kSandboxCallReadAt:
      return disk.ReadAt(call.file, into, call.offset);
    case kSandboxCallWrite:
    case kSandboxCallWriteAt: {
      const int64_t written = call.kind == kSandboxCallWrite
                                  ? disk.Write(call.file, from)
                                  : disk.WriteAt(call.file, from, call.offset);
      call.delay_ns = disk.TakeDelay() * kNs;
      return written;
    }
    case kSandboxCallSeek:
      return call.flags > 2
                 ? -EINVAL
                 : disk.Seek(call.file, call.offset, static_cast<Disk::Whence>(call.flags));
    case kSandboxCallSyncBegins:
      call.delay_ns = disk.sync_delay_us() * kNs;
      call.point = disk.sync_point();
      return 0;
    case kSandboxCallSync:
      if (call.point != 0) return disk.Sync(call.file, call.point);
      call.delay_ns = disk.sync_delay_us() * kNs;
      return disk.Sync(call.file);
    case kSandboxCallTruncate:
      return call.file < 0 ? disk.Truncate(std::string_view(call.path), call.size)
                           : disk.Truncate(call.file, call.size);
    case kSandboxCallSize:
      if (call.file >= 0) return disk.Size(call.file);
      call.flags = disk.IsDirectory(call.path);
      return disk.Size(std::string_view(call.path));
    case kSandboxCallRename:
      return disk.Rename(call.path, call.to);
    case kSandboxCallUnlink:
      return disk.Unlink(call.path);
    case kSandboxCallMakeDirectory:
      return disk.MakeDirectory(call.path);
    case kSandboxCallRemoveDirectory:
      return disk.RemoveDirectory(call.path);
    case kSandboxCallList:
      return List(disk, call.path, bytes);
    default:
      return -ENOSYS;
  }
}

}  // namespace

bool Sandbox::Answer() {
  SandboxCall& call = memory_->call;
  SandboxNode& node = *nodes_[call.node];
  if (node.preparing_ && call.role == kSandboxServer) {
    node.prepared_ = true;
    halted_ = &node;
    return false;
  }
  const bool ignored = call.kind == kSandboxCallSync && node.options_.ignores_fsync;
  call.result = ignored ? 0 : Execute(call, memory_->call_bytes, node.disk_);
  if (node.disk_.frozen()) {
    halted_ = &node;
    return false;
  }
  __atomic_fetch_and(&memory_->baton, ~SANDBOX_CALL, __ATOMIC_RELEASE);
  __atomic_store_n(&call.word, kSandboxCallAnswered, __ATOMIC_RELEASE);
  syscall(SYS_futex, &call.word, FUTEX_WAKE, 1, nullptr, nullptr, 0);
  return true;
}

Sandbox::Stop Sandbox::GoOn() {
  halted_->prepared_ = false;
  halted_ = nullptr;
  return Answer() ? AwaitTurn() : Stop::kFrozen;
}

void Sandbox::SkipTo(int64_t us) {
  memory_->time_ns = std::max(memory_->time_ns, us * 1000);
  memory_->until_ns = memory_->time_ns;
  for (const std::unique_ptr<SandboxNode>& node : nodes_) {
    node->shared().now_ns = node->shared().cur_ns = memory_->time_ns;
  }
}

}  // namespace resprobe::sandbox
