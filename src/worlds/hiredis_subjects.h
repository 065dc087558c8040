#ifndef RESPROBE_WORLDS_HIREDIS_SUBJECTS_H_
#define RESPROBE_WORLDS_HIREDIS_SUBJECTS_H_

#include <memory>
#include <vector>

#include "worlds/caching_io_client.h"
#include "worlds/hiredis_client.h"
#include "worlds/io_chaos_world.h"
#include "worlds/plain_client.h"

namespace resprobe {

// The clients of io_chaos, in the order of ClientKind, with the hiredis that is compiled in. A
// program that has them uses driver/client_calls.h.
inline std::vector<IoChaosWorld::Subject> IoSubjects() {
  return {{[] { return std::make_unique<HiredisAsync>(); }, kHiredisVersion, true},
          {[] { return std::make_unique<HiredisSync>(); }, kHiredisVersion, false},
          {[] { return std::make_unique<PlainClient>(); }},
          {[] { return std::make_unique<CachingIoClient>(); }}};
}

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_HIREDIS_SUBJECTS_H_
