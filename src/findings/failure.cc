#include "findings/failure.h"

#include <absl/time/clock.h>
#include <absl/time/time.h>

#include <algorithm>
#include <ctime>
#include <sstream>

#include "engine/triage.h"
#include "runner/text.h"
#include "runner/user_error.h"
#include "runner/whole_number.h"

namespace resprobe::findings {
namespace {

std::string TextOf(const Json& json, const char* key) {
  const auto at = json.find(key);
  return at != json.end() && at->is_string() ? at->get<std::string>() : "";
}

uint64_t NumberOf(const Json& json, const char* key, uint64_t otherwise = 0) {
  const auto at = json.find(key);
  return at != json.end() && at->is_number_unsigned() ? at->get<uint64_t>() : otherwise;
}

bool FlagOf(const Json& json, const char* key) {
  const auto at = json.find(key);
  return at != json.end() && at->is_boolean() && at->get<bool>();
}

std::vector<std::string> TextsOf(const Json& json, const char* key) {
  std::vector<std::string> texts;
  const auto at = json.find(key);
  if (at == json.end() || !at->is_array()) return texts;
  for (const Json& one : *at) {
    if (one.is_string()) texts.push_back(one.get<std::string>());
  }
  return texts;
}

Json ObjectOf(const Json& json, const char* key) {
  const auto at = json.find(key);
  return at != json.end() && at->is_object() ? *at : Json::object();
}

void SetText(Json* json, const char* key, const std::string& text) {
  if (!text.empty()) (*json)[key] = runner::JsonText(text);
}

void SetFlag(Json* json, const char* key, bool flag) {
  if (flag) (*json)[key] = true;
}

std::string ToHex(const std::string& bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    hex += kDigits[byte >> 4];
    hex += kDigits[byte & 15];
  }
  return hex;
}

// "" if it is not hexadecimal text.
std::string FromHex(const std::string& hex) {
  const auto value = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  };
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    const int high = value(hex[i]);
    const int low = value(hex[i + 1]);
    if (high < 0 || low < 0) return "";
    bytes += static_cast<char>(high << 4 | low);
  }
  return bytes;
}

Json ServerToJson(const ServerSpec& server) {
  Json json = Json::object();
  SetText(&json, "start", server.start);
  SetText(&json, "address", server.address);
  SetText(&json, "unix", server.unix_path);
  if (!server.arguments.empty()) {
    json["arguments"] = Json::array();
    for (const std::string& word : server.arguments)
      json["arguments"].push_back(runner::JsonText(word));
  }
  SetText(&json, "profile", server.profile);
  SetFlag(&json, "flush", server.flush);
  SetFlag(&json, "allow_remote", server.allow_remote);
  SetFlag(&json, "sandbox", server.sandbox);
  json["hang"] = server.hang_seconds;
  SetText(&json, "version", server.version);
  return json;
}

ServerSpec ReadServer(const Json& json) {
  ServerSpec server;
  server.start = TextOf(json, "start");
  server.address = TextOf(json, "address");
  server.unix_path = TextOf(json, "unix");
  server.arguments = TextsOf(json, "arguments");
  server.profile = TextOf(json, "profile");
  server.flush = FlagOf(json, "flush");
  server.allow_remote = FlagOf(json, "allow_remote");
  server.sandbox = FlagOf(json, "sandbox");
  server.hang_seconds =
      static_cast<int>(std::min<uint64_t>(NumberOf(json, "hang", 10), runner::kMostSeconds));
  server.version = TextOf(json, "version");
  return server;
}

// The runner of a report of an earlier version, which does not name it.
std::string RunnerOf(const Json& json) {
  if (json.contains("core") && json.contains("command")) return "oracle";
  if (json.contains("detail") && json.contains("session")) return "robustness";
  const auto server = json.find("server");
  return server != json.end() && server->is_string() ? "model" : "process";
}

}  // namespace

std::string ServerSpec::Identity() const {
  if (start.empty()) {
    const bool named = version.find_first_of("0123456789") != version.npos;
    return named ? version : address + unix_path;
  }
  std::error_code error;
  const std::string temp = fs::temp_directory_path(error).string() + "/";
  std::string text;
  const auto add = [&](const std::string& word) {
    if (word.contains("{port}") || word.contains("{socket}")) return;
    if (!word.starts_with(temp)) {
      text += word + " ";
    } else if (fs::is_regular_file(word, error)) {
      text += fs::path(word).filename().string() + " ";
    }
  };
  std::istringstream words(start);
  for (std::string word; words >> word;) add(word);
  for (const std::string& word : arguments) add(word);
  return text;
}

std::string TimeNow() {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::Now(), absl::UTCTimeZone());
}

Json ToJson(const RunSpec& run) {
  Json json = {{"runner", run.runner}, {"harness", run.harness}};
  if (run.server != ServerSpec()) json["server"] = ServerToJson(run.server);
  json["limits"] = {{"timeout", run.limits.timeout_seconds}, {"rss", run.limits.rss_mb}};
  if (!run.options.empty()) json["options"] = run.options;
  return json;
}

RunSpec ReadRunSpec(const Json& json, const std::string& where) {
  RunSpec run;
  if (json.is_object()) {
    run.runner = TextOf(json, "runner");
    if (run.runner.empty()) run.runner = RunnerOf(json);
    run.harness = TextOf(json, "harness");
    run.server = ReadServer(ObjectOf(json, "server"));
    const Json limits = ObjectOf(json, "limits");
    // In a report, 0 means that it has no limit.
    if (const uint64_t seconds = NumberOf(limits, "timeout"); seconds != 0) {
      run.limits.timeout_seconds = static_cast<int>(std::min(seconds, runner::kMostSeconds));
    }
    if (const uint64_t megabytes = NumberOf(limits, "rss"); megabytes != 0) {
      run.limits.rss_mb = std::min(megabytes, runner::kMostMegabytes);
    }
    run.options = ObjectOf(json, "options");
  }
  if (run.harness.empty()) {
    throw runner::UserError(
        where + ": is no report of a finding: name the report.json in the finding's folder");
  }
  return run;
}

