#include "sim/core_subject.h"

namespace resprobe {

void CoreSubject::Receive(uint64_t connection, std::string* append) {
  std::string& output = server_.Output(connection);
  if (output.empty()) return;
  if (append->empty()) {
    append->swap(output);
  } else {
    append->append(output);
    output.clear();
  }
}

ServerSubject* CoreSubject::replica() {
  if (replica_ == nullptr) replica_ = std::make_unique<CoreSubject>(config_);
  return replica_.get();
}

}  // namespace resprobe
