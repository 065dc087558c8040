#include "worlds/io_chaos/request_words.h"

#include <algorithm>

namespace resprobe {
namespace {

constexpr size_t kMostBytes = 16 * 1024;  // of an upload
constexpr std::string_view kPatterns[] = {"*", "a*", "b"};

}  // namespace

RequestWords::RequestWords() {
  for (size_t i = 0; i < kMostBytes; ++i) blob_ += static_cast<char>('a' + i % 26);
}

std::span<const std::string_view> RequestWords::Words(
    std::initializer_list<std::string_view> words) {
  std::copy(words.begin(), words.end(), words_.begin());
  return {words_.data(), words.size()};
}

std::span<const std::string_view> RequestWords::Named(std::string_view command,
                                                      std::span<const std::string_view> names,
                                                      size_t which, size_t count) {
  words_[0] = command;
  count = std::min(count, names.size());
  for (size_t i = 0; i < count; ++i) words_[1 + i] = names[(which + i) % names.size()];
  return {words_.data(), 1 + count};
}

std::span<const std::string_view> RequestWords::Of(const IoRequest& request) {
  const size_t which = request.which;
  const size_t size = request.size;
  const std::string_view key = kIoKeys[which % std::size(kIoKeys)];
  switch (request.step) {
    case ClientStep::kPing:
      return Words({"PING"});
    case ClientStep::kSet:
      return Words({"SET", key, "value"});
    case ClientStep::kGet:
      return Words({"GET", key});
    case ClientStep::kDownload:
      // A reply of the requested size, without an upload before it.
      return Words({"ECHO", std::string_view(blob_).substr(0, std::min(size, kMostBytes / 8))});
    case ClientStep::kUpload:
      return Words({"SET", "u", std::string_view(blob_).substr(0, std::min(size, kMostBytes))});
    case ClientStep::kMulti:
      return Words({"MULTI"});
    case ClientStep::kExec:
      return Words({"EXEC"});
    case ClientStep::kSubscribe:
      return Named("SUBSCRIBE", kIoKeys, which, std::max<size_t>(size, 1));
    case ClientStep::kPsubscribe:
      return Named("PSUBSCRIBE", kPatterns, which, std::max<size_t>(size, 1));
    case ClientStep::kUnsubscribe:
      return Named("UNSUBSCRIBE", kIoKeys, which, size);
    case ClientStep::kPunsubscribe:
      return Named("PUNSUBSCRIBE", kPatterns, which, size);
    case ClientStep::kMonitor:
      return Words({"MONITOR"});
    case ClientStep::kHello:
      return Words({"HELLO", "3"});
    case ClientStep::kTracking:
      return Words({"CLIENT", "TRACKING", "ON", "BCAST"});
  }
  return {};
}

}  // namespace resprobe
