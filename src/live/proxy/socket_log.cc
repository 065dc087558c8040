#include "live/proxy/socket_log.h"

#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <ctime>

namespace resprobe::live {
namespace {

constexpr size_t kMostData = 64;

// Appends a JSON string; a byte that is not ASCII becomes the character with that number.
void AppendJson(std::string* out, std::string_view bytes) {
  *out += '"';
  for (const char c : bytes) {
    if (c == '"' || c == '\\') {
      *out += '\\';
      *out += c;
    } else if (c == '\r') {
      *out += "\\r";
    } else if (c == '\n') {
      *out += "\\n";
    } else if (c >= ' ' && c <= '~') {
      *out += c;
    } else {
      char hex[8];
      std::snprintf(hex, sizeof(hex), "\\u%04x", static_cast<unsigned char>(c));
      *out += hex;
    }
  }
  *out += '"';
}

void AppendField(std::string* out, std::string_view name, std::string_view text) {
  *out += ",\"";
  *out += name;
  *out += "\":";
  AppendJson(out, text);
}

void AppendField(std::string* out, std::string_view name, int64_t number) {
  *out += ",\"";
  *out += name;
  *out += "\":";
  *out += std::to_string(number);
}

}  // namespace

int64_t SteadyUs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000;
}

SocketLog::SocketLog(int fd) : fd_(fd), start_us_(SteadyUs()) {}

void SocketLog::Begin() {
  lines_ += "{\"seq\":" + std::to_string(++sequence_);
  AppendField(&lines_, "us", SteadyUs() - start_us_);
}

void SocketLog::Finish() {
  lines_ += "}\n";
  if (!held_) Release();
}

void SocketLog::Release() {
  held_ = false;
  // A failure to write the log must not change what is logged.
  if (on()) {
    [[maybe_unused]] const ssize_t written = write(fd_, lines_.data(), lines_.size());
  }
  lines_.clear();
}

void SocketLog::Add(const SocketEvent& event) {
  if (!on()) return;
  Begin();
  if (event.connection != 0) {
    AppendField(&lines_, "connection", static_cast<int64_t>(event.connection));
  }
  if (!event.side.empty()) AppendField(&lines_, "side", event.side);
  AppendField(&lines_, "what", event.what);
  if (event.asked != SocketEvent::kNone) AppendField(&lines_, "asked", event.asked);
  if (event.result != SocketEvent::kNone) AppendField(&lines_, "result", event.result);
  if (event.error != 0) {
    const char* const name = strerrorname_np(event.error);
    AppendField(&lines_, "error",
                name == nullptr ? std::to_string(event.error) : std::string(name));
  }
  if (!event.note.empty()) AppendField(&lines_, "note", event.note);
  if (!event.data.empty()) AppendField(&lines_, "data", event.data.substr(0, kMostData));
  Finish();
}

void SocketLog::Text(std::string_view what, std::string_view text) {
  if (!on()) return;
  Begin();
  AppendField(&lines_, "what", what);
  AppendField(&lines_, "text", text);
  Finish();
}

}  // namespace resprobe::live
