#include "cli/proxy/toxic_options.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <sstream>

#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

// The value of "KEY=VALUE"; nullptr if the key differs.
const char* ValueOf(const std::string& word, const std::string& key) {
  return word.starts_with(key + "=") ? word.c_str() + key.size() + 1 : nullptr;
}

live::GateToxic ParseOne(const std::string& option, const std::string& text) {
  live::GateToxic toxic;
  std::istringstream words(text);
  std::string rest;
  for (std::string word; words >> word;) {
    if (const char* name = ValueOf(word, "name")) {
      toxic.name = name;
      if (const std::string wrong = WrongInName(name); !wrong.empty()) {
        throw runner::UserError(option + ": " + wrong);
      }
    } else if (const char* share = ValueOf(word, "toxicity")) {
      char* end = nullptr;
      toxic.toxicity = std::strtod(share, &end);
      if (end == share || *end != '\0' || !(toxic.toxicity >= 0 && toxic.toxicity <= 1)) {
        throw runner::UserError(option + ": toxicity=" + share + ": give a number from 0 to 1");
      }
    } else {
      rest += (rest.empty() ? "" : " ") + word;
    }
  }
  std::string error;
  const std::optional<Toxic> parsed = ParseToxic(rest, &error);
  if (!parsed || !live::WorksOnSockets(*parsed, &error))
    throw runner::UserError(option + ": " + error);
  toxic.toxic = *parsed;
  if (toxic.name.empty()) {
    toxic.name = std::string(InfoOf(parsed->kind).name) + "_" +
                 std::string(kToxicDirectionNames[static_cast<size_t>(parsed->direction)]);
  }
  return toxic;
}

}  // namespace

std::vector<live::GateToxic> ParseToxics(const std::string& option, const std::string& text) {
  std::vector<live::GateToxic> toxics;
  std::istringstream parts(text);
  for (std::string part; std::getline(parts, part, ';');) {
    if (part.find_first_not_of(" \t") == std::string::npos) continue;
    live::GateToxic toxic = ParseOne(option, part);
    std::string error;
    if (!StandsBeside(toxics, toxic, &error)) throw runner::UserError(option + ": " + error);
    toxics.push_back(std::move(toxic));
  }
  return toxics;
}

bool StandsBeside(const std::vector<live::GateToxic>& others, const live::GateToxic& toxic,
                  std::string* error) {
  for (const live::GateToxic& other : others) {
    if (other.name == toxic.name) {
      *error = "toxic already exists: " + toxic.name;
      return false;
    }
    if (other.toxic.kind == toxic.toxic.kind && other.toxic.direction == toxic.toxic.direction) {
      *error = "a second " + std::string(InfoOf(toxic.toxic.kind).name) +
               " on one stream: change or remove " + other.name;
      return false;
    }
  }
  return true;
}

std::string WrongInName(const std::string& name) {
  if (name.find('/') == name.npos) return "";
  return "bad name '" + name + "': give one without a slash";
}

std::string FiredText(const ToxicCounts& fired) {
  std::string text;
  for (const ToxicInfo& info : Toxics()) {
    if (fired[info.kind] == 0) continue;
    text += (text.empty() ? "" : ", ") + std::string(info.name) + " " +
            std::to_string(fired[info.kind]);
  }
  return text.empty() ? "none" : text;
}

std::string ToxicsHelp() {
  std::string text;
  for (const ToxicInfo& info : Toxics()) {
    if (info.place == ToxicPlace::kCall || info.place == ToxicPlace::kMemory) continue;
    text += "  " + std::string(info.name);
    for (const ToxicAttribute& attribute : info.named()) {
      text += " " + std::string(attribute.name) + "=" + std::to_string(attribute.usual);
    }
    text += ": " + std::string(info.summary) + "\n";
  }
  return text;
}

Option& AddLogOption(Verb* verb, std::string* log) {
  return verb
      ->Text(
          "--log", "FILE", log,
          "What happened on the sockets, as JSON lines; FILE is begun anew; - is standard output")
      .Complete(Completion::kFile);
}

LogFile::LogFile(const std::string& name) {
  if (name.empty()) return;
  if (name == "-") {
    fd_ = STDOUT_FILENO;
    return;
  }
  own_.Reset(open(name.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644));
  if (!own_.valid()) {
    throw runner::UserError("--log: " + name + " cannot be written: " + std::strerror(errno));
  }
  fd_ = own_.get();
}

}  // namespace resprobe::cli
