#ifndef RESPROBE_LIVE_MODEL_PAIR_EVICTIONS_H_
#define RESPROBE_LIVE_MODEL_PAIR_EVICTIONS_H_

#include <optional>
#include <string>

#include "core/server/server.h"
#include "live/model/pair_streams.h"
#include "live/model/pair_verdict.h"

namespace resprobe::live {

// Copies to the model what a live server chooses at random: the keys that a full tracking table
// gives up, which the server names in its invalidations.
class PairEvictions {
 public:
  // All must outlive this.
  PairEvictions(Server* model, PairStreams* streams, PairVerdict* verdict)
      : model_(model), streams_(streams), verdict_(verdict) {}

  // Whether the case limits the tracking table, so that keys are given up.
  bool small_table() const;
  // Gives up the keys that the live server has given up in this turn.
  void TakeEvictions();

 private:
  bool Named(const ClientIds& ids) const;
  std::optional<std::string> NextEviction() const;

  Server* model_;
  PairStreams* streams_;
  PairVerdict* verdict_;
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_MODEL_PAIR_EVICTIONS_H_
