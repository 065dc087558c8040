#ifndef RESPROBE_CORE_PERSISTENCE_PERSISTENCE_LOG_H_
#define RESPROBE_CORE_PERSISTENCE_PERSISTENCE_LOG_H_

#include <string_view>

namespace resprobe {

// Receives the lines that a server writes to its log about its files, in the server's words.
class PersistenceLog {
 public:
  virtual ~PersistenceLog() = default;
  virtual void Line(std::string_view text) = 0;
};

}  // namespace resprobe

#endif  // RESPROBE_CORE_PERSISTENCE_PERSISTENCE_LOG_H_
