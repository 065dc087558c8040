// Copies of a system at rest.

#include <fcntl.h>
#include <linux/futex.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <ctime>
#include <filesystem>

#include "sandbox/sandbox.h"

namespace resprobe::sandbox {
namespace {

namespace fs = std::filesystem;

bool CopyFile(const fs::path& from, const fs::path& to) {
  const int in = open(from.c_str(), O_RDONLY | O_CLOEXEC);
  const int out = open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  bool copied = in >= 0 && out >= 0;
  alignas(8) static thread_local char bytes[1 << 16];
  for (ssize_t size = 1; copied && size > 0;) {
    size = read(in, bytes, sizeof(bytes));
    copied = size == 0 || (size > 0 && write(out, bytes, static_cast<size_t>(size)) == size);
  }
  if (in >= 0) close(in);
  if (out >= 0) close(out);
  return copied;
}

bool CopyDirectory(const fs::path& from, const fs::path& to) {
  if (mkdir(to.c_str(), 0700) != 0) return false;
  std::error_code code;
  for (const fs::directory_entry& entry : fs::directory_iterator(from, code)) {
    const fs::path target = to / entry.path().filename();
    if (entry.is_directory(code) ? !CopyDirectory(entry.path(), target)
                                 : !CopyFile(entry.path(), target)) {
      return false;
    }
  }
  return !code;
}

void Wake(uint32_t* word, uint32_t value) {
  __atomic_store_n(word, value, __ATOMIC_RELEASE);
  syscall(SYS_futex, word, FUTEX_WAKE, 1, nullptr, nullptr, 0);
}

// All that is in use; the rest of the new memory is zeros.
void CopyMemory(const SandboxMemory& from, SandboxMemory* to) {
  const auto copy = [&](const void* start, size_t bytes) {
    const auto offset = static_cast<const char*>(start) - reinterpret_cast<const char*>(&from);
    memcpy(reinterpret_cast<char*>(to) + offset, start, bytes);
  };
  const auto copy_between = [&](size_t start, size_t end) {
    copy(reinterpret_cast<const char*>(&from) + start, end - start);
  };
  copy_between(0, offsetof(SandboxMemory, node));
  copy(from.node, from.nodes * sizeof(from.node[0]));
  copy_between(offsetof(SandboxMemory, links_used), offsetof(SandboxMemory, dirty));
  copy(from.dirty, from.dirty_count * sizeof(from.dirty[0]));
  copy(from.link, from.links_used * sizeof(from.link[0]));
  copy(from.event, from.events * sizeof(from.event[0]));
  SandboxMemory* const source = const_cast<SandboxMemory*>(&from);
  for (uint32_t link = 0; link < from.links_used; ++link) {
    if (from.link[link].state == kSandboxLinkFree) continue;
    for (uint32_t side = 0; side < 2; ++side) {
      const SandboxStream& stream = from.link[link].to[side];
      const uint64_t unread = stream.written - stream.read;
      const uint64_t at = stream.read % from.ring_bytes;
      const uint64_t first = std::min(unread, from.ring_bytes - at);
      const uint8_t* const ring = SandboxRing(source, link, side);
      copy(ring + at, first);
      copy(ring, unread - first);
    }
  }
}

}  // namespace

std::unique_ptr<Sandbox> Sandbox::Copy(const std::string& folder, std::string* error) {
  if (failed()) {
    *error = error_;
    return nullptr;
  }
  for (const std::unique_ptr<SandboxNode>& node : nodes_) {
    for (const SandboxForked& child : node->shared().children) {
      if (child.state != kSandboxChildNone && child.state != kSandboxChildEnded) {
        *error = AddressOf(node->number()) + " has a forked child, so it cannot be copied now";
        return nullptr;
      }
    }
  }
  std::error_code code;
  const fs::path to = fs::canonical(folder, code);
  std::unique_ptr<Sandbox> copy(new Sandbox);
  copy->options_ = options_;
  copy->shared_ = SharedMemory::Make(options_.ring_bytes, error);
  if (copy->shared_ == nullptr) return nullptr;
  SandboxMemory* const memory = copy->memory_ = copy->shared_->get();
  CopyMemory(*memory_, memory);
  memory->trace_notes = memory_->trace_notes;
  memory->notes_on = memory_->notes_on;
  snprintf(memory_->copy_memory, sizeof(memory_->copy_memory), "/proc/%d/fd/%d", getpid(),
           copy->shared_->fd());

  for (const std::unique_ptr<SandboxNode>& node : nodes_) {
    SandboxNodeOptions options = node->options_;
    const fs::path directory = to / fs::path(options.directory).filename();
    SandboxMachine& machine = node->shared();
    if (directory.native().size() >= sizeof(machine.directory) ||
        !CopyDirectory(options.directory, directory)) {
      *error =
          "cannot copy " + options.directory + " to " + directory.native() + ": " + strerror(errno);
      return nullptr;
    }
    options.directory = directory;
    copy->nodes_.emplace_back(new SandboxNode(copy.get(), node->number(), options));
    copy->nodes_.back()->ending_ = node->ending_;
    copy->nodes_.back()->disk_.CopyFrom(node->disk_);
    if (!node->up()) continue;
    snprintf(machine.copy_directory, sizeof(machine.copy_directory), "%s", directory.c_str());
    snprintf(memory->node[node->number()].directory, sizeof(machine.directory), "%s",
             directory.c_str());
    machine.copied = 0;
    if (node->prepared_) {
      Wake(&memory_->call.word, kSandboxCallCopies);
    } else {
      machine.command = kSandboxCopy;
      Wake(&machine.wake, 1);
    }
  }
  // They fork while the others' directories are copied.
  for (const std::unique_ptr<SandboxNode>& node : nodes_) {
    if (!node->up()) continue;
    SandboxMachine& machine = node->shared();
    const timespec limit = {0, 50'000'000};
    while (__atomic_load_n(&machine.copied, __ATOMIC_ACQUIRE) == 0) {
      syscall(SYS_futex, &machine.copied, FUTEX_WAIT, 0, &limit, nullptr, 0);
      if (machine.copied == 0 && node->Reap(false)) break;
    }
    if (!node->up() || machine.copy_pid <= 0) {
      *error = AddressOf(node->number()) + " cannot be copied: " +
               (node->up() ? strerror(-machine.copy_pid) : node->ending_.c_str());
      return nullptr;
    }
    copy->nodes_[node->number()]->pid_ = machine.copy_pid;
    memory->node[node->number()].tid = machine.copy_pid;
    if (!node->prepared_) continue;
    copy->halted_ = copy->nodes_[node->number()].get();
    copy->halted_->prepared_ = true;
    memory->baton = static_cast<uint32_t>(machine.copy_pid) | SANDBOX_WAITERS | SANDBOX_CALL;
  }
  return copy;
}

}  // namespace resprobe::sandbox
