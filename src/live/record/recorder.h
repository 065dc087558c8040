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

#include "core/cluster/bus_codec.h"
#include "live/proxy/traffic_listener.h"
#include "live/record/case_store.h"
#include "live/record/command_case_recorder.h"
#include "live/record/invalidation_case_recorder.h"
#include "live/record/stream_cutter.h"
#include "live/server/target.h"

namespace resprobe::live {

struct RecordOptions {
  int listen_port = 0;  // on 127.0.0.1; 0 selects a free one
  // The server to forward to. Its `allow_remote` permits clients from other machines too.
  TargetOptions target = {};
  std::string output = {};  // folder for the cases
  size_t max_case_bytes = 4096;
  // Requests that start with one of these word sequences are omitted from cases of ops.
  std::vector<std::string> leave_out = {};
};

// The verb `record`: a proxy between clients and a server that stores the traffic as cases (see
// Recorder), until SIGINT or SIGTERM. Prints to stdout where it listens and, at the end, what it
// has recorded; errors are one line on stderr. Returns the exit code: 0 after Ctrl-C, with
// everything stored; 2 if the port, the server or the folder is not available; 130 if `target.stop`
// ended the start of the server.
int RunRecord(const RecordOptions& options);

// Makes cases of the traffic through a proxy. A connection's streams become
//   DIR/resp_parser/reply-HASH, request-HASH        pieces of complete messages (StreamCutter)
//   DIR/resp_differential/reply-HASH, request-HASH  the same
//   DIR/query_parser/query-HASH                     the queries of FT.SEARCH and related commands
//   DIR/command_handler/session-HASH.ops            the requests of all connections, in order
//   DIR/invalidation/session-HASH.ops               reads, writes and deliveries, in order
// or, if the first bytes of the connection are those of a packet of the cluster bus,
//   DIR/cluster_bus/packet-HASH                     each packet, whole, however long it is
// Pieces are written when they are full, the last ones when the connection closes.
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

  // Called after the last connection: writes the unfinished cases.
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
  uint64_t packets() const { return packets_; }
  // The number of streams with malformed data; they are not recorded after it.
  uint64_t refused_streams() const { return refused_streams_; }
  // The last error (a full disk, a server that went away); empty if there was none.
  const std::string& error() const { return error_; }

 private:
  // Approximate ops per session.
  static constexpr size_t kMaxOps = 18;

  // The two directions of a link between nodes of a cluster.
  struct BusLink {
    cluster::PacketSplitter from_client{Profile::kValkey80};
    cluster::PacketSplitter from_server{Profile::kValkey80};
    bool refused = false;
  };
  struct Streams {
    explicit Streams(Recorder* recorder);
    StreamCutter<RequestMessages> requests;
    StreamCutter<ReplyMessages> replies;
    bool begun = false;
    std::unique_ptr<BusLink> bus;  // null: clients and a server
  };

  void Keep(std::string_view prefix, std::string_view piece);
  void KeepPackets(std::string_view bytes, BusLink* link, cluster::PacketSplitter* stream);
  void KeepQuery(std::span<const std::string_view> args);
  bool LeftOut(std::span<const std::string_view> args) const;

  CaseStore* store_;
  size_t max_case_bytes_;
  const std::vector<std::string> leave_out_;
  CommandCaseRecorder sessions_;
  InvalidationCaseRecorder reads_and_writes_;
  std::map<uint64_t, Streams> open_;
  uint64_t connections_ = 0;
  uint64_t requests_ = 0;
  uint64_t replies_ = 0;
  uint64_t packets_ = 0;
  uint64_t refused_streams_ = 0;
  std::string error_;
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_RECORD_RECORDER_H_
