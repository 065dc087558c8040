#include "cli/cache/stale_json.h"

#include <absl/strings/str_format.h>
#include <signal.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <iterator>
#include <optional>
#include <utility>

#include "cachelab/hunt/stale_ops.h"
#include "cachelab/subject/shared_cache.h"
#include "cli/cache/stale_options.h"
#include "engine/ops_text.h"
#include "runner/files.h"
#include "runner/json.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

namespace stale = cachelab::stale;

// Reading a case: errors are thrown as a text without the file's name.
const Json& Member(const Json& json, const std::string& name) {
  if (!json.is_object() || !json.contains(name))
    throw runner::UserError("it has no \"" + name + "\"");
  return json.at(name);
}

int Number(const Json& json, const std::string& name, int least, int most) {
  const Json& number = Member(json, name);
  // Reject numbers too large for an int64_t.
  const bool fits = number.is_number_integer() && number >= least && number <= most;
  if (!fits) {
    throw runner::UserError("\"" + name + "\" is no whole number from " + std::to_string(least) +
                            " to " + std::to_string(most));
  }
  return number.get<int>();
}

int NumberOr0(const Json& json, const std::string& name, int least, int most) {
  return json.contains(name) ? Number(json, name, least, most) : 0;
}

std::string Text(const Json& json, const std::string& name) {
  const Json& text = Member(json, name);
  if (!text.is_string()) throw runner::UserError("\"" + name + "\" is no text");
  return text.get<std::string>();
}

const Json& List(const Json& json, const std::string& name) {
  const Json& list = Member(json, name);
  if (!list.is_array()) throw runner::UserError("\"" + name + "\" is no list");
  return list;
}

std::vector<std::string> Texts(const Json& json, const std::string& name) {
  std::vector<std::string> texts;
  for (const Json& text : List(json, name)) {
    if (!text.is_string()) throw runner::UserError("\"" + name + "\" is no list of texts");
    texts.push_back(text.get<std::string>());
  }
  return texts;
}

cachelab::KeyPlan ReadKeys(const Json& json) {
  cachelab::KeyPlan keys;
  keys.keys = Number(json, "keys", 1, kMostKeys);
  keys.members = Number(json, "members", 1, stale::kMostMembers);
  keys.value_size = Number(json, "value_size", 1, stale::kMostValueBytes);
  keys.types = Texts(json, "types");
  const auto all = cachelab::LiveTypes();
  for (const std::string& type : keys.types) {
    if (std::find(all.begin(), all.end(), type) == all.end()) {
      throw runner::UserError("there is no type '" + type + "'");
    }
    if (std::count(keys.types.begin(), keys.types.end(), type) > 1) {
      throw runner::UserError("\"types\" names '" + type + "' twice");
    }
  }
  if (keys.types.empty()) throw runner::UserError("\"types\" names none");
  return keys;
}

// Reads the case format of earlier versions: rounds of actions and checks, as JSON.
class OldCase {
 public:
  OldCase(const Json& json, cachelab::StaleCase* out)
      : keys_(ReadKeys(Member(json, "keys"))), out_(out) {
    for (const Json& round : List(json, "rounds")) {
      for (const Json& action : List(round, "actions")) AddAction(action);
      for (const Json& check : List(round, "checks")) {
        const Json read = Checked(check, "read");
        Add(stale::Check{.worker = Worker(read),
                         .key = Key(read),
                         .command = ReadCommand(read),
                         .member = MemberOf(read)});
      }
      Add(stale::Settle{});
    }
  }

  cachelab::KeyPlan Keys() const {
    cachelab::KeyPlan keys = keys_;
    // Whole cycles of the types, since their order has changed.
    const int turn = static_cast<int>(keys_.types.size());
    keys.keys = (keys_.keys + turn - 1) / turn * turn;
    if (keys.keys > stale::kMostKeys) {
      throw runner::UserError("it has more than " + std::to_string(stale::kMostKeys) + " keys");
    }
    return keys;
  }
  int workers() const { return workers_; }

 private:
  void Add(stale::Op op) { out_->ops.push_back(op); }

  static Json Checked(const Json& json, const std::string& wanted) {
    const std::string name = Text(json, "do");
    if (name != wanted) throw runner::UserError("there is no check '" + name + "'");
    return json;
  }

