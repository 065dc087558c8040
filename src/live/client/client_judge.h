#ifndef RESPROBE_LIVE_CLIENT_CLIENT_JUDGE_H_
#define RESPROBE_LIVE_CLIENT_CLIENT_JUDGE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/run_context.h"
#include "live/client/client_peer.h"
#include "sim/toxic.h"

namespace resprobe::live {

// What a client was asked to do.
struct ClientContract {
  bool timeout = false;  // it has a timeout of commands
  bool retry = false;    // it reconnects and retries as it does by default
  bool push = false;     // it tracks all keys, and has a push handler
};

// Of all runs.
struct ClientCounts {
  uint64_t commands = 0;
  uint64_t replies = 0;
  uint64_t connections = 0;
  std::map<std::string, uint64_t> errors;     // by kind
  std::map<std::string, uint64_t> others;     // texts of errors of kind "other"
  std::map<std::string, uint64_t> left_out;   // what the driver cannot
  std::array<uint64_t, kToxicKinds> fired{};  // runs in which each toxic had an effect
};

// Judges what a client owes its caller, from the three that see something of it: its program, which
// gives it commands; the peer, which receives requests and sends replies; and the driver, which
// says what the program got. Violations go to the run: the invariants are ClientLiveWorld's.
class ClientJudge {
 public:
  // One command, or one subscription.
  struct Command {
    uint64_t id = 0;
    std::vector<std::string> words;
    bool writes = false;
    bool subscribes = false;
    bool done = false;  // it has its result
    bool got_reply = false;
    bool answered = false;  // by a reply or an error of the server
    bool cancelled = false;
    bool closed = false;    // its client was closed
    size_t served = 0;      // times that a peer has received it
    size_t connection = 0;  // the last one
    nlohmann::json reply;   // of the last time; {"error": …} for an error
    // What was published to its channel since it was given: the numbers of the messages.
    std::vector<uint64_t> published;
    size_t owed = 0;        // from this index on, once it is confirmed
    size_t received = 0;    // up to this index
    nlohmann::json result;  // {"gets": …} or {"fails": kind}
  };

  // Both must outlive the judge.
  ClientJudge(const ClientPeer* peer, ClientCounts* counts) : peer_(peer), counts_(counts) {}

  void Begin(const ClientContract& contract, RunContext* run);

  // --- The program.

  // The tag of the next command: no other word of the run begins with it.
  std::string NextTag() const { return "t" + std::to_string(commands_.size() + 1); }
  Command& Give(std::vector<std::string> words, bool writes);
  Command& Subscribe();
  void Cancel(Command& command);
  // The client is about to be closed; and it is.
  void BeginClose() { ++closes_; }
  void EndClose();
  // The text of the next message to the channel of this subscription.
  std::string Publish(Command& command);
  // Another client writes a key.
  void Write(std::string_view key) { written_.emplace(key); }

  // --- The peer.

  void OnServed(size_t connection, std::span<const std::string_view> request,
                std::string_view answer);
  void OnMalformed(size_t connection, std::string_view error);

  // --- The driver.

  // A line of the driver. False if it is none of a result, a message, a push or a state.
  bool Take(const nlohmann::json& said);

  // --- Checks. False: the run has a violation.

  // The call that gave this command has ended.
  bool CheckDone(const Command& command);
  // All commands have their results; `when` ends the sentence.
  bool CheckAllDone(const std::string& when);
  // Every message has come that was owed.
  bool CheckMessages();

  size_t given() const { return commands_.size(); }
  const Command& At(uint64_t id) const { return commands_.at(id); }
  std::map<uint64_t, Command> TakeCommands() { return std::move(commands_); }
  size_t pending() const { return pending_.size(); }
  // The oldest command without a result. One must be pending.
  Command& OldestPending() { return commands_.at(*pending_.begin()); }
  size_t subscriptions() const { return subscriptions_.size(); }
  Command& SubscriptionAt(size_t index) { return commands_.at(subscriptions_[index]); }
  // A subscription that nothing has disturbed lacks a message.
  bool MissesMessage() const { return Missing() != nullptr; }
  // Results that were timeouts.
  uint64_t timeouts() const { return timeouts_; }

  // "command 3 (ECHO t3)"
  static std::string NameOf(const Command& command);

 private:
  void OnSubscribed(size_t connection, std::span<const std::string_view> request);
  void TakeResult(const nlohmann::json& line);
  void TakeError(Command& command, const nlohmann::json& line);
  void TakeMessage(const nlohmann::json& line);
  void TakePush(const nlohmann::json& push);
  bool TakeState(const nlohmann::json& state);
  // Nothing has disturbed the connection of the subscription: every message is owed.
  bool OwesAll(const Command& command) const;
  const Command* Missing() const;
  std::string WithoutPort(std::string text) const;

  const ClientPeer* const peer_;
  ClientCounts* const counts_;
  RunContext* run_ = nullptr;
  ClientContract contract_;
  std::map<uint64_t, Command> commands_;
  std::set<uint64_t> pending_;
  std::vector<uint64_t> subscriptions_;  // commands
  uint64_t messages_ = 0;                // published
  uint64_t cancels_ = 0;
  uint64_t closes_ = 0;
  uint64_t failed_ = 0;                    // results that were errors
  uint64_t timeouts_ = 0;                  // of these
  std::set<std::string> written_;          // keys
  std::map<size_t, uint64_t> last_reply_;  // of each connection: the last command that got its own
  // Connections with a protocol error, and the last command that was given before it.
  std::map<size_t, uint64_t> broken_;
  nlohmann::json states_;   // that the client has told
  bool connected_ = false;  // the last one
};

// Of a text that somebody else wrote, as it is shown.
inline constexpr size_t kShownBytes = 200;

// A value, cut to kShownBytes.
std::string ShownJson(const nlohmann::json& value);

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_CLIENT_CLIENT_JUDGE_H_
