#ifndef RESPROBE_WORLDS_RESP_RESP_SHRINK_H_
#define RESPROBE_WORLDS_RESP_RESP_SHRINK_H_

#include <functional>

#include "engine/harness.h"

namespace resprobe {

// One pass over a stream of replies or requests that makes it smaller where deleting bytes alone
// cannot: it leaves out whole values, shortens bulks and aggregates together with the lengths
// before them, and puts a child in the place of what is around it. Keeps what `still_fails` says
// yes to; true if there was any.
bool ShrinkResp(Tape* tape, const std::function<bool(const Tape&)>& still_fails);

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_RESP_RESP_SHRINK_H_
