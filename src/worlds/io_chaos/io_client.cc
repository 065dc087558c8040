#include "worlds/io_chaos/io_client.h"

namespace resprobe {

std::string_view NameOf(IoError error) {
  constexpr std::string_view kNames[] = {
      "none", "a failed call", "the end of the stream", "protocol", "memory", "a timeout", "other"};
  return kNames[static_cast<size_t>(error)];
}

}  // namespace resprobe
