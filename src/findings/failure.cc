#include "findings/failure.h"

#include <absl/time/clock.h>
#include <absl/time/time.h>

#include <algorithm>
#include <ctime>
#include <sstream>

#include "engine/triage.h"
#include "runner/json_fields.h"
#include "runner/text.h"
#include "runner/user_error.h"
#include "runner/whole_number.h"

namespace resprobe::findings {
namespace {

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
  server.start = runner::TextField(json, "start");
  server.address = runner::TextField(json, "address");
  server.unix_path = runner::TextField(json, "unix");
  server.arguments = runner::TextsField(json, "arguments");
  server.profile = runner::TextField(json, "profile");
  server.flush = runner::BoolField(json, "flush");
  server.allow_remote = runner::BoolField(json, "allow_remote");
  server.sandbox = runner::BoolField(json, "sandbox");
  server.hang_seconds = static_cast<int>(
      std::min<uint64_t>(runner::UintField(json, "hang").value_or(10), runner::kMostSeconds));
  server.version = runner::TextField(json, "version");
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
    run.runner = runner::TextField(json, "runner");
    if (run.runner.empty()) run.runner = RunnerOf(json);
    run.harness = runner::TextField(json, "harness");
    run.server = ReadServer(runner::ObjectField(json, "server"));
    const Json limits = runner::ObjectField(json, "limits");
    // In a report, 0 means that it has no limit.
    if (const uint64_t seconds = runner::UintField(limits, "timeout").value_or(0); seconds != 0) {
      run.limits.timeout_seconds = static_cast<int>(std::min(seconds, runner::kMostSeconds));
    }
    if (const uint64_t megabytes = runner::UintField(limits, "rss").value_or(0); megabytes != 0) {
      run.limits.rss_mb = std::min(megabytes, runner::kMostMegabytes);
    }
    run.options = runner::ObjectField(json, "options");
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
  what.signature = runner::TextField(json, "signature");
  what.kind = runner::TextField(json, "kind");
  what.invariant = runner::TextField(json, "invariant");
  what.statement = runner::TextField(json, "statement");
  if (const auto op = json.find("op"); op != json.end() && op->is_number_unsigned()) {
    what.op = op->get<uint64_t>();
  }
  what.expected = runner::TextField(json, "expected");
  what.seen = runner::TextField(json, "seen");
  what.frames = runner::TextsField(json, "frames");
  what.details = runner::ObjectField(json, "details");
  failure.input.text = runner::TextField(json, "case");
  failure.input.tape = FromHex(runner::TextField(json, "tape"));
  failure.hash = runner::TextField(json, "hash");
  failure.input.minimized = runner::BoolField(json, "minimized");
  if (const auto replays = json.find("replays"); replays != json.end() && replays->is_boolean()) {
    failure.replays = replays->get<bool>();
  }
  failure.interrupted = runner::BoolField(json, "interrupted");
  const Json size = runner::ObjectField(json, "size");
  failure.input.ops_before = runner::UintField(size, "ops_before").value_or(0);
  failure.input.ops_after = runner::UintField(size, "ops_after").value_or(0);
  failure.input.bytes_before = runner::UintField(size, "bytes_before").value_or(0);
  failure.input.bytes_after = runner::UintField(size, "bytes_after").value_or(0);
  failure.input.candidates = runner::UintField(size, "candidates").value_or(0);
  failure.verb = runner::TextField(json, "verb");
  failure.arguments = runner::TextsField(json, "arguments");
  failure.engine = runner::TextField(json, "engine");
  failure.seed = runner::UintField(json, "seed").value_or(0);
  failure.from = runner::TextField(json, "from");
  failure.versions = runner::ObjectField(json, "versions");
  failure.first_seen = runner::TextField(json, "first_seen");
  failure.last_seen = runner::TextField(json, "last_seen");
  failure.met = runner::UintField(json, "met").value_or(1);
  failure.checked = runner::TextField(json, "checked");
  failure.state = runner::TextField(json, "state");
  missing->clear();
  // Reports of earlier versions name no runner, and no server that could be restarted.
  if (!json.contains("runner") && failure.run.runner != "process") {
    if (const std::string version = runner::TextField(json, "server"); !version.empty()) {
      failure.run.server.version = version;
      failure.run.server.profile = runner::TextField(json, "profile");
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
