#ifndef RESPROBE_LIVE_RECORD_COMMAND_CASE_RECORDER_H_
#define RESPROBE_LIVE_RECORD_COMMAND_CASE_RECORDER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace resprobe::live {

// Records the requests of several connections in order of arrival, as `.ops` text for the harness
// command_handler (engine/ops_text.h): a single request as `call`, several requests from one read
// as `queue`, …, `call`. Records up to four connections at a time; a further one takes the slot of
// a closed one, as a reconnect of that client. A text ends after about `max_ops`.
class CommandCaseRecorder {
 public:
  using Emit = std::function<void(std::string_view text)>;

  CommandCaseRecorder(size_t max_ops, size_t max_request_bytes, Emit emit)
      : max_ops_(max_ops), max_request_bytes_(max_request_bytes), emit_(std::move(emit)) {}

  void Open(uint64_t connection);
  // Records a request; requests longer than `max_request_bytes` are omitted.
  void Request(uint64_t connection, std::span<const std::string_view> args);
  // Called after the last request from one read.
  void EndOfRead(uint64_t connection);
  void Close(uint64_t connection);
  // Ends the current text, which is the last.
  void Finish();

 private:
  struct Slot {
    uint64_t connection = 0;  // 0: free
    bool resp3 = false;
    bool used = false;  // occurs in the current text
  };

  Slot* Find(uint64_t connection);
  size_t NumberOf(const Slot& slot) const { return static_cast<size_t>(&slot - slots_.data()); }
  void Begin();

  size_t max_ops_;
  size_t max_request_bytes_;
  Emit emit_;
  std::array<Slot, 4> slots_;
  std::vector<std::string> at_once_;  // requests of the current read, as words
  std::string text_;                  // the ops of the current text
  size_t protocol3_ = 0;              // bit i: client i used RESP3 when the text began
  size_t ops_ = 0;
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_RECORD_COMMAND_CASE_RECORDER_H_
