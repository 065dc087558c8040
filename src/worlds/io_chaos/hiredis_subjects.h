#ifndef RESPROBE_WORLDS_IO_CHAOS_HIREDIS_SUBJECTS_H_
#define RESPROBE_WORLDS_IO_CHAOS_HIREDIS_SUBJECTS_H_

#include <memory>
#include <vector>

#include "worlds/io_chaos/caching_io_client.h"
#include "worlds/io_chaos/hiredis_client.h"
#include "worlds/io_chaos/io_chaos_world.h"
#include "worlds/io_chaos/plain_client.h"

namespace resprobe {

// The clients of io_chaos, in the order of ClientKind, for the hiredis that is compiled in. A
// program that uses them links driver/libc_shim.h.
inline std::vector<IoChaosWorld::Subject> IoSubjects() {
  return {{[] { return std::make_unique<HiredisAsync>(); }, kHiredisVersion, true},
          {[] { return std::make_unique<HiredisSync>(); }, kHiredisVersion, false},
          {[] { return std::make_unique<PlainClient>(); }},
          {[] { return std::make_unique<CachingIoClient>(); }}};
}

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_IO_CHAOS_HIREDIS_SUBJECTS_H_
