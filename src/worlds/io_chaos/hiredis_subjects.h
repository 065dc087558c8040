#ifndef RESPROBE_WORLDS_IO_CHAOS_HIREDIS_SUBJECTS_H_
#define RESPROBE_WORLDS_IO_CHAOS_HIREDIS_SUBJECTS_H_

#include <memory>
#include <string_view>
#include <vector>

#include "worlds/io_chaos/caching_io_client.h"
#include "worlds/io_chaos/hiredis_adapters.h"
#include "worlds/io_chaos/hiredis_client.h"
#include "worlds/io_chaos/io_chaos_world.h"
#include "worlds/io_chaos/plain_client.h"

namespace resprobe {

// Asynchronous hiredis without an adapter, which also stands for an adapter that is left out.
inline IoChaosWorld::Subject AsyncSubject() {
  return {[] { return std::make_unique<HiredisAsync>(); }, kHiredisVersion, true};
}
template <class Adapter>
IoChaosWorld::Subject AdaptedSubject(std::string_view name) {
  return {[loop = std::make_shared<typename HiredisAdapted<Adapter>::Loop>()] {
            return std::make_unique<HiredisAdapted<Adapter>>(loop);
          },
          kHiredisVersion, true, name};
}

// The clients of io_chaos, in the order of ClientKind, for the hiredis that is compiled in. A
// program that uses them links driver/libc_shim.h.
inline std::vector<IoChaosWorld::Subject> IoSubjects() {
  return {
      AsyncSubject(),
      {[] { return std::make_unique<HiredisSync>(); }, kHiredisVersion, false},
      {[] { return std::make_unique<PlainClient>(); }},
      {[] { return std::make_unique<CachingIoClient>(); }},
#ifdef RESPROBE_LIBEVENT_VERSION
      AdaptedSubject<LibeventAdapter>("libevent"),
#else
      AsyncSubject(),
#endif
#ifdef RESPROBE_LIBUV_VERSION
      AdaptedSubject<LibuvAdapter>("libuv"),
#else
      AsyncSubject(),
#endif
#ifdef RESPROBE_HIREDIS_HAS_POLL
      AdaptedSubject<PollAdapter>("poll"),
#else
      AsyncSubject(),
#endif
  };
}

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_IO_CHAOS_HIREDIS_SUBJECTS_H_
