#ifndef RESPROBE_CLI_CRASH_CRASH_PLACES_H_
#define RESPROBE_CLI_CRASH_CRASH_PLACES_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "runner/json.h"
#include "sandbox/preload/shared.h"
#include "sim/disk/disk.h"

namespace resprobe::cli {

// "server write log", "child rename new base": who makes a call to the disk, which, and on what
// kind of file (facts of redis and valkey; other names are "other").
std::string PlaceOf(const DiskCall& call, SandboxRole role);

// Where crashes were tried, so that rare places get as many as frequent ones.
class CrashPlaces {
 public:
  // The call is one of this kind: whether it is to be crashed. Rarely so where it often was.
  bool Wants(const std::string& place);

  struct Place {
    uint64_t calls = 0;
    uint64_t crashed = 0;
  };
  const std::map<std::string, Place>& places() const { return places_; }
  // Those of a redis or valkey server with these policies at which nothing was crashed.
  std::vector<std::string> Missing(bool always, bool everysec, bool rewrites, bool saves) const;
  // A table; and the same for a report.
  std::string Text() const;
  Json Report() const;

 private:
  std::map<std::string, Place> places_;
};

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_CRASH_CRASH_PLACES_H_