Json ToJson(const Failure& failure) {
  Json json = ToJson(failure.run);
  const Symptom& what = failure.what;
  json["signature"] = runner::JsonText(what.signature);
  SetText(&json, "kind", what.kind);
  SetText(&json, "invariant", what.invariant);
  SetText(&json, "statement", what.statement);
  if (what.op) json["op"] = *what.op;
  SetText(&json, "expected", what.expected);
  SetText(&json, "seen", what.seen);
  if (!what.frames.empty()) json["frames"] = what.frames;
  if (!what.details.empty()) json["details"] = what.details;
  SetText(&json, "case", failure.input.text);
  json["tape"] = ToHex(failure.input.tape);
  SetText(&json, "hash", failure.hash);
  json["minimized"] = failure.input.minimized;
  if (failure.replays) json["replays"] = *failure.replays;
  SetFlag(&json, "interrupted", failure.interrupted);
  json["size"] = {{"ops_before", failure.input.ops_before},
                  {"ops_after", failure.input.ops_after},
                  {"bytes_before", failure.input.bytes_before},
                  {"bytes_after", failure.input.bytes_after},
                  {"candidates", failure.input.candidates}};
  SetText(&json, "verb", failure.verb);
  for (const std::string& word : failure.arguments) {
    json["arguments"].push_back(runner::JsonText(word));
  }
  SetText(&json, "engine", failure.engine);
  json["seed"] = failure.seed;
  SetText(&json, "from", failure.from);
  if (!failure.versions.empty()) json["versions"] = failure.versions;
  SetText(&json, "first_seen", failure.first_seen);
  SetText(&json, "last_seen", failure.last_seen);
  json["met"] = failure.met;
  SetText(&json, "checked", failure.checked);
  SetText(&json, "state", failure.state);
  return json;
}

Failure ReadFailure(const Json& json, const std::string& where, std::string* missing) {
  Failure failure;
  failure.run = ReadRunSpec(json, where);
  Symptom& what = failure.what;
  what.signature = TextOf(json, "signature");
  what.kind = TextOf(json, "kind");
  what.invariant = TextOf(json, "invariant");
  what.statement = TextOf(json, "statement");
  if (const auto op = json.find("op"); op != json.end() && op->is_number_unsigned()) {
    what.op = op->get<uint64_t>();
  }
  what.expected = TextOf(json, "expected");
  what.seen = TextOf(json, "seen");
  what.frames = TextsOf(json, "frames");
  what.details = ObjectOf(json, "details");
  failure.input.text = TextOf(json, "case");
  failure.input.tape = FromHex(TextOf(json, "tape"));
  failure.hash = TextOf(json, "hash");
  failure.input.minimized = FlagOf(json, "minimized");
  if (const auto replays = json.find("replays"); replays != json.end() && replays->is_boolean()) {
    failure.replays = replays->get<bool>();
  }
  failure.interrupted = FlagOf(json, "interrupted");
  const Json size = ObjectOf(json, "size");
  failure.input.ops_before = NumberOf(size, "ops_before");
  failure.input.ops_after = NumberOf(size, "ops_after");
  failure.input.bytes_before = NumberOf(size, "bytes_before");
  failure.input.bytes_after = NumberOf(size, "bytes_after");
  failure.input.candidates = NumberOf(size, "candidates");
  failure.verb = TextOf(json, "verb");
  failure.arguments = TextsOf(json, "arguments");
  failure.engine = TextOf(json, "engine");
  failure.seed = NumberOf(json, "seed");
  failure.from = TextOf(json, "from");
  failure.versions = ObjectOf(json, "versions");
  failure.first_seen = TextOf(json, "first_seen");
  failure.last_seen = TextOf(json, "last_seen");
  failure.met = NumberOf(json, "met", 1);
  failure.checked = TextOf(json, "checked");
  failure.state = TextOf(json, "state");
  missing->clear();
  // Reports of earlier versions name no runner, and no server that could be restarted.
  if (!json.contains("runner") && failure.run.runner != "process") {
    if (const std::string version = TextOf(json, "server"); !version.empty()) {
      failure.run.server.version = version;
      failure.run.server.profile = TextOf(json, "profile");
    }
    *missing =
        "an earlier version wrote it and does not say how its server was started: add --start "
        "COMMAND, --server HOST:PORT or --unix PATH";
  }
  return failure;
}

std::string OpText(uint64_t op, uint64_t ops) {
  if (ops == 0) return op == 0 ? "the end" : "#" + std::to_string(op);
  if (op < ops) return "#" + std::to_string(op);
  return "the end, after #" + std::to_string(ops - 1);
}

std::string KindOf(const std::string& signature) {
  return signature.substr(0, signature.find(':'));
}

bool SameFailure(const std::string& a, const std::string& b) {
  if (a == b || (a.starts_with("signal") && b.starts_with("signal"))) return true;
  // "assert:file:line function `expression':frames"
  const auto assertion = [](const std::string& text) { return text.substr(0, text.rfind('\'')); };
  return a.starts_with("assert:") && b.starts_with("assert:") && assertion(a) == assertion(b);
}

std::string FileNameOf(const std::string& signature) { return Signature{signature, "", {}}.Slug(); }

}  // namespace resprobe::findings
