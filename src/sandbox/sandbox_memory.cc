#include "sandbox/sandbox_memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace resprobe::sandbox {

std::unique_ptr<SharedMemory> SharedMemory::Make(uint32_t ring_bytes, std::string* error) {
  std::unique_ptr<SharedMemory> made(new SharedMemory);
  constexpr uint64_t kPage = 4096;
  const uint64_t rings = (sizeof(SandboxMemory) + kPage - 1) / kPage * kPage;
  made->bytes_ = rings + uint64_t{2} * kSandboxMaxLinks * ring_bytes;
  made->fd_ = memfd_create("resprobe-sandbox", MFD_CLOEXEC);
  void* memory = MAP_FAILED;
  if (made->fd_ >= 0 && ftruncate(made->fd_, static_cast<off_t>(made->bytes_)) == 0) {
    memory = mmap(nullptr, made->bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, made->fd_, 0);
  }
  if (memory == MAP_FAILED) {
    *error = std::string("no shared memory for a sandbox: ") + strerror(errno);
    return nullptr;
  }
  made->memory_ = static_cast<SandboxMemory*>(memory);
  SandboxMemory& shared = *made->memory_;
  shared.magic = SANDBOX_MAGIC;
  shared.version = kSandboxVersion;
  shared.bytes = made->bytes_;
  shared.rings = rings;
  shared.ring_bytes = ring_bytes;
  shared.runner = kSandboxHost;
  shared.turns_until = UINT64_MAX;
  return made;
}

SharedMemory::~SharedMemory() {
  if (memory_ != nullptr) munmap(memory_, bytes_);
  if (fd_ >= 0) close(fd_);
}

}  // namespace resprobe::sandbox
