#include "cli/stale_json.h"

#include <cstdio>

#include "cli/files.h"
#include "cli/user_error.h"

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
  if (action.point != live::Point::kNone) json["point"] = live::PointName(action.point);
  if (action.signal != 0) json["signal"] = action.signal;
  return json;
}

Json ToJson(const std::vector<Action>& actions) {
  Json json = Json::array();
  for (const Action& action : actions) json.push_back(ToJson(action));
  return json;
}

// What is wrong is thrown as a text without the file's name.
Action ReadAction(const Json& json, const live::KeyPlan& keys) {
  Action action;
  const std::string name = json.at("do");
  bool known = false;
  for (const Kind kind : kKinds) {
    if (live::ActionName(kind) != name) continue;
    action.kind = kind;
    known = true;
  }
  if (!known) throw UserError("there is no action '" + name + "'");
  action.worker = json.value("worker", 0);
  action.key = json.value("key", 0);
  action.member = json.value("member", 0);
  action.signal = json.value("signal", 0);
  if (json.contains("point")) {
    const std::string point = json.at("point");
    action.point = live::ParsePoint(point).value_or(live::Point::kNone);
    if (action.point == live::Point::kNone) throw UserError("there is no point '" + point + "'");
  }
  if (action.key < 0 || action.key >= keys.keys || action.member < 0 || action.worker < -1) {
    throw UserError("a key, member or worker that there is not: " + json.dump());
  }
  if (HasCommand(action.kind)) {
    const std::string form = json.at("command");
    const auto all = live::LiveCommands();
    bool found = false;
    for (size_t i = 0; i < all.size(); ++i) {
      if (all[i].form != form) continue;
      action.command = static_cast<int>(i);
      const bool writes = action.kind == Kind::kWrite || action.kind == Kind::kAwaitWrite;
      found = all[i].read != writes &&
              (all[i].type == "generic" || all[i].type == keys.TypeOf(action.key));
      break;
    }
    if (!found) throw UserError("no command for this action and key: '" + form + "'");
  }
  return action;
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
  live::StaleCase c;
  try {
    Json json = Json::parse(ReadFile(file));
    if (json.contains("failures")) json = json.at("failures").at(0);
    if (json.contains("minimized") && !json.at("minimized").is_null()) {
      json = json.at("minimized").at("case");
    } else if (json.contains("case")) {
      json = json.at("case");
    }
    const Json& keys = json.at("keys");
    c.keys.keys = keys.at("keys");
    c.keys.members = keys.at("members");
    c.keys.value_size = keys.at("value_size");
    c.keys.prefix = keys.at("key_prefix");
    c.keys.types = keys.at("types").get<std::vector<std::string>>();
    c.keys.commands = keys.at("commands").get<std::vector<std::string>>();
    if (c.keys.keys < 1 || c.keys.members < 1 || c.keys.types.empty()) {
      throw UserError("a case without keys");
    }
    for (const Json& round : json.at("rounds")) {
      live::Round& r = c.rounds.emplace_back();
      for (const Json& action : round.at("actions"))
        r.actions.push_back(ReadAction(action, c.keys));
      for (const Json& action : round.at("checks")) r.checks.push_back(ReadAction(action, c.keys));
    }
  } catch (const Json::exception& error) {
    throw UserError(file + ": is no case of invalidate or kill: " + error.what());
  } catch (const UserError& error) {
    const std::string what = error.what();
    throw UserError(what.find(file) == std::string::npos ? file + ": " + what : what);
  }
  return c;
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
