#include "worlds/io_chaos/callback_notes.h"

#include <string>

namespace resprobe {
namespace {

constexpr auto kClient = ChaosLog::Who::kClient;

}  // namespace

void CallbackNotes::Connect(const IoClient& client, bool ok) {
  run_->Log(kClient, "connected", client.descriptor(), ok);
  if (!run_->trace().on()) return;
  run_->trace().Line(ok ? "connected" : "not connected: " + std::string(NameOf(client.error())));
}

void CallbackNotes::Reply(uint64_t command, const IoReply* reply) {
  run_->Log(kClient, "reply", static_cast<int64_t>(command), reply != nullptr);
  if (!run_->trace().on()) return;
  run_->trace().Line("callback " + std::to_string(command) + " " +
                     (reply == nullptr ? "none" : reply->Text()));
}

void CallbackNotes::Push(const IoReply& push) {
  run_->Log(kClient, "push", 0, 0);
  if (run_->trace().on()) run_->trace().Line("push " + push.Text());
}

void CallbackNotes::Disconnect(const IoClient& client, int socket, bool ok) {
  run_->Log(kClient, "disconnected", socket, ok);
  if (!run_->trace().on()) return;
  run_->trace().Line(ok ? "disconnected" : "disconnected: " + std::string(NameOf(client.error())));
}

void CallbackNotes::Gone(int socket) {
  run_->Log(kClient, "gone", socket, 0);
  if (run_->trace().on()) run_->trace().Line("gone");
}

}  // namespace resprobe
