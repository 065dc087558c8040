#include "cli/crash/crash_places.h"

#include <absl/strings/str_format.h>

namespace resprobe::cli {
namespace {

std::string_view KindOf(std::string_view path) {
  const auto has = [&](std::string_view part) { return path.find(part) != path.npos; };
  if (has("temp-") && has("manifest")) return "new manifest";
  if (has("manifest")) return "manifest";
  if (has("temp-rewriteaof") || has("temp-appendonly")) return "new base";
  if (has(".base.")) return "base";
  if (has(".incr.")) return "log";
  if (has("temp-") && has(".rdb")) return "new snapshot";
  if (has(".rdb")) return "snapshot";
  if (path.empty() || path == "." || path == "appendonlydir") return "directory";
  return "other";
}

}  // namespace

std::string PlaceOf(const DiskCall& call, SandboxRole role) {
  constexpr std::string_view kRoles[] = {"server", "child", "thread"};
  std::string place(kRoles[role]);
  place += ' ';
  place += kDiskOpNames[static_cast<size_t>(call.op)];
  place += ' ';
  // A rename is known by what it makes.
  place += KindOf(call.op == DiskOp::kRename ? call.to : call.path);
  return place;
}

bool CrashPlaces::Wants(const std::string& place) {
  Place& known = places_[place];
  ++known.calls;
  constexpr uint64_t kAlways = 4;
  constexpr uint64_t kThinning = 8;
  const bool wanted = known.crashed < kAlways || known.calls % (2 + known.crashed / kThinning) == 0;
  if (wanted) ++known.crashed;
  return wanted;
}

std::vector<std::string> CrashPlaces::Missing(bool always, bool everysec, bool rewrites,
                                              bool saves) const {
  std::vector<std::string> expected;
  if (always || everysec) expected.emplace_back("server write log");
  if (always) expected.emplace_back("server fsync log");
  if (everysec) expected.emplace_back("thread fsync log");
  if (rewrites && (always || everysec)) {
    expected.insert(expected.end(),
                    {"child write new base", "child fsync new base", "server rename base",
                     "server write new manifest", "server fsync new manifest",
                     "server rename manifest", "server fsync directory"});
  }
  if (saves) {
    expected.insert(expected.end(), {"child write new snapshot", "child fsync new snapshot",
                                     "child rename snapshot", "server rename snapshot"});
  }
  std::erase_if(expected, [&](const std::string& place) {
    const auto found = places_.find(place);
    return found != places_.end() && found->second.crashed > 0;
  });
  return expected;
}

std::string CrashPlaces::Text() const {
  std::string text;
  for (const auto& [place, counts] : places_) {
    text +=
        absl::StrFormat("  %-32s %8d calls, crashed at %d\n", place, counts.calls, counts.crashed);
  }
  return text;
}

Json CrashPlaces::Report() const {
  Json report = Json::object();
  for (const auto& [place, counts] : places_) {
    report[place] = {{"calls", counts.calls}, {"crashed", counts.crashed}};
  }
  return report;
}

}  // namespace resprobe::cli