  void AddAction(const Json& json) {
    const std::string name = Text(json, "do");
    if (name == "read" || name == "await-read" || name == "confirm") {
      AddRead(json, name == "read"         ? stale::Wait::kNo
                    : name == "await-read" ? stale::Wait::kAnswer
                                           : stale::Wait::kHit);
    } else if (name == "held-read") {
      Add(stale::Hold{.worker = Worker(json), .point = Point(json)});
      AddRead(json, stale::Wait::kHeld);
    } else if (name == "write" || name == "await-write") {
      AddWrite(json, name == "await-write");
    } else if (name == "flushall" || name == "flushdb") {
      Add(stale::Flush{.all = name == "flushall"});
    } else if (name == "barrier") {
      Add(stale::Barrier{});
    } else if (name == "kill-client") {
      Add(stale::KillConnection{.worker = Worker(json)});
    } else if (name == "kill-worker") {
      Add(stale::KillWorker{.worker = Worker(json), .signal = Signal(json)});
    } else if (name == "arm" && NumberOr0(json, "signal", 0, NSIG - 1) == 0) {
      Add(stale::Hold{.worker = Worker(json), .point = Point(json)});
    } else if (name == "arm") {
      Add(stale::Arm{.worker = Worker(json), .point = Point(json), .signal = Signal(json)});
    } else {
      throw runner::UserError("there is no action '" + name + "'");
    }
  }

  void AddRead(const Json& json, stale::Wait wait) {
    Add(stale::Read{.worker = Worker(json),
                    .key = Key(json),
                    .command = ReadCommand(json),
                    .member = MemberOf(json),
                    .wait = wait});
  }

  void AddWrite(const Json& json, bool wait) {
    const int worker = NumberOr0(json, "worker", cachelab::kDriver, cachelab::kMaxWorkers - 1);
    const stale::WriteCommand command = stale::WriteCommandOf(Command(json, false));
    if (worker == cachelab::kDriver) {
      Add(stale::DirectWrite{.key = Key(json), .command = command, .member = MemberOf(json)});
    } else {
      Add(stale::CachedWrite{.worker = Worker(json),
                             .key = Key(json),
                             .command = command,
                             .member = MemberOf(json),
                             .wait = wait});
    }
  }

  Index Worker(const Json& json) {
    const int worker = NumberOr0(json, "worker", 0, cachelab::kMaxWorkers - 1);
    workers_ = std::max(workers_, worker + 1);
    return {static_cast<uint8_t>(worker)};
  }

  // The key of the same type in the same cycle.
  Index Key(const Json& json) const {
    const int old = NumberOr0(json, "key", 0, keys_.keys - 1);
    const int turn = static_cast<int>(keys_.types.size());
    int place = 0;
    for (const std::string_view type : cachelab::LiveTypes()) {
      if (type == keys_.TypeOf(old)) break;
      place += std::find(keys_.types.begin(), keys_.types.end(), type) != keys_.types.end();
    }
    return {static_cast<uint8_t>(old / turn * turn + place)};
  }

  static Index MemberOf(const Json& json) {
    return {static_cast<uint8_t>(NumberOr0(json, "member", 0, INT32_MAX) % 256)};
  }

  static cachelab::Failpoint Point(const Json& json) {
    const std::string name = Text(json, "point");
    const std::optional<cachelab::Failpoint> point = cachelab::ParseFailpoint(name);
    if (!point) throw runner::UserError("there is no point '" + name + "'");
    return *point;
  }

  static stale::KillSignal Signal(const Json& json) {
    const int signal = Number(json, "signal", 1, NSIG - 1);
    if (!stale::IsKillSignal(signal)) {
      throw runner::UserError("signal " + std::to_string(signal) +
                              " neither ends nor stops a worker");
    }
    return stale::KillSignalOf(signal);
  }

  stale::ReadCommand ReadCommand(const Json& json) const {
    return stale::ReadCommandOf(Command(json, true));
  }
  int Command(const Json& json, bool read) const {
    const std::string form = Text(json, "command");
    const int key = NumberOr0(json, "key", 0, keys_.keys - 1);
    const auto all = cachelab::LiveCommands();
    for (size_t i = 0; i < all.size(); ++i) {
      if (all[i].form == form && all[i].read == read &&
          (all[i].type == "generic" || all[i].type == keys_.TypeOf(key))) {
        return static_cast<int>(i);
      }
    }
    throw runner::UserError("no command for this action and key: '" + form + "'");
  }

  cachelab::KeyPlan keys_;
  cachelab::StaleCase* out_;
  int workers_ = 1;
};

