#ifndef RESPROBE_TESTS_CORE_PERSISTENCE_RECORDING_LOG_H_
#define RESPROBE_TESTS_CORE_PERSISTENCE_RECORDING_LOG_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/persistence/persistence_log.h"

namespace resprobe {

class RecordingLog : public PersistenceLog {
 public:
  void Line(std::string_view text) override { lines_.emplace_back(text); }
  // The lines since the last call.
  std::vector<std::string> Take() { return std::exchange(lines_, {}); }

 private:
  std::vector<std::string> lines_;
};

}  // namespace resprobe

#endif  // RESPROBE_TESTS_CORE_PERSISTENCE_RECORDING_LOG_H_
