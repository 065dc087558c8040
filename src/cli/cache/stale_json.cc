#include "cli/cache/stale_json.h"

#include <signal.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>

#include "cli/cache/stale_options.h"
#include "runner/files.h"
#include "runner/json.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

using live::Action;
using Kind = Action::Kind;

constexpr Kind kKinds[] = {Kind::kRead,    Kind::kHeldRead,   Kind::kAwaitRead,  Kind::kConfirm,
                           Kind::kWrite,   Kind::kAwaitWrite, Kind::kFlushAll,   Kind::kFlushDb,
                           Kind::kBarrier, Kind::kKillClient, Kind::kKillWorker, Kind::kArm};

bool HasCommand(Kind kind) {
  return kind == Kind::kRead || kind == Kind::kHeldRead || kind == Kind::kAwaitRead ||
         kind == Kind::kConfirm || kind == Kind::kWrite || kind == Kind::kAwaitWrite;
}

Json ToJson(const Action& action) {
  Json json = {{"do", live::ActionName(action.kind)}};
  if (action.kind != Kind::kFlushAll && action.kind != Kind::kFlushDb &&
      action.kind != Kind::kBarrier) {
    json["worker"] = action.worker;
  }
  if (HasCommand(action.kind)) {
    json["key"] = action.key;
    json["command"] = live::LiveCommands()[static_cast<size_t>(action.command)].form;
    json["member"] = action.member;
  }
  if (action.point != live::Failpoint::kNone) json["point"] = live::FailpointName(action.point);
  if (action.signal != 0) json["signal"] = action.signal;
  return json;
}

Json ToJson(const std::vector<Action>& actions) {
  Json json = Json::array();
  for (const Action& action : actions) json.push_back(ToJson(action));
  return json;
}

// How a case is read: what is wrong is thrown as a text without the file's name.
const Json& Member(const Json& json, const std::string& name) {
  if (!json.is_object() || !json.contains(name)) throw UserError("it has no \"" + name + "\"");
  return json.at(name);
}

int Number(const Json& json, const std::string& name, int least, int most) {
  const Json& number = Member(json, name);
  // What is too large for an int64_t is no such integer.
  const bool fits = number.is_number_integer() && number >= least && number <= most;
  if (!fits) {
    throw UserError("\"" + name + "\" is no whole number from " + std::to_string(least) + " to " +
                    std::to_string(most));
  }
  return number.get<int>();
}

int NumberOr0(const Json& json, const std::string& name, int least, int most) {
  return json.contains(name) ? Number(json, name, least, most) : 0;
}

std::string Text(const Json& json, const std::string& name) {
  const Json& text = Member(json, name);
  if (!text.is_string()) throw UserError("\"" + name + "\" is no text");
  return text.get<std::string>();
}

const Json& List(const Json& json, const std::string& name) {
  const Json& list = Member(json, name);
  if (!list.is_array()) throw UserError("\"" + name + "\" is no list");
  return list;
}

std::vector<std::string> Texts(const Json& json, const std::string& name) {
  std::vector<std::string> texts;
  for (const Json& text : List(json, name)) {
    if (!text.is_string()) throw UserError("\"" + name + "\" is no list of texts");
    texts.push_back(text.get<std::string>());
  }
  return texts;
}

live::KeyPlan ReadKeys(const Json& json) {
  live::KeyPlan keys;
  keys.keys = Number(json, "keys", 1, kMostKeys);
  keys.members = Number(json, "members", 1, kMostMembers);
  keys.value_size = Number(json, "value_size", 1, kMostValue);
  keys.prefix = Text(json, "key_prefix");
  keys.types = Texts(json, "types");
  keys.commands = Texts(json, "commands");
  const auto all = live::LiveTypes();
  for (const std::string& type : keys.types) {
    if (std::find(all.begin(), all.end(), type) == all.end()) {
      throw UserError("there is no type '" + type + "'");
    }
  }
  if (keys.types.empty()) throw UserError("\"types\" names none");
  return keys;
}

