#include "worlds/invalidation/tracked_servers.h"

#include <span>

#include "core/resp/writer.h"
#include "core/server/server.h"

namespace resprobe::invalidation {
namespace {

constexpr size_t kSmallTable = 2;

}  // namespace

void TrackedServers::Start(Scheduler* scheduler, Network* network, ServerSubject* first,
                           ServerSubject* second, bool small_table) {
  primary_ = 0;
  runs_ = 0;
  small_table_ = small_table;
  servers_[0].subject = first;
  servers_[1].subject = second;
  for (size_t i = 0; i < kCount; ++i) {
    TrackedServer& server = servers_[i];
    server.up = server.subject != nullptr;
    server.run = ++runs_;
    if (!server.up) continue;
    server.truth.Reset();
    server.node.Reset(scheduler, network, static_cast<Network::Endpoint>(i), server.subject);
    server.node.Start();
    Configure(server);
  }
}

void TrackedServers::Clear() {
  for (const TrackedServer& server : servers_) {
    if (server.subject != nullptr) server.subject->Reset();
  }
}

// Configures a newly started process.
void TrackedServers::Configure(TrackedServer& server) const {
  if (Server* core = server.subject->core(); core != nullptr && small_table_) {
    core->set_tracking_table_max_keys(kSmallTable);
  }
}

std::string TrackedServers::Name(size_t server) const {
  if (servers_[1].subject == nullptr) return "server";
  if (server == 0) return "primary";
  return primary_ == 0 ? "replica" : "new primary";
}

void TrackedServers::RestartPrimary() {
  primary().node.Start();
  Configure(primary());
  primary().run = ++runs_;
}

void TrackedServers::ReplacePrimary() {
  primary().up = false;
  primary_ = 1 - primary_;
}

bool TrackedServers::Command(TrackedServer& server, std::initializer_list<std::string_view> words,
                             RunContext& run) {
  ServerSubject& subject = *server.subject;
  const uint64_t admin = subject.Connect();
  scratch_.clear();
  resp::AppendRequest(&scratch_, std::span(words.begin(), words.size()));
  subject.Send(admin, scratch_);
  scratch_.clear();
  subject.Receive(admin, &scratch_);
  subject.Close(admin);
  return run.Check(
      scratch_ == "+OK\r\n", "server_value",
      [&] {
        std::string text = "success of";
        for (const std::string_view word : words) text.append(" ").append(word);
        return text;
      },
      [&] { return scratch_; });
}

}  // namespace resprobe::invalidation
