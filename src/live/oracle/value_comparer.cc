#include "live/oracle/value_comparer.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "core/resp/writer.h"

namespace resprobe::live {
namespace {

using resp::ReplyView;
using resp::Type;

std::string Written(const ReplyView& value) {
  std::string text;
  resp::AppendReply(&text, value);
  return text;
}

// Both as text; where the texts are the same, by what kinds they are, or as sent.
std::pair<std::string, std::string> Texts(const ReplyView& core, const ReplyView& server) {
  std::pair<std::string, std::string> texts = {resp::ToText(core), resp::ToText(server)};
  if (texts.first != texts.second) return texts;
  if (Label(core) != Label(server)) {
    const auto named = [](const ReplyView& value, const std::string& text) {
      return value.is_null() ? Label(value) : Label(value) + " " + text;
    };
    return {named(core, texts.first), named(server, texts.second)};
  }
  texts.first.clear();
  texts.second.clear();
  resp::AppendEscaped(&texts.first, Written(core));
  resp::AppendEscaped(&texts.second, Written(server));
  return texts;
}

bool EndsSubscriptions(const Asked& asked) {
  return asked.command != nullptr && asked.command->unsubscribes;
}

}  // namespace

bool IsPush(const ReplyView& value) {
  if (value.type() == Type::kPush) return true;
  if (value.type() != Type::kArray || value.size() < 3 || value.size() > 4) return false;
  const std::string_view kind = value[0].text();
  return (kind == "message" && value.size() == 3) || (kind == "pmessage" && value.size() == 4);
}

void ValueComparer::Compare(const std::vector<SentValue>& ours,
                            const std::vector<SentValue>& theirs) {
  std::vector<const SentValue*> replies[2];
  std::vector<const SentValue*> pushes[2];
  const std::vector<SentValue>* sides[] = {&ours, &theirs};
  for (int side = 0; side < 2; ++side) {
    for (const SentValue& value : *sides[side]) {
      (IsPush(value.reply.root()) ? pushes : replies)[side].push_back(&value);
    }
  }
  CompareLists(replies[0], replies[1]);
  if (verdict_->going()) CompareLists(pushes[0], pushes[1]);
}

// Values caused by one request are adjacent; pushes caused by one request come in any order.
void ValueComparer::CompareLists(const std::vector<const SentValue*>& ours,
                                 const std::vector<const SentValue*>& theirs) {
  for (size_t i = 0, end = 0; i < ours.size(); i = end) {
    const Asked& asked = log_->At(ours[i]->asked);
    for (end = i + 1; end < ours.size() && ours[end]->asked == ours[i]->asked;) ++end;
    if (end > theirs.size()) {
      const ReplyView missing = ours[std::max(i, theirs.size())]->reply.root();
      return verdict_->Differ(ours[i]->asked, "no " + std::string(resp::TypeName(missing.type())),
                              resp::ToText(missing), "nothing of the kind");
    }
    if (end - i == 1) {
      const ReplyView core = ours[i]->reply.root();
      const ReplyView server = theirs[i]->reply.root();
      Mismatch mismatch;
      if (ours[i]->own && !IsPush(core)) {
        if (comparer_->Same(asked, core, server, &mismatch)) continue;
      } else if (comparer_->SamePush(core, server)) {
        continue;
      } else {
        mismatch.kind = "push: " + KindOfMismatch(core, server);
      }
      auto [ours_text, theirs_text] = Texts(core, server);
      if (verdict_->ValueDiffers(ours[i]->asked, mismatch, std::move(ours_text),
                                 std::move(theirs_text))) {
        return;
      }
      continue;
    }
    std::vector<std::string> lists[2];
    std::string texts[2];
    const std::vector<const SentValue*>* sides[] = {&ours, &theirs};
    for (int side = 0; side < 2; ++side) {
      for (size_t j = i; j < end; ++j) {
        const ReplyView value = (*sides[side])[j]->reply.root();
        texts[side] += (j > i ? ", " : "") + resp::ToText(value);
        if (EndsSubscriptions(asked) && value.size() == 3) {
          // Their order is unspecified; the remaining count is not.
          lists[side].push_back(Written(value[0]) + Written(value[1]));
          lists[side].push_back(std::to_string(j) + " " + Written(value[2]));
        } else {
          lists[side].push_back(IsPush(value) ? WrittenPush(value) : Written(value));
        }
      }
      std::sort(lists[side].begin(), lists[side].end());
    }
    if (lists[0] != lists[1]) {
      if (verdict_->ValueDiffers(ours[i]->asked, {.kind = "value of messages"}, texts[0],
                                 texts[1])) {
        return;
      }
    }
  }
  if (theirs.size() > ours.size()) {
    const ReplyView extra = theirs[ours.size()]->reply.root();
    const size_t asked = ours.empty() ? log_->last() : ours.back()->asked;
    verdict_->Differ(asked, "a " + std::string(resp::TypeName(extra.type())) + " too many",
                     "nothing more", resp::ToText(extra));
  }
}

}  // namespace resprobe::live