Action ReadAction(const Json& json, const live::KeyPlan& keys) {
  Action action;
  const std::string name = Text(json, "do");
  bool known = false;
  for (const Kind kind : kKinds) {
    if (live::ActionName(kind) != name) continue;
    action.kind = kind;
    known = true;
  }
  if (!known) throw UserError("there is no action '" + name + "'");
  const bool writes = action.kind == Kind::kWrite || action.kind == Kind::kAwaitWrite;
  action.worker = NumberOr0(json, "worker", writes ? live::kDriver : 0, live::kMaxWorkers - 1);
  action.key = NumberOr0(json, "key", 0, keys.keys - 1);
  action.member = NumberOr0(json, "member", 0, INT32_MAX);
  action.signal = NumberOr0(json, "signal", 0, NSIG - 1);
  if (json.contains("point")) {
    const std::string point = Text(json, "point");
    action.point = live::ParseFailpoint(point).value_or(live::Failpoint::kNone);
    if (action.point == live::Failpoint::kNone)
      throw UserError("there is no point '" + point + "'");
  }
  if (HasCommand(action.kind)) {
    const std::string form = Text(json, "command");
    const auto all = live::LiveCommands();
    bool found = false;
    for (size_t i = 0; i < all.size(); ++i) {
      if (all[i].form != form) continue;
      action.command = static_cast<int>(i);
      found = all[i].read != writes &&
              (all[i].type == "generic" || all[i].type == keys.TypeOf(action.key));
      break;
    }
    if (!found) throw UserError("no command for this action and key: '" + form + "'");
  }
  return action;
}

live::StaleCase ReadCase(Json json) {
  if (json.contains("failures")) {
    if (List(json, "failures").empty()) throw UserError("it has no failures");
    json = Json(json.at("failures").at(0));
  }
  if (json.contains("minimized") && !json.at("minimized").is_null()) {
    json = Json(Member(json.at("minimized"), "case"));
  } else if (json.contains("case")) {
    json = Json(json.at("case"));
  }
  live::StaleCase c;
  c.keys = ReadKeys(Member(json, "keys"));
  for (const Json& round : List(json, "rounds")) {
    live::Round& r = c.rounds.emplace_back();
    for (const Json& action : List(round, "actions")) {
      r.actions.push_back(ReadAction(action, c.keys));
    }
    for (const Json& action : List(round, "checks")) r.checks.push_back(ReadAction(action, c.keys));
  }
  return c;
}

}  // namespace

Json ToJson(const live::KeyPlan& keys) {
  return {{"keys", keys.keys},         {"members", keys.members}, {"value_size", keys.value_size},
          {"key_prefix", keys.prefix}, {"types", keys.types},     {"commands", keys.commands}};
}

Json ToJson(const live::StaleCase& c) {
  Json json = {{"keys", ToJson(c.keys)}, {"rounds", Json::array()}};
  for (const live::Round& round : c.rounds) {
    json["rounds"].push_back(
        {{"actions", ToJson(round.actions)}, {"checks", ToJson(round.checks)}});
  }
  return json;
}

Json ToJson(const live::StaleEvent& event) {
  Json json = {{"ms", event.ms}, {"round", event.round}, {"what", event.what}};
  if (event.worker == live::kDriver) {
    json["by"] = "driver";
  } else {
    json["by"] = event.worker;
  }
  if (!event.command.empty()) json["command"] = JsonText(event.command);
  if (!event.reply.empty()) json["reply"] = JsonText(event.reply);
  if (!event.note.empty()) json["note"] = JsonText(event.note);
  return json;
}

Json ToJson(const live::StaleCounts& c) {
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

live::StaleCase ReadStaleCase(const std::string& file) {
  const std::string text = ReadFile(file);
  try {
    const Json json = Json::parse(text, nullptr, false);
    if (json.is_discarded()) throw UserError(text.empty() ? "it is empty" : "it is no JSON");
    return ReadCase(json);
  } catch (const UserError& error) {
    throw UserError(file + ": is no case of invalidate or kill: " + error.what() +
                    ": name the log of a failure");
  }
}

std::string ToLine(const live::StaleEvent& event) {
  char head[64];
  std::snprintf(head, sizeof(head), "%10.3f  #%-4llu ", event.ms,
                static_cast<unsigned long long>(event.round));
  std::string line = head;
  line +=
      event.worker == live::kDriver ? "driver   " : "worker " + std::to_string(event.worker) + " ";
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
