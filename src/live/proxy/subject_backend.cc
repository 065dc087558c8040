#include "live/proxy/subject_backend.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace resprobe::live {

ssize_t SubjectBackend::Read(char* bytes, size_t size) {
  const size_t count = std::min(size, waiting());
  if (count == 0 && !ended()) {
    errno = EAGAIN;
    return -1;
  }
  std::memcpy(bytes, output_.data(), count);
  output_.erase(0, count);
  return static_cast<ssize_t>(count);
}

ssize_t SubjectBackend::Write(std::string_view bytes) {
  if (!subject_->IsOpen(connection_)) {
    errno = EPIPE;
    return -1;
  }
  subject_->Send(connection_, bytes);
  return static_cast<ssize_t>(bytes.size());
}

}  // namespace resprobe::live
