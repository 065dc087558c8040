#include "live/proxy/scripted_subject.h"

#include <utility>

namespace resprobe::live {

void ScriptedSubject::Send(uint64_t connection, std::string_view bytes) {
  const auto found = connections_.find(connection);
  if (found == connections_.end() || !found->second.open) return;
  Connection& c = found->second;
  while (!bytes.empty()) {
    const resp::RequestParser::Result result = c.parser.Parse(bytes);
    bytes.remove_prefix(result.consumed);
    if (result.status == resp::RequestParser::Status::kNeedMore) return;
    if (result.status != resp::RequestParser::Status::kRequest) {
      c.open = false;
      return;
    }
    if (!replies_.empty()) c.output += replies_[c.requests++ % replies_.size()];
  }
}

void ScriptedSubject::Receive(uint64_t connection, std::string* append) {
  const auto found = connections_.find(connection);
  if (found == connections_.end()) return;
  append->append(found->second.output);
  found->second.output.clear();
}

bool ScriptedSubject::IsOpen(uint64_t connection) const {
  const auto found = connections_.find(connection);
  return found != connections_.end() && found->second.open;
}

}  // namespace resprobe::live
