#include "live/proxy/reply_editor.h"

#include "sim/toxic_reply.h"

namespace resprobe::live {

void ReplyEditor::SetToxics(std::span<const Toxic> toxics) {
  toxics_.clear();
  for (const Toxic& toxic : toxics) {
    if (InfoOf(toxic.kind).place == ToxicPlace::kReply &&
        toxic.direction == ToxicDirection::kDownstream) {
      toxics_.push_back(toxic);
    }
  }
}

void ReplyEditor::Feed(std::string_view bytes, const Fired& fired, std::string* out) {
  using Status = resp::ReplyParser::Status;
  while (!bytes.empty() && !foreign_) {
    if (parser_.idle()) editing_ = !toxics_.empty();
    const resp::ReplyParser::Result result = parser_.Parse(bytes);
    if (result.status == Status::kError) {
      foreign_ = true;
      out->append(held_);
      held_.clear();
      break;
    }
    (editing_ ? held_ : *out).append(bytes.substr(0, result.consumed));
    bytes.remove_prefix(result.consumed);
    if (result.status == Status::kValue) EndReply(fired, out);
  }
  out->append(bytes);
}

void ReplyEditor::EndReply(const Fired& fired, std::string* out) {
  ++replies_;
  if (!editing_) return;
  std::string edited;
  for (const Toxic& toxic : toxics_) {
    edited.clear();
    if (EditReply(toxic, replies_, held_, &edited)) fired(toxic);
    held_.swap(edited);
  }
  out->append(held_);
  held_.clear();
}

}  // namespace resprobe::live
