#ifndef RESPROBE_LIVE_RECORD_RECORDER_H_
#define RESPROBE_LIVE_RECORD_RECORDER_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "live/proxy/traffic_listener.h"
#include "live/record/case_store.h"
#include "live/record/command_case_recorder.h"
#include "live/record/invalidation_case_recorder.h"
#include "live/record/stream_cutter.h"

namespace resprobe::live {

struct RecordOptions {
  int listen_port = 0;      // on 127.0.0.1; 0 picks a free one
  std::string server = {};  // HOST:PORT
  std::string output = {};  // folder for the cases
  // The server may be on another machine, and clients may come from other machines.
  bool allow_remote = false;
  size_t max_case_bytes = 4096;
  // Requests that begin so are not kept in cases of ops; one text each, of words.
  std::vector<std::string> leave_out = {};
};

// The verb `record`: a proxy between clients and a server that keeps what passes as cases (see
// Recorder), until SIGINT or SIGTERM. Says on stdout where it listens, and at the end what it has
// recorded; mistakes are one line on stderr.
// Returns the exit code: 0 at Ctrl-C, with everything kept; 2 if the port, the server or
// the folder is not to be had.
int RunRecord(const RecordOptions& options);

// Makes cases of what passes through a proxy. A connection's streams become
//   DIR/resp_parser/reply-HASH, request-HASH        pieces of whole messages (StreamCutter)
//   DIR/resp_differential/reply-HASH, request-HASH  the same
//   DIR/query_parser/query-HASH                     the queries of FT.SEARCH and its kin
//   DIR/command_handler/session-HASH.ops            the requests of all connections, in order
//   DIR/invalidation/session-HASH.ops               their reads and writes, and what came when
// Pieces are written as they are full, the last ones when the connection closes.
class Recorder : public TrafficListener {
 public:
  Recorder(CaseStore* store, size_t max_case_bytes, const std::vector<std::string>& leave_out = {})
      : store_(store),
        max_case_bytes_(max_case_bytes),
        leave_out_(leave_out),
        sessions_(kMaxOps, max_case_bytes,
                  [this](std::string_view text) {
                    store_->Add("command_handler", "session", ".ops", text, &error_);
                  }),
        reads_and_writes_(kMaxOps, [this](std::string_view text) {
          store_->Add("invalidation", "session", ".ops", text, &error_);
        }) {}

  // Behind the last connection: what is left becomes cases.
  void Finish() {
    sessions_.Finish();
    reads_and_writes_.Finish();
  }

  void OnOpen(uint64_t connection) override;
  void OnClientBytes(uint64_t connection, std::string_view bytes) override;
  void OnServerBytes(uint64_t connection, std::string_view bytes) override;
  void OnClose(uint64_t connection) override;
  void OnRefused(const std::string& error) override;

  uint64_t connections() const { return connections_; }
  uint64_t requests() const { return requests_; }
  uint64_t replies() const { return replies_; }
  // Streams that brought something that is no message; what came behind it is not kept.
  uint64_t refused_streams() const { return refused_streams_; }
  // The last thing that went wrong (a full disk, a server that went away); empty if nothing.
  const std::string& error() const { return error_; }

 private:
  // Of a session, about.
  static constexpr size_t kMaxOps = 18;

  struct Streams {
    StreamCutter<RequestMessages> requests;
    StreamCutter<ReplyMessages> replies;
  };

  void Keep(std::string_view prefix, std::string_view piece);
  void KeepQuery(std::span<const std::string_view> args);
  bool LeftOut(std::span<const std::string_view> args) const;

  CaseStore* store_;
  size_t max_case_bytes_;
  const std::vector<std::string> leave_out_;
  CommandCaseRecorder sessions_;
  InvalidationCaseRecorder reads_and_writes_;
  std::map<uint64_t, std::unique_ptr<Streams>> open_;
  uint64_t connections_ = 0;
  uint64_t requests_ = 0;
  uint64_t replies_ = 0;
  uint64_t refused_streams_ = 0;
  std::string error_;
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_RECORD_RECORDER_H_