cachelab::StaleCase ReadOldCase(const Json& json, const Json& configuration) {
  cachelab::StaleCase c;
  const OldCase old(json, &c);
  stale::Config& config = c.config;
  stale::SetKeys(old.Keys(), &config);
  config.workers.value =
      std::max(NumberOr0(configuration, "workers", 0, cachelab::kMaxWorkers), old.workers());
  config.writers.value = configuration.contains("writers")
                             ? Number(configuration, "writers", 0, cachelab::kMaxWriters)
                             : cachelab::kMaxWriters;
  const std::string tracking = configuration.value("tracking", "default");
  for (size_t mode = 0; mode < std::size(cachelab::kTrackingModeNames); ++mode) {
    if (tracking == cachelab::kTrackingModeNames[mode]) {
      config.tracking = static_cast<cachelab::TrackingMode>(mode);
    }
  }
  return c;
}

cachelab::StaleCase ReadOps(const std::string& text) {
  Arena arena;  // for texts; ops have none
  cachelab::StaleCase c;
  if (const std::string error = Parse(text, &arena, &c); !error.empty()) {
    throw runner::UserError(error);
  }
  return c;
}

cachelab::StaleCase ReadLog(Json json) {
  if (json.contains("failures")) {
    if (List(json, "failures").empty()) throw runner::UserError("it has no failures");
    json = Json(json.at("failures").at(0));
  }
  const Json configuration =
      json.is_object() ? json.value("configuration", Json::object()) : Json::object();
  if (json.contains("minimized") && json.at("minimized").is_object()) {
    json = Json(Member(json.at("minimized"), "case"));
  } else if (json.contains("case")) {
    json = Json(json.at("case"));
  }
  return json.is_string() ? ReadOps(json.get<std::string>()) : ReadOldCase(json, configuration);
}

}  // namespace

Json ToJson(const cachelab::StaleEvent& event) {
  Json json = {{"ms", event.ms}, {"op", event.op}, {"what", event.what}};
  if (event.worker == cachelab::kDriver) {
    json["by"] = "driver";
  } else {
    json["by"] = event.worker;
  }
  if (!event.command.empty()) json["command"] = runner::JsonText(event.command);
  if (!event.reply.empty()) json["reply"] = runner::JsonText(event.reply);
  if (!event.note.empty()) json["note"] = runner::JsonText(event.note);
  return json;
}

Json ToJson(const cachelab::StaleCounts& c) {
  return {{"rounds", c.rounds},
          {"reads", c.reads},
          {"checked", c.checked},
          {"hits", c.hits},
          {"misses", c.misses},
          {"unknown_whether_hit", c.unknown},
          {"lost", c.lost},
          {"writes", c.writes},
          {"cached_writes", c.cached_writes},
          {"writes_refused", c.writes_refused},
          {"values_written", c.values},
          {"values_refused", c.values_refused},
          {"flushes", c.flushes},
          {"barriers", c.barriers},
          {"races", c.races},
          {"held", c.held},
          {"refused", c.refused},
          {"client_kills", c.client_kills},
          {"worker_kills", c.worker_kills},
          {"cached", c.confirmed},
          {"not_cached", c.not_cached}};
}

cachelab::StaleCase ReadStaleCase(const std::string& file) {
  const std::string text = runner::ReadFile(file);
  try {
    if (!ops_text::HarnessOf(text).empty()) return ReadOps(text);
    Json json = Json::parse(text, nullptr, false);
    if (json.is_discarded()) {
      throw runner::UserError(text.empty() ? "it is empty" : "it is neither .ops text nor JSON");
    }
    return ReadLog(std::move(json));
  } catch (const runner::UserError& error) {
    throw runner::UserError(file + ": is no case of invalidate or kill: " + error.what() +
                            ": name the .ops file or the log of a failure");
  }
}

std::string ToLine(const cachelab::StaleEvent& event) {
  std::string line = absl::StrFormat("%10.3f  #%-4d ", event.ms, event.op);
  line += event.worker == cachelab::kDriver ? "driver   "
                                            : "worker " + std::to_string(event.worker) + " ";
  line += event.what;
  const auto cut = [](const std::string& text) {
    constexpr size_t kMost = 120;
    return text.size() <= kMost ? text : text.substr(0, kMost) + "…";
  };
  if (!event.command.empty()) line += "  " + cut(event.command);
  if (!event.reply.empty()) line += "  -> " + cut(event.reply);
  if (!event.note.empty()) line += "  (" + event.note + ")";
  return line;
}

}  // namespace resprobe::cli
