#ifndef RESPROBE_LIVE_MODEL_PAIR_STREAMS_H_
#define RESPROBE_LIVE_MODEL_PAIR_STREAMS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "live/model/pair_verdict.h"
#include "live/model/request_stream.h"
#include "live/model/stream_values.h"
#include "live/net/resp_connection.h"
#include "live/server/live_server.h"
#include "sim/core_subject.h"

namespace resprobe::live {

// A connection of the case to both servers, and what each has sent there in this turn.
struct PairConnection {
  explicit PairConnection(std::span<const std::string_view> held) : requests(held) {}

  uint64_t id = 0;        // the core's number
  int64_t server_id = 0;  // the live server's
  RespConnection link;
  RequestStream requests;
  std::string model_bytes;
  std::vector<StreamValue> model;
  std::vector<StreamValue> server;
  std::string received;  // for whoever uses the subject
};

// The connections of a case. Requests go to the live server with its own numbers of connections in
// them, and what it sends comes back with the core's.
class PairStreams {
 public:
  // All must outlive the streams. `sets_clock`: whether the live server's clock is the virtual one;
  // else times to live are sent with ten days more, so that no key expires within a run.
  PairStreams(LiveServer* target, CoreSubject* core, PairVerdict* verdict, bool sets_clock)
      : target_(target), core_(core), verdict_(verdict), sets_clock_(sets_clock) {}

  // Opens the connection that has the number `id` on the core.
  void Connect(uint64_t id);
  // The connection; nullptr if there is none.
  PairConnection* Find(uint64_t id);
  void Erase(const PairConnection& connection);
  // Forgets all connections at once.
  void Clear();
  // Closes all connections, which the live server has to see.
  void CloseAll();
  const std::vector<std::unique_ptr<PairConnection>>& all() const { return connections_; }

  // Sends to both servers; returns how many requests became whole.
  size_t Send(PairConnection& connection, std::string_view bytes);
  // Reads what the live server has sent. It must be whole.
  void ReadAll();
  // Takes what the core has sent.
  void TakeModelOutput();
  // Compares what both have sent in this turn, and passes it on. `any_order`: pushes may stand in
  // another order.
  void CompareTurn(bool any_order);

 private:
  bool Translate(RequestStream::Words request, std::vector<std::string>* instead) const;
  std::string TranslateId(std::string_view id) const;
  void Rename(const PairConnection& connection, size_t i, std::string* value);
  // False, with a verdict, if the two streams differ.
  bool Compare(PairConnection& connection, bool any_order);

  LiveServer* target_;
  CoreSubject* core_;
  PairVerdict* verdict_;
  bool sets_clock_;
  std::vector<std::unique_ptr<PairConnection>> connections_;  // open ones, by id
  std::map<int64_t, uint64_t> ids_;  // of the case: the live server's numbers and the core's
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_MODEL_PAIR_STREAMS_H_
