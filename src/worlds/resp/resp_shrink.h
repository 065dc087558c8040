#ifndef RESPROBE_WORLDS_RESP_RESP_SHRINK_H_
#define RESPROBE_WORLDS_RESP_RESP_SHRINK_H_

#include <functional>

#include "engine/harness.h"

namespace resprobe {

// One pass that shrinks a stream of replies or requests in ways that deleting bytes cannot: it
// removes whole values, shortens bulks and aggregates together with their lengths, and replaces an
// aggregate by one of its children. Keeps every change for which `still_fails` returns true;
// returns true if there was any.
bool ShrinkResp(Tape* tape, const std::function<bool(const Tape&)>& still_fails);

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_RESP_RESP_SHRINK_H_
