#include "findings/descriptor.h"

#include <algorithm>

#include "engine/bytes_text.h"
#include "runner/json.h"
#include "runner/process.h"
#include "runner/user_error.h"
#include "runner/whole_number.h"

namespace resprobe::cli {
namespace {

// The string of that name, "" if there is none.
std::string TextOf(const Json& json, const char* key) {
  const auto at = json.find(key);
  return at != json.end() && at->is_string() ? at->get<std::string>() : "";
}

}  // namespace

Descriptor ReadDescriptor(const fs::path& file) {
  const Json json = Json::parse(ReadFile(file), nullptr, false);
  Descriptor descriptor;
  if (json.is_object()) {
    descriptor = {TextOf(json, "harness"), TextOf(json, "signature"), TextOf(json, "case"),
                  json.value("minimized", Json()) == Json(true)};
    const Json limits = json.value("limits", Json::object());
    const auto number = [&](const char* key) {
      const Json value = limits.is_object() ? limits.value(key, Json()) : Json();
      return value.is_number_unsigned() ? value.get<uint64_t>() : 0;
    };
    descriptor.timeout_seconds = static_cast<int>(std::min(number("timeout"), kMostSeconds));
    descriptor.rss_mb = std::min(number("rss"), kMostMegabytes);
  }
  if (descriptor.harness.empty()) {
    throw UserError(file.string() +
                    ": is no report of a finding: name the report.json in the finding's folder");
  }
  return descriptor;
}

Json VersionsOf(const Project& project, const HarnessInfo& info) {
  Json versions;
  versions["resprobe"] = RESPROBE_VERSION;
  try {
    RunResult git = RunToEnd({{"git", "-C", project.source.string(), "rev-parse", "HEAD"}, {}},
                             {.timeout_seconds = 10});
    while (git.out.ends_with('\n')) git.out.pop_back();
    if (git.exit_code == 0) versions["commit"] = git.out;
  } catch (const UserError&) {  // no git here
  }
  versions["subject"] = info.subject;
  versions["compiler"] = info.compiler;
  versions["flags"] = info.flags;
  versions["engine"] = info.engine;
  return versions;
}

std::string CaseText(const HarnessEntry& harness, const HarnessInfo& info, const fs::path& tape) {
  if (info.input == "ops") return ShowCase(harness, tape);
  return PrintBytes(info.name, ReadFile(tape));
}

}  // namespace resprobe::cli
