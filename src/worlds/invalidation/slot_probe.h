#ifndef RESPROBE_WORLDS_INVALIDATION_SLOT_PROBE_H_
#define RESPROBE_WORLDS_INVALIDATION_SLOT_PROBE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/resp/reply.h"
#include "core/resp/reply_parser.h"
#include "engine/run_context.h"
#include "sim/server_subject.h"
#include "worlds/invalidation/invalidation_ops.h"

namespace resprobe::invalidation {

// Reads slots of a server over a connection of its own, which also makes the server delete what has
// expired. It uses few requests, since they cost more than the comparison.
class SlotProbe {
 public:
  // Reads the slots of `mask`, one bit each. `scope` says which commands the server has.
  void Ask(ServerSubject& subject, size_t db, uint32_t mask, Scope scope);
  // Calls observe(slot, value) for each of them, until that returns false. False then, and if the
  // replies are not those to the requests (framing).
  template <class Observe>
  bool Read(RunContext& run, const Observe& observe) {
    parser_.Reset();
    rest_ = output_;
    if (selects_ && !Next(run)) return false;
    const size_t* slot = slots_.data();
    for (size_t i = 0; i < requests_; ++i) {
      if (!Next(run)) return false;
      const resp::ReplyView reply = parser_.reply().root();
      if (!reply.is_aggregate()) {
        if (!observe(*slot++, reply)) return false;
        continue;
      }
      if (!run.Check(reply.size() == counts_[i], "framing", "a value for each name",
                     [&] { return resp::ToText(reply); })) {
        return false;
      }
      for (const resp::ReplyView value : reply) {
        if (!observe(*slot++, value)) return false;
      }
    }
    return true;
  }

 private:
  bool Next(RunContext& run);

  bool selects_ = false;
  std::array<size_t, kSlots> slots_;   // in the order of the replies
  std::array<size_t, kSlots> counts_;  // how many of them each request reads
  size_t requests_ = 0;
  std::string input_;
  std::string output_;
  std::string_view rest_;  // of the output
  resp::ReplyParser parser_;
};

}  // namespace resprobe::invalidation

#endif  // RESPROBE_WORLDS_INVALIDATION_SLOT_PROBE_H_
