#include "live/model/request_stream.h"

#include <algorithm>

#include "core/resp/writer.h"

namespace resprobe::live {

size_t RequestStream::Take(std::string_view bytes, const Translate& translate, std::string* out) {
  stream_.append(bytes);
  size_t whole = 0;
  while (!stream_.empty()) {
    parser_.Reset();
    const resp::RequestParser::Result result = parser_.Parse(stream_);
    if (result.status == resp::RequestParser::Status::kRequest) {
      ++whole;
      instead_.clear();
      const bool other = translate(parser_.args(), &instead_);
      if (other && sent_ == 0) {
        const std::vector<std::string_view> words(instead_.begin(), instead_.end());
        resp::AppendRequest(out, words);
      } else {
        out->append(stream_, sent_, result.consumed - sent_);
      }
      stream_.erase(0, result.consumed);
      sent_ = 0;
      continue;
    }
    const bool more = result.status == resp::RequestParser::Status::kNeedMore;
    if (!more || sent_ > 0 || !MayBeHeld()) {
      out->append(stream_, sent_);
      sent_ = stream_.size();
    }
    return whole;
  }
  return whole;
}

size_t RequestStream::UpToEndOfRequest(std::string_view bytes) {
  const std::string all = stream_ + std::string(bytes);
  parser_.Reset();
  const resp::RequestParser::Result result = parser_.Parse(all);
  return result.status == resp::RequestParser::Status::kRequest ? result.consumed - stream_.size()
                                                                : bytes.size();
}

// True if the first word, as far as it has arrived, may be one of the held commands.
bool RequestStream::MayBeHeld() const {
  std::string_view word = stream_;
  if (!word.starts_with('*')) return true;
  for (int line = 0; line < 2; ++line) {
    const size_t end = word.find("\r\n");
    if (end == std::string_view::npos) return true;
    word.remove_prefix(end + 2);
  }
  word = word.substr(0, word.find('\r'));
  return std::ranges::any_of(held_, [&](std::string_view held) { return held.starts_with(word); });
}

}  // namespace resprobe::live
