#ifndef RESPROBE_LIVE_SERVER_SYSTEM_ERROR_H_
#define RESPROBE_LIVE_SERVER_SYSTEM_ERROR_H_

#include <cerrno>
#include <cstring>
#include <string>

namespace resprobe::live {

// "WHAT: " and the text of errno.
inline std::string SystemError(const char* what) {
  return std::string(what) + ": " + strerror(errno);
}

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_SERVER_SYSTEM_ERROR_H_
