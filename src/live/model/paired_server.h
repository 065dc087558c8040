#ifndef RESPROBE_LIVE_MODEL_PAIRED_SERVER_H_
#define RESPROBE_LIVE_MODEL_PAIRED_SERVER_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/resp/reply.h"
#include "core/resp/reply_parser.h"
#include "core/table/profile.h"
#include "live/model/request_stream.h"
#include "live/model/stream_values.h"
#include "live/net/resp_connection.h"
#include "live/server/live_server.h"
#include "live/server/server_clock.h"
#include "sim/core_subject.h"
#include "sim/server_subject.h"

namespace resprobe::live {

struct PairOptions {
  TargetOptions target;
  std::optional<Profile> profile = {};  // the model's profile; if not given, derived from the
                                        // server's version
  // A server that owes a reply and is silent for this long hangs.
  int hang_ms = 10'000;
  // Every `restart_every`-th restart of a server that this process started is real: SIGKILL and a
  // new process. The others close all connections and flush, which leaves the same state except for
  // the connection ids.
  uint64_t restart_every = 1;
};

// A difference between the model and the live server.
struct PairDifference {
  std::string kind;     // "push missing", "order", "server hangs" …
  std::string command;  // that was run: "get"; "advance"; "state" for the final state
  std::string request;  // "3> GET k0", with the id of the connection
  std::string where;    // "connection 2"
  std::string model;    // what it sent there, one value per line
  std::string server;
  std::vector<std::string> session;  // the requests up to this point
  bool fatal = false;                // the server must be restarted

  std::string Signature() const { return command + ": " + kind; }
};

struct PairCounts {
  uint64_t cases = 0;
  uint64_t requests = 0;
  uint64_t replies = 0;  // compared
  uint64_t pushes = 0;   // compared
  uint64_t state = 0;    // values of the final state, compared
  uint64_t restarts = 0;
  uint64_t processes = 0;  // restarts by a new process
  uint64_t expired = 0;    // keys that expired on both
  // What a server may choose, and the model copied from it.
  std::map<std::string, uint64_t, std::less<>> free;
  // What cannot be done on this server, by kind.
  std::map<std::string, uint64_t, std::less<>> left_out;
};

// The core and a live server as one server subject: both receive the same bytes, and what the live
// one sends must be what the core sends, on every connection and turn by turn: values, their order,
// and nothing else. The subject returns what was read from the sockets (with the core's connection
// ids), and core() for the checks that inspect the server.
//
// A turn is one Send() that completes a request. After it a separate connection pings the server
// often enough that its event loop has turned: then everything that the turn caused is written, and
// what is missing does not come. Nothing waits for time to pass.
//
// Time: a server started by this process uses the virtual wall clock (ServerClock), so keys expire
// at the same time on both, lazily or by its own active cycle, which is enabled only while the
// core's runs. On other servers nothing expires: times to live are sent with ten days added,
// Advance() stops before the first of them expires, and this is counted as left out.
//
// After a difference, and where a server's choice is not visible, the core continues alone until
// the end of the case.
class PairedServer final : public ServerSubject {
 public:
  // On failure returns nullptr with one line in `error`.
  static std::unique_ptr<PairedServer> Open(const PairOptions& options, std::string* error);

  // Connects and resets the server. Call it before the first case, after a fatal difference (it
  // then restarts a server that this process started), and in a forked child.
  bool Prepare(std::string* error);

  // Call these around a case: a Reset() between the two is a restart of the server.
  void BeginCase();
  // What follows until the next Reset() ends the case; Reset() then compares the final state.
  void EndCase();

  const std::optional<PairDifference>& difference() const { return difference_; }
  const PairCounts& counts() const { return counts_; }
  LiveServer& target() const { return *target_; }
  Profile profile() const { return profile_; }
  // True if keys expire on the live server when the case says so.
  bool sets_clock() const { return clock_ != nullptr; }
  void set_hang_ms(int ms) { hang_ms_ = ms; }
  int hang_ms() const { return hang_ms_; }

  // ServerSubject.
  void Reset() override;
  uint64_t Connect() override;
  void Send(uint64_t connection, std::string_view bytes) override;
  void Receive(uint64_t connection, std::string* append) override;
  bool IsOpen(uint64_t connection) const override { return core_.IsOpen(connection); }
  void Close(uint64_t connection) override;
  void Advance(uint64_t ms) override;
  uint64_t now_ms() const override { return core_.now_ms(); }
  bool Evict(int database, std::string_view key) override;
  ReplicaSubject* replica() override;
  Server* core() override { return core_.core(); }

 private:
  struct Connection {
    explicit Connection(std::span<const std::string_view> held) : requests(held) {}
    uint64_t id = 0;
    int64_t server_id = 0;
    RespConnection link;
    RequestStream requests;
    std::string model_bytes;
    std::vector<StreamValue> model;  // of this turn
    std::vector<StreamValue> server;
    std::string received;  // to be returned by Receive()
  };
  enum class Phase { kNone, kRunning, kEnding };

  PairedServer(std::unique_ptr<LiveServer> target, std::unique_ptr<ServerClock> clock,
               Profile profile, const PairOptions& options);

  bool going() const { return !difference_ && !given_up_; }
  Server& model() { return *core_.core(); }
  Connection* Find(uint64_t id);
  void Turn(Connection& connection, std::string_view bytes);
  bool Translate(const Connection& connection, RequestStream::Words request,
                 std::vector<std::string>* instead);
  std::string TranslateId(std::string_view id) const;
  void Rename(const Connection& connection, size_t i, std::string* value);
  bool small_table();
  void TellLimit();
  void Restart();
  void ExpireActively();
  void CountExpired();

  // Sends a command on the separate connection; the reply is valid until the next call. Returns
  // nothing, with a difference, if the server is gone.
  std::optional<resp::ReplyView> Ask(std::string_view line);
  bool Fence();
  void ReadAll();
  void TakeModelOutput();
  void TakeEvictions();
  bool Named(const ClientIds& ids);
  std::optional<std::string> NextEviction();
  void CompareTurn(bool any_order);
  void EndTurn();
  void CompareState();

  PairDifference& Differ(std::string kind);
  void GiveUp(std::string_view why);
  void ServerFailed();

  std::unique_ptr<LiveServer> target_;
  std::unique_ptr<ServerClock> clock_;
  Profile profile_;
  int hang_ms_;
  uint64_t restart_every_;
  CoreSubject core_;
  std::vector<std::unique_ptr<Connection>> connections_;  // open ones, by id
  std::map<int64_t, uint64_t> ids_;  // of the case: the live server's ids and the core's
  RespConnection control_;
  resp::ReplyParser control_parser_;
  Phase phase_ = Phase::kNone;
  size_t told_limit_ = 0;  // tracking-table-max-keys of the live server
  bool given_up_ = false;
  std::optional<PairDifference> difference_;
  std::vector<std::string> session_;
  std::string command_;  // of the turn
  PairCounts counts_;
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_MODEL_PAIRED_SERVER_H_
