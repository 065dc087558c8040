#include "sim/core_subject.h"

namespace resprobe {

template <class Interface>
void CoreBehind<Interface>::Receive(uint64_t connection, std::string* append) {
  std::string& output = server_.Output(connection);
  if (output.empty()) return;
  if (append->empty()) {
    append->swap(output);
  } else {
    append->append(output);
    output.clear();
  }
}

template class CoreBehind<ServerSubject>;
template class CoreBehind<ReplicaSubject>;

CoreReplica::CoreReplica(const ServerConfig& config) : CoreBehind(config) {
  server_.set_replica(true);
}

void CoreReplica::Reset() {
  CoreBehind::Reset();
  server_.set_replica(true);
}

ReplicaSubject* CoreSubject::replica() {
  if (replica_ == nullptr) replica_ = std::make_unique<CoreReplica>(config_);
  return replica_.get();
}

}  // namespace resprobe
