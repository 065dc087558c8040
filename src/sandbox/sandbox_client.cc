#include "sandbox/sandbox_client.h"

namespace resprobe::sandbox {
namespace {

void Print(const resp::ReplyView& value, std::string* text) {
  if (value.is_aggregate()) {
    bool first = true;
    for (const resp::ReplyView& element : value) {
      if (!first) *text += '\n';
      first = false;
      Print(element, text);
    }
  } else if (value.is_null()) {
    *text += "(nil)";
  } else {
    if (value.is_error()) *text += '-';
    text->append(value.text());
  }
}

}  // namespace

std::string SandboxClient::TextOf(const resp::ReplyView& reply) {
  std::string text;
  Print(reply, &text);
  return text;
}

void SandboxClient::Disconnect() {
  if (connection_ != 0) sandbox_->Close(connection_);
  connection_ = 0;
  parser_.Reset();
  in_.clear();
}

size_t SandboxClient::Send(std::string_view requests, size_t count, int64_t within_us,
                           const std::function<void(const resp::ReplyView&)>& see) {
  if (connection_ == 0) connection_ = sandbox_->Dial(node_, port_);
  const int64_t until = sandbox_->now_us() + within_us;
  size_t replies = 0;
  text_.clear();
  while (replies < count) {
    requests.remove_prefix(sandbox_->Write(connection_, requests));
    const Sandbox::Stop stop = sandbox_->RunUntilArrival(until);
    in_.clear();
    const bool open = sandbox_->Read(connection_, &in_);
    std::string_view rest = in_;
    while (replies < count && !rest.empty()) {
      const resp::ReplyParser::Result result = parser_.Parse(rest);
      rest.remove_prefix(result.consumed);
      if (result.status != resp::ReplyParser::Status::kValue) break;
      if (see != nullptr) see(parser_.reply().root());
      if (++replies == count) Print(parser_.reply().root(), &text_);
    }
    if (replies == count) break;
    if (!open || stop == Sandbox::Stop::kTime || stop == Sandbox::Stop::kFailed ||
        stop == Sandbox::Stop::kFrozen) {
      Disconnect();
      break;
    }
  }
  return replies;
}

bool SandboxClient::SendAndCut(std::string_view bytes, int64_t reply_us) {
  if (connection_ == 0) {
    connection_ = sandbox_->Dial(node_, port_);
    // A connection that has not been accepted would go without a trace.
    constexpr int64_t kAcceptUs = 10;
    sandbox_->RunFor(kAcceptUs);
  }
  sandbox_->Write(connection_, bytes);
  bool arrived = false;
  if (reply_us > 0) {
    const int64_t until = sandbox_->now_us() + reply_us;
    arrived = sandbox_->RunUntilArrival(until) == Sandbox::Stop::kArrival;
  }
  Disconnect();
  return arrived;
}

std::string SandboxClient::Ask(std::initializer_list<std::string_view> words, int64_t within_us) {
  std::string request = "*" + std::to_string(words.size()) + "\r\n";
  for (const std::string_view word : words) {
    request += "$" + std::to_string(word.size()) + "\r\n";
    request += word;
    request += "\r\n";
  }
  return Send(request, 1, within_us) == 1 ? text_ : "(no reply)";
}

}  // namespace resprobe::sandbox
