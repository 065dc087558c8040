#ifndef RESPROBE_LIVE_MODEL_PAIR_STATE_H_
#define RESPROBE_LIVE_MODEL_PAIR_STATE_H_

#include "core/server/server.h"
#include "live/model/pair_control.h"
#include "live/model/pair_verdict.h"

namespace resprobe::live {

// Compares what the case has left: how many keys, clients and prefixes each server tracks.
void ComparePairState(const Server& model, PairControl* control, PairVerdict* verdict);

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_MODEL_PAIR_STATE_H_
